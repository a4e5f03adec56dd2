"""Training the base model: it can be interrupted, and goes on as if it had not been."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bespoke_core.base import train as training
from bespoke_core.base.machine import needed_memory
from bespoke_core.base.pack import pack
from bespoke_core.base.recipe import Recipe
from bespoke_core.base.train import STATE, train
from bespoke_core.errors import InputError

torch = pytest.importorskip("torch")


def quiet(line: str) -> None:
    """Say nothing."""


def test_an_interrupted_training_goes_on_to_the_same_weights(
    tiny_recipe: Recipe, trained: Path, tokenizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "KEEP_EVERY", 2)
    monkeypatch.setattr(training, "CURVE_EVERY", 1)
    lines: list[str] = []

    def stop_in_step_three(line: str) -> None:
        lines.append(line)
        if line.startswith("step 3/4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_recipe, tmp_path, device="cpu", tokenizer_path=tokenizer, tell=stop_in_step_three)
    mean, progress = train(tiny_recipe, tmp_path, device="cpu", tokenizer_path=tokenizer, tell=lines.append)
    assert "goes on after step 2" in lines
    assert [step for step, _ in progress.curve] == [1, 2, 3, 4]
    whole, _ = train(tiny_recipe, trained, device="cpu", tokenizer_path=tokenizer, tell=quiet)
    assert all(torch.equal(mean[key], whole[key]) for key in whole)
    assert pack(tmp_path, tmp_path).sha256 == pack(trained, tmp_path / "whole").sha256


def test_a_finished_training_is_found_and_not_repeated(
    tiny_recipe: Recipe, trained: Path, tokenizer: str
) -> None:
    before = (trained / STATE).read_bytes()
    lines: list[str] = []
    _, progress = train(tiny_recipe, trained, device="cpu", tokenizer_path=tokenizer, tell=lines.append)
    assert lines == ["goes on after step 4"]
    assert progress.step == 4
    assert (trained / STATE).read_bytes() == before


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"unet_lr": 1e-4}, {"widths": (40, 40, 80)}, {"drawings": 10}]
)
def test_the_state_of_another_recipe_is_refused(
    change: dict[str, object], tiny_recipe: Recipe, trained: Path, tokenizer: str
) -> None:
    other = replace(tiny_recipe, **change)
    before = (trained / training.RUN).read_bytes()
    with pytest.raises(InputError, match="another recipe") as told:
        train(other, trained, device="cpu", tokenizer_path=tokenizer, tell=quiet)
    assert str(trained / STATE) in str(told.value)
    assert (trained / training.RUN).read_bytes() == before


def test_more_steps_are_no_other_recipe(tiny_recipe: Recipe) -> None:
    assert replace(tiny_recipe, steps=99).fingerprint == tiny_recipe.fingerprint


@pytest.mark.parametrize("content", [b"", b"no state", b"\x08" + bytes(15)])
def test_a_damaged_state_is_refused_by_name(
    content: bytes, tiny_recipe: Recipe, tokenizer: str, tmp_path: Path
) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(InputError, match="damaged or not the state") as told:
        train(tiny_recipe, tmp_path, device="cpu", tokenizer_path=tokenizer, tell=quiet)
    assert str(tmp_path / STATE) in str(told.value)
    assert (tmp_path / STATE).read_bytes() == content


def test_another_file_of_weights_is_no_state(packed: Path, tiny_recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(packed.read_bytes())
    with pytest.raises(InputError, match="damaged or not the state"):
        train(tiny_recipe, tmp_path, device="cpu", tell=quiet)


def test_the_run_says_what_machine_and_recipe_it_has(trained: Path, tiny_recipe: Recipe) -> None:
    told = json.loads((trained / training.RUN).read_text(encoding="utf-8"))
    assert Recipe.from_dict(told["recipe"]) == tiny_recipe
    assert told["torch"] == torch.__version__
    assert "cores" in told["device"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"drawings": 1}, "drawings"),
        ({"drawings": 0}, "drawings"),
        ({"train_batch_size": 0}, "train_batch_size"),
        ({"seed": -1}, "seed"),
        ({"widths": (40, 40)}, "widths"),
        ({"widths": (80, 40, 40)}, "widths"),
        ({"widths": (40, 60, 80)}, "widths"),
        ({"widths": (40, 80, 360)}, "widths"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(
    change: dict[str, object], field: str, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as told:
        train(replace(tiny_recipe, **change), tmp_path / "new", device="cpu", tell=quiet)
    assert told.value.field == field
    assert not (tmp_path / "new").exists()


def test_memory_grows_with_drawings_and_widths(tiny_recipe: Recipe) -> None:
    least = needed_memory(tiny_recipe)
    assert 1e9 < least < 1.5e9
    assert needed_memory(replace(tiny_recipe, drawings=24576)) - least > 24500 * 118_000
    assert needed_memory(replace(tiny_recipe, widths=(40, 160, 320))) > least


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    recipe = Recipe(steps=1000, lr_warmup_steps=100)
    rates = [recipe.learning_rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(recipe.unet_lr / 100)
    assert set(rates[100:800]) == {recipe.unet_lr}
    assert rates[999] == pytest.approx(recipe.unet_lr / 200)


def test_a_missing_tokenizer_is_refused_by_name(tiny_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vocab\.json"):
        train(tiny_recipe, tmp_path, device="cpu", tokenizer_path=str(tmp_path), tell=quiet)
