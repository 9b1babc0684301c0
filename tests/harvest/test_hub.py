"""What the Hub says in many lines, in one; and whether it is there."""

from huggingface_hub import constants

from xc.harvest import hub


def test_offline_mode_is_no_connection(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub.reachable()


def test_a_refused_connection_is_no_connection(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert not hub.reachable()


def test_one_line():
    error = RuntimeError("404 Client Error. (Request ID: x)\n\nRepository Not Found for url: y.\nz")
    assert hub.hub_message(error).endswith("(Repository Not Found for url: y.)")
    assert "ValueError" in hub.hub_message(ValueError())
