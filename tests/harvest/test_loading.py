"""Settings of a model's run: kernels, compilation, devices, bits, code of its own."""

import sys
from importlib.util import find_spec

import numpy as np
import own_code
import pytest
import torch
from tiny_adapters import save_adapter
from tiny_harvest import run, save_model

from xc.harvest import HarvestConfig, loading, resolve_models
from xc.harvest.config import DEFAULT_BATCH
from xc.harvest.forward import read_sites
from xc.harvest.loading import (
    batch_size,
    check_loading,
    compile_blocks,
    input_device,
    load,
    running_type,
    weight_bytes,
)
from xc.harvest.models import describe_model, load_model
from xc.harvest.sites import resolve_site
from xc.store_schema import ActivationStore, RequestError

CPU = torch.device("cpu")


def configured(**settings):
    return HarvestConfig(layers=("1",), **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loading") / "m"
    save_model(folder, "llama")
    return folder


@pytest.fixture(scope="module")
def described(folder):
    return describe_model(resolve_models([str(folder)])[0], blocks=None)


@pytest.fixture(scope="module")
def plain(folder, tmp_path_factory):
    """Rows of a store that was harvested without any setting."""
    path = tmp_path_factory.mktemp("plain") / "a"
    run(path, ("2", "1.mlp_out"), [folder], codec="fp32")
    return rows_of(path)


def rows_of(path):
    store = ActivationStore.open(path)
    return {source.key: np.asarray(store.activations(source.key)[:]) for source in store.sources}


def same_rows(found, plain):
    assert found.keys() == plain.keys()
    for key in plain:
        np.testing.assert_allclose(found[key], plain[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [{"attn_implementation": "eager"}, {"device_map": "auto"}, {"dtype": "float32"}],
    ids=str,
)
def test_the_same_rows(folder, plain, tmp_path, settings):
    run(tmp_path / "a", ("2", "1.mlp_out"), [folder], codec="fp32", **settings)
    same_rows(rows_of(tmp_path / "a"), plain)


def test_a_model_spread_over_places(described):
    """As accelerate lays one out over devices: weights come when a block is run."""
    path = described.stack.path
    blocks = {f"{path}.{i}": "disk" if i % 2 else "cpu" for i in range(described.stack.n_layers)}
    rest = dict.fromkeys(["model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"], "cpu")
    ids = torch.arange(20).reshape(2, 10)
    whole = load_model(described, dtype=torch.float32, device=CPU)
    spread = load_model(described, dtype=torch.float32, device=CPU, device_map={**blocks, **rest})
    assert spread.model.layers[1].mlp.up_proj.weight.device.type == "meta"
    assert input_device(spread, CPU) == CPU
    sites = {s: resolve_site(s, described.stack) for s in ("0", "1.attn_out", "1.mlp_out", "3")}
    found = []
    for module in (whole, spread):
        seen = {}
        read_sites(module, sites, input_ids=ids, receive=seen.__setitem__)
        found.append(seen)
    for site in sites:
        torch.testing.assert_close(found[0][site], found[1][site], rtol=0, atol=0)


@pytest.fixture
def tracing(monkeypatch):
    """Compilation by Dynamo's tracing alone; what follows it is PyTorch's own affair, and slow."""
    compiler = torch.compile
    monkeypatch.setattr(
        loading.torch, "compile", lambda f, **how: compiler(f, backend="eager", **how)
    )


@pytest.mark.slow
@pytest.mark.usefixtures("tracing")
def test_compiled_blocks_compute_the_same(folder, plain, tmp_path):
    run(tmp_path / "a", ("2", "1.mlp_out"), [folder], codec="fp32", compile=True)
    same_rows(rows_of(tmp_path / "a"), plain)


@pytest.mark.usefixtures("tracing")
def test_blocks_with_a_hook_inside_are_not_compiled(described):
    sites = [resolve_site(s, described.stack) for s in ("1.attn_out", "2", "model.layers.2.mlp")]
    blocks = load(configured(), described, {}, CPU).module.model.layers
    before = [block.forward for block in blocks]
    compile_blocks(blocks, "model.layers", sites)
    changed = [block.forward != was for block, was in zip(blocks, before, strict=True)]
    assert changed == [True, False, False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device_map": "automatic"}, "unknown device_map 'automatic'; did you mean 'auto'"),
        ({"quantize": "3bit"}, "unknown quantize '3bit'"),
    ],
)
def test_unknown_names(settings, message):
    with pytest.raises(RequestError, match=message):
        check_loading(configured(**settings))


def test_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"needs accelerate: .*xcdiff\[models\]"):
        check_loading(configured(device_map="auto"))


def test_an_unknown_kernel(folder, tmp_path):
    with pytest.raises(RequestError, match="model 'm'"):
        run(tmp_path / "a", ("1",), [folder], attn_implementation="made_up")


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (None, "cpu"),
        ({"": "cpu"}, "cpu"),
        ({"a": 0, "b": 1}, "cuda:0"),
        ({"a": "cpu", "b": 1, "c": "disk"}, "cuda:1"),
    ],
)
def test_where_token_ids_go(places, expected):
    module = torch.nn.Identity()
    if places is not None:
        module.hf_device_map = places
    assert input_device(module, CPU) == torch.device(expected)


def test_types_and_sizes(described):
    n = described.n_parameters
    sizes = {
        "float32": configured(),
        "bfloat16": configured(dtype="bfloat16"),
        "bfloat16 from 4bit": configured(dtype="bfloat16", quantize="4bit"),
    }
    assert {running_type(c, described, CPU) for c in sizes.values()} == {*sizes}
    assert [weight_bytes(c, described, CPU) for c in sizes.values()] == [4 * n, 2 * n, n // 2]


def test_batches(described):
    assert batch_size(configured(), described, seq_len=24, device=CPU) == DEFAULT_BATCH
    assert batch_size(configured(batch_size=3), described, seq_len=24, device=CPU) == 3


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A model with its own code, and a place where Transformers may keep a copy of that."""
    own_code.save_own(tmp_path / "own")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", tmp_path / "code")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path / "own"
    for name in [n for n in sys.modules if n.startswith("transformers_modules")]:
        del sys.modules[name]


def test_code_of_its_own_is_not_run_unasked(own, tmp_path):
    with pytest.raises(RequestError, match=r"modeling_own\.py .* --trust-remote-code"):
        run(tmp_path / "a", ("2",), [own])


def test_code_of_its_own_is_run_when_asked(own, folder, tmp_path):
    run(tmp_path / "a", ("2", "1.mlp_out"), [own], trust_remote_code=True, codec="fp32")
    found = rows_of(tmp_path / "a")
    run(tmp_path / "b", ("2", "1.mlp_out"), [folder], codec="fp32")
    same_rows({k.replace("own", "m"): v for k, v in found.items()}, rows_of(tmp_path / "b"))
    before = ActivationStore.open(tmp_path / "a").source("own@2").revision
    (own / "modeling_own.py").write_text(own_code.CODE + "\n")
    (ref,) = resolve_models([str(own)])
    again = describe_model(ref, blocks=None, trust_remote_code=True)
    assert again.files.revision != before


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs bitsandbytes")
@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_fewer_bits(tmp_path, bits):
    save_model(tmp_path / "m", "llama", hidden_size=64, intermediate_size=128)
    save_adapter(tmp_path / "m", tmp_path / "lora")
    pair = [tmp_path / "m", f"{tmp_path}/m+{tmp_path}/lora"]
    run(tmp_path / "whole", ("2,2",), pair, codec="fp32")
    run(tmp_path / "a", ("2,2",), pair, codec="fp32", quantize=bits)
    plain, rounded = rows_of(tmp_path / "whole"), rows_of(tmp_path / "a")
    for key, rows in plain.items():
        error = np.linalg.norm(rounded[key] - rows) / np.linalg.norm(rows)
        assert 0 < error < 0.4
    assert not np.allclose(rounded["m@2"], rounded["m+lora@2"], atol=0.1)
