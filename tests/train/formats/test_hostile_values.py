"""Files that are not what their layout promises end in one line, never in anything worse."""

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import foreign
import numpy as np
import pytest

from xc.store_schema import XcError
from xc.train.formats import open_reference as reading
from xc.train.formats.kinds import Wishes
from xc.train.formats.open_reference import open_reference
from xc.train.formats.weights import read_tensors

VALUES: tuple[Any, ...] = (None, True, -1, 0, 3, 2.5, 1e400, "", "text", [], [1, 2], {}, {"k": "x"})
JKMINDER = {
    "lm_name": "gemma-2-2b-it-gemma-2-2b", "layer": 13, "k": 3, "code_normalization": "SAE",
    "code_normalization_alpha_sae": 1.0, "encoder_layers": [0, 1], "keep_relative_variance": True,
}  # fmt: skip
SAELENS = {
    "architecture": "topk", "k": 4, "model_name": "gpt2", "hook_name": "blocks.3.hook_resid_pre",
    "activation_fn_kwargs": {"k": 3}, "activation_fn_str": "relu", "metadata": {},
    "normalize_activations": "none", "apply_b_dec_to_input": True, "model_class_name": "x",
    "model_from_pretrained_kwargs": {}, "finetuning_scaling_factor": False,
    "rescale_acts_by_decoder_norm": True,
}  # fmt: skip
KISSANE = {
    "model_name": "gemma-2-2b", "hook_point": "blocks.14.hook_resid_pre", "hook_point_A": "3",
    "xc": {"scale": [1.0, 1.0], "models": ["a", "b"], "sites": ["1", "2"],
           "centre_rows": [True, False]},
}  # fmt: skip
WISHES = (
    Wishes(),
    Wishes(scale=(1.0, 1.0)),
    Wishes(sources=("a@1", "b@1"), scale=(1.0, 1.0)),
    Wishes(sources=("a@1",)),
)
BUFFERS = {
    "code_normalization_id": np.array(3), "k": np.array(3), "threshold": np.array(2.0, np.float32),
    "activation_mean": np.zeros((2, 6), np.float32), "activation_std": np.ones((2, 6), np.float32),
    "activation_global_scale": np.ones(2, np.float32), "target_rms": np.array(1.0, np.float32),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _bytes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wished for, and whatever lies beside them."""

    @functools.cache
    def read(path: Path, data: bytes) -> Mapping[str, np.ndarray]:
        return read_tensors(path)

    monkeypatch.setattr(reading, "read_tensors", lambda path: read(path, path.read_bytes()))


def attempt(folder: Path) -> None:
    """Read it, or be told why not in one line."""
    for wishes in WISHES:
        said = ""
        try:
            open_reference(str(folder), wishes)
        except XcError as error:
            said = str(error)
        assert "\n" not in said


@pytest.mark.parametrize("name", JKMINDER)
def test_configurations_of_jkminder(tmp_path: Path, name: str) -> None:
    foreign.save_pt(tmp_path / "ae.pt", {**foreign.layered(), **BUFFERS})
    for value, nested in itertools.product(VALUES, (True, False)):
        config = {**JKMINDER, name: value}
        foreign.save_json(tmp_path / "config.json", {"trainer": config} if nested else config)
        attempt(tmp_path)


@pytest.mark.parametrize("name", SAELENS)
def test_configurations_of_saelens(tmp_path: Path, name: str) -> None:
    foreign.save_tensors(tmp_path / "sae_weights.safetensors", foreign.single())
    for value, architecture in itertools.product(VALUES, ("topk", "batchtopk", "jumprelu")):
        config = {**SAELENS, "architecture": architecture, name: value}
        foreign.save_json(tmp_path / "cfg.json", config)
        attempt(tmp_path)


@pytest.mark.parametrize("name", [*KISSANE, "scale", "models", "sites", "centre_rows"])
def test_configurations_of_kissane(tmp_path: Path, name: str) -> None:
    foreign.save_pt(tmp_path / "cc_weights.pt", foreign.joint())
    for value in VALUES:
        config: dict[str, Any] = {**KISSANE, name: value}
        if name not in KISSANE:
            config["xc"] = {**KISSANE["xc"], name: value}  # type: ignore[dict-item]
        elif name != "xc":
            del config["xc"]
        foreign.save_json(tmp_path / "cfg.json", config)
        attempt(tmp_path)


SHAPES = ((), (1,), (2,), (6,), (20,), (2, 6), (6, 20), (20, 6), (2, 6, 20), (2, 20, 6), (0,))


@pytest.mark.parametrize("name", [*foreign.layered(), *BUFFERS])
def test_tensors_of_jkminder(tmp_path: Path, name: str) -> None:
    foreign.save_json(tmp_path / "config.json", JKMINDER)
    for shape, kind in itertools.product(SHAPES, (np.float32, np.int64, bool)):
        tensors = {**foreign.layered(), **BUFFERS, name: np.ones(shape, kind)}
        foreign.save_pt(tmp_path / "ae.pt", tensors)
        attempt(tmp_path)


@pytest.mark.parametrize("layout", ["joint", "apart", "single"])
def test_tensors_of_the_others(tmp_path: Path, layout: str) -> None:
    whole = getattr(foreign, layout)()
    for name, shape in itertools.product([*whole, "threshold", "k"], SHAPES):
        foreign.save_pt(tmp_path / "0.pt", {**whole, name: np.ones(shape, np.float32)})
        attempt(tmp_path)
