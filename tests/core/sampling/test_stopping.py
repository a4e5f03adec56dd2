"""Which epoch is the best, and when a run stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bespoke_core.errors import InputError
from bespoke_core.sampling.history import JudgedEpoch, SampledPicture, read_history, write_history
from bespoke_core.sampling.stopping import Decision, StoppingRule, decide

COLORS = "unique_colors"


def picture(colors: int | None, match: str = "yes", **more: Any) -> SampledPicture:
    scores = None if colors is None else {COLORS: colors, "background_match": match, **more}
    return SampledPicture(
        file=f"samples/a_{colors}.png",
        sprite="samples/sprites/a.png",
        prompt="a lad",
        negative="",
        seed=1,
        steps=20,
        cfg=7.5,
        sampler="euler",
        width=64,
        height=64,
        scores=scores,
    )


def epochs(*colors: int | None, match: str = "yes", **more: Any) -> list[JudgedEpoch]:
    return [
        JudgedEpoch(
            epoch=number, step=3 * number, file=f"a-{number:06d}", pictures=(picture(one, match),), **more
        )
        for number, one in enumerate(colors, 1)
    ]


def decided(history: Sequence[JudgedEpoch], metric: str = COLORS, **rule: Any) -> Decision:
    return decide(history, StoppingRule(metric, **rule))


def best_epoch(history: Sequence[JudgedEpoch], metric: str = COLORS, **rule: Any) -> int | None:
    best = decided(history, metric, **rule).best
    return best.epoch if best else None


def test_the_epoch_with_the_fewest_colours_is_the_best_and_the_earliest_of_equals() -> None:
    assert best_epoch(epochs(9, 5, 7, 5)) == 2
    assert best_epoch([]) is None


def test_a_score_that_should_be_high_is_the_best_where_it_is_highest() -> None:
    history = [
        one.model_copy(update={"pictures": (picture(5, grid_fidelity=value),)})
        for one, value in zip(epochs(5, 5, 5), (2.0, 3.0, 1.0), strict=True)
    ]
    assert best_epoch(history, "grid_fidelity") == 2


def test_an_epoch_that_does_not_follow_its_prompts_is_never_the_best() -> None:
    history = epochs(9, 3, 8)
    history[1] = history[1].model_copy(update={"pictures": (picture(3, "no"),)})
    assert best_epoch(history) == 3
    assert best_epoch(epochs(1, 1)) is None, "one colour all over is no picture of anything"
    assert best_epoch(epochs(9, 3, match="no")) is None


def test_the_held_out_loss_decides_alone_and_beside_pictures_only_among_those_that_follow() -> None:
    losses = [0.5, 0.2, 0.3]
    alone = [
        JudgedEpoch(epoch=n, step=n, file=f"a-{n}", held_out_loss=loss) for n, loss in enumerate(losses, 1)
    ]
    assert best_epoch(alone, "held_out_loss") == 2
    beside = [one.model_copy(update={"pictures": (picture(5),)}) for one in alone]
    beside[1] = beside[1].model_copy(update={"pictures": (picture(5, "no"),)})
    assert best_epoch(beside, "held_out_loss") == 3


def test_it_stops_after_as_many_epochs_without_a_better_one_as_the_patience_says() -> None:
    assert not decided(epochs(9, 5, 6), patience=2).stop
    decision = decided(epochs(9, 5, 6, 5), patience=2)
    assert decision.stop and decision.waited == 2
    assert "2 times in a row" in decision.reason and "epoch 2" in decision.reason
    assert not decided(epochs(9, 5, 6, 7, 8, 9), patience=0).stop
    assert not decided(epochs(9, 5, 6, 4), patience=2).stop


def swept(*means: float) -> list[JudgedEpoch]:
    """Epochs with eight prompts and two seeds each, whose pictures vary alike around a mean."""
    return [
        JudgedEpoch(
            epoch=number,
            step=number,
            file=f"a-{number:06d}.safetensors",
            pictures=tuple(
                picture(round(mean + 3 * place + (7 * place * number) % 5)).model_copy(
                    update={"prompt": f"prompt {place // 2}", "seed": place % 2}
                )
                for place in range(16)
            ),
        )
        for number, mean in enumerate(means, 1)
    ]


def test_by_the_verdict_a_few_worse_pictures_do_not_stop_a_run_and_proof_does() -> None:
    assert decided(epochs(9, 5, 6, 7, 8), patience=2).stop
    one_picture = decided(epochs(9, 5, 6, 7, 8), patience=2, proof=True)
    assert not one_picture.stop and one_picture.best is not None and one_picture.best.epoch == 2
    past = decided(swept(300, 200, 260, 280), patience=2, proof=True)
    assert past.stop and "beyond chance" in past.reason and "use epoch 2" in past.reason
    assert not decided(swept(300, 200, 260), patience=2, proof=True).stop, "the patience is not over"
    assert not decided(swept(300, 250, 200, 150), patience=2, proof=True).stop, "it still gains"
    assert not decided(swept(300, 200, 260, 280), patience=0, proof=True).stop


def test_by_the_verdict_only_epochs_with_the_same_prompts_are_compared() -> None:
    history = swept(300, 200, 260, 255)
    assert decided(history, patience=2, proof=True).stop
    others = [one.model_copy(update={"samples_key": "old"}) for one in history[:2]]
    assert not decided([*others, *history[2:]], patience=1, proof=True).stop


def test_a_gain_up_to_the_threshold_makes_the_best_but_does_not_renew_the_patience() -> None:
    decision = decided(epochs(9, 8, 7), patience=2, threshold=1.0)
    assert decision.stop and decision.best is not None and decision.best.epoch == 3
    assert not decided(epochs(9, 8, 6), patience=2, threshold=1.0).stop


def test_until_an_epoch_follows_its_prompts_there_is_nothing_to_wait_for() -> None:
    assert not decided(epochs(*range(9, 1, -1), match="no"), patience=2).stop
    mixed = epochs(9, 9, 9, 9, match="no") + [
        one.model_copy(update={"epoch": one.epoch + 4}) for one in epochs(20, 21)
    ]
    assert decided(mixed, patience=2).waited == 1


def test_an_epoch_without_file_or_measure_is_passed_over() -> None:
    history = epochs(9, 5, None, 7)
    # A picture that is not a number has no scores.
    assert decided(history, patience=2).waited == 1
    history[1] = history[1].model_copy(update={"file": None})
    assert best_epoch(history) == 4
    assert best_epoch(epochs(3, 4), "palette_distance") is None


def test_epochs_that_drew_other_prompts_are_not_compared() -> None:
    history = [*epochs(2, 3, samples_key="old"), *epochs(9, 9, 9, 8, samples_key="new")[2:]]
    assert best_epoch(history) == 4
    assert decided(history, patience=2).waited == 0


def test_what_was_judged_is_read_back_equal_and_decides_the_same(tmp_path: Path) -> None:
    history = epochs(9, 5, None, 6, samples_key="k")
    write_history(tmp_path / "scores.json", history, metric=COLORS)
    again = read_history(tmp_path / "scores.json")
    assert list(again) == history
    assert decided(again, patience=1) == decided(history, patience=1)
    told = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert told["epochs"][1]["scores"][COLORS] == 5
    assert told["epochs"][1]["scores"]["follows_prompts"] is True
    assert told["epochs"][1]["scores"]["palette_distance"] is None
    assert read_history(tmp_path / "absent.json") == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"form": 1, "epochs": [{"epoch": 0}]}', '{"form": 9, "epochs": []}']
)
def test_a_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"scores\.json"):
        read_history(tmp_path / "scores.json")
