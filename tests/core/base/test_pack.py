"""From a training to what is shipped, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bespoke_core.base.measure import summary
from bespoke_core.base.pack import add_measurements, command_of, pack
from bespoke_core.base.recipe import TEXT_SEED, Recipe
from bespoke_core.base.shipped import read_record, read_weights, record_path
from bespoke_core.base.slim import from_layout
from bespoke_core.base.train import RUN, STATE, read_state
from bespoke_core.errors import InputError
from bespoke_core.files import sha256_of_file

torch = pytest.importorskip("torch")


def test_what_is_packed_is_the_running_mean_in_16_bits(trained: Path, packed: Path) -> None:
    _, tensors = read_state(trained / STATE)
    network = from_layout(read_weights(packed)[0])
    for key, value in network.state_dict().items():
        assert torch.equal(value, tensors[f"mean.{key}"].half().float()), key


def test_the_record_tells_how_the_weights_came_about(packed: Path, tiny_recipe: Recipe) -> None:
    told = read_record(packed).told
    assert told["recipe"] == tiny_recipe.to_dict()
    assert told["steps"] == 4
    assert told["text_seed"] == TEXT_SEED
    assert told["torch"] == torch.__version__
    assert told["loss"][-1][0] == 4
    assert told["held_out"] == []
    assert told["sha256"] == sha256_of_file(packed)
    assert told["size"] == packed.stat().st_size
    assert told["command"] == (
        "python3 -m bespoke_core base train --steps 4 --widths 40,40,40 --drawings 8 --batch-size 2 "
        "--seed 1 --device cpu"
    )


def test_the_recorded_command_trains_the_recorded_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    from bespoke_core.cli import build_parser

    recipe = Recipe(steps=7, widths=(40, 80, 120), drawings=64, train_batch_size=8, seed=3)
    words = command_of(recipe, "cpu").split()[3:]
    parsed = build_parser("base").parse_args(words)
    assert parsed.steps == 7
    assert parsed.widths == "40,80,120"
    assert (parsed.drawings, parsed.batch_size, parsed.seed, parsed.device) == (64, 8, 3, "cpu")


def test_packing_again_gives_the_same_bytes(trained: Path, packed: Path, tmp_path: Path) -> None:
    pack(trained, tmp_path)
    assert (tmp_path / packed.name).read_bytes() == packed.read_bytes()
    assert record_path(tmp_path / packed.name).read_bytes() == record_path(packed).read_bytes()


def test_a_folder_without_a_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no state") as told:
        pack(tmp_path, tmp_path / "out")
    assert str(tmp_path) in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_state_of_another_recipe_is_not_packed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes((trained / STATE).read_bytes())  # alone, so the standard recipe is meant
    with pytest.raises(InputError, match="another recipe"):
        pack(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recipe": {"colour": 1}}'])
def test_a_damaged_description_of_the_run_is_refused(content: str, trained: Path, tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes((trained / STATE).read_bytes())
    (tmp_path / RUN).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="is damaged") as told:
        pack(tmp_path, tmp_path / "out")
    assert str(tmp_path / RUN) in str(told.value)


def measurement():
    return summary_of_nothing(np.zeros((1, 24, 24, 3), np.uint8))


def summary_of_nothing(sprites: np.ndarray):
    from bespoke_core.base.measure import SIZE
    from bespoke_core.portraits.draw import enlarge
    from bespoke_core.scoring.score import score_pictures

    prompt = "pixel art, portrait of lad, red background"
    scores = score_pictures(np.stack([enlarge(sprites[0], SIZE)]), prompts=[prompt])
    return summary(scores, [(prompt, "red")], sprites, steps=2, cfg=4.0, seconds=0.5)


def test_held_out_results_go_into_the_record_and_change_nothing_else(own_weights: Path) -> None:
    before = read_record(own_weights)
    add_measurements(own_weights, [measurement()])
    after = read_record(own_weights)
    assert after.told["held_out"] == [measurement().to_dict()]
    assert {**after.told, "held_out": []} == before.told
    assert read_weights(own_weights)[1] == after
    add_measurements(own_weights, [measurement(), measurement()])
    assert len(read_record(own_weights).told["held_out"]) == 2


def test_results_are_not_recorded_for_other_weights(own_weights: Path) -> None:
    own_weights.write_bytes(b"other")
    before = json.loads(record_path(own_weights).read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="does not tell of the weights beside it"):
        add_measurements(own_weights, [measurement()])
    assert json.loads(record_path(own_weights).read_text(encoding="utf-8")) == before
