"""The forward pass stops where it should and leaves the model as it was; parity is per family."""

import pytest
import tiny_models
import torch

from xc.harvest.forward import read_residuals

IDS = torch.ones(1, 4, dtype=torch.long)


def read(model, layers):
    seen = []
    read_residuals(
        model,
        model.model.layers,
        layers=layers,
        input_ids=IDS,
        receive=lambda layer, hidden: seen.append((layer, hidden.shape)),
    )
    return seen


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_nothing_runs_after_the_deepest_layer(layer):
    model = tiny_models.tiny_model("llama")
    ran = []
    for name, module in model.named_modules():
        module.register_forward_pre_hook(lambda m, args, name=name: ran.append(name))
    assert read(model, [layer]) == [(layer, (1, 4, tiny_models.WIDTH))]
    assert not any(name.startswith(f"model.layers.{layer}.") for name in ran)
    assert "lm_head" not in ran
    assert "model.norm" not in ran


def test_layers_come_shallowest_first():
    assert [layer for layer, _ in read(tiny_models.tiny_model("llama"), {3, 0, 2})] == [0, 2, 3]


def test_hooks_and_configuration_are_left_as_they_were():
    model = tiny_models.tiny_model("gemma2")
    before = model.config.to_dict()
    read(model, [1, 2])
    assert model.config.to_dict() == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.model.layers)
    model(input_ids=IDS)


def test_an_error_of_the_receiver_is_not_swallowed():
    model = tiny_models.tiny_model("llama")

    def refuse(layer, hidden):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_residuals(model, model.model.layers, layers=[1], input_ids=IDS, receive=refuse)
    assert not any(m._forward_pre_hooks for m in model.model.layers)
