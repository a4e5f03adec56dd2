"""A base model that is marked as predicting velocity, and one that is marked as predicting noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bespoke_core.errors import InputError
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.plan import make_plan

Make = Callable[..., TrainingConfig]


@pytest.fixture
def marked(make_config: Make, tiny_base: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Plan a run on a base with marks; return the notices about it."""

    def plan(
        keys: tuple[str, ...] = (), metadata: dict[str, str] | None = None, **changes: bool
    ) -> list[str]:
        path = tmp_path / "marked.safetensors"
        save_file({**load_file(tiny_base), **{key: torch.zeros(0) for key in keys}}, path, metadata)
        config = make_config(pretrained_model_name_or_path=str(path), **changes)
        return [text for text in make_plan(config, tmp_path / "run").notices if path.name in text]

    return plan


@pytest.mark.parametrize(
    ("keys", "metadata"),
    [
        (("v_pred",), None),
        (("v_pred", "ztsnr"), None),
        ((), {"modelspec.prediction_type": "v"}),
        ((), {"prediction_type": "v_prediction"}),
    ],
)
def test_a_base_that_predicts_velocity_is_not_trained_as_if_it_predicted_noise(
    marked: Callable[..., list[str]], keys: tuple[str, ...], metadata: dict[str, str] | None
) -> None:
    with pytest.raises(
        InputError, match=r"v_parameterization: False: .*marked\.safetensors predicts velocity"
    ):
        marked(keys, metadata)
    told = marked(keys, metadata, v_parameterization=True)
    assert [text for text in told if "zero_terminal_snr = true" in text] == (told if "ztsnr" in keys else [])
    assert marked(keys, metadata, v_parameterization=True, zero_terminal_snr=True) == []


def test_a_base_that_predicts_noise_may_be_taught_velocity_but_that_is_told(
    marked: Callable[..., list[str]],
) -> None:
    noise = {"modelspec.prediction_type": "epsilon"}
    [told] = marked((), noise, v_parameterization=True)
    assert "predicts noise (modelspec.prediction_type is epsilon): leave it out unless" in told
    assert marked((), noise) == []


def test_a_base_without_a_mark_or_with_an_unknown_one_is_taken_at_the_users_word(
    marked: Callable[..., list[str]],
) -> None:
    for metadata in (None, {"modelspec.prediction_type": "x0"}):
        for velocity in (False, True):
            assert marked((), metadata, v_parameterization=velocity) == []
