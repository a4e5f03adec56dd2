"""A run's judge: what it writes, tells and decides, also when the run is killed in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.sampling import make_judge
from bespoke_core.sampling.judge import PictureJudge
from bespoke_core.training.config import TrainingConfig
from bespoke_core.training.judge import Judgement, best_of_run
from bespoke_core.training.plan import make_plan
from bespoke_core.training.session import Session

PROMPTS = "a lad, hat --s 1 --l 1\na lady, hat --s 1 --d 5 --l 1"
Make = Callable[..., Session]


class Told(list):
    """What was told, as (event, values)."""

    def __call__(self, event: str, **values: Any) -> None:
        json.dumps(values, allow_nan=False)
        self.append((event, values))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self if name == event]


def judge_of(session: Session) -> PictureJudge:
    judge = make_judge(session.plan)
    assert isinstance(judge, PictureJudge)
    return judge


def judged(
    judge: PictureJudge,
    session: Session,
    epoch: int,
    told: Told,
    *,
    loss: float | None = None,
    file: bool = True,
) -> Judgement:
    path = session.plan.run_folder / f"punks-{epoch:06d}.safetensors" if file else None
    return judge.after_epoch(
        session, epoch=epoch, step=3 * epoch, checkpoint=path, held_out_loss=loss, tell=told
    )


def begun(judge: PictureJudge, session: Session, told: Told, epoch: int = 1) -> PictureJudge:
    judge.begin(session, epoch=epoch, step=3 * (epoch - 1), tell=told)
    return judge


def test_an_epoch_leaves_pictures_sprites_scores_and_events(make_session: Make) -> None:
    session, told = make_session(sample_prompts=PROMPTS), Told()
    judgement = judged(begun(judge_of(session), session, told), session, 1, told)
    run = session.plan.run_folder
    (event,) = told.of("samples")
    seed = session.config.seed
    assert event["paths"] == [f"samples/punks_e000001_00_{seed}.png", "samples/punks_e000001_01_5.png"]
    assert event["sprites"] == [path.replace("samples/", "samples/sprites/") for path in event["paths"]]
    for path, size in [(event["paths"][1], (64, 64)), (event["sprites"][1], (24, 24))]:
        with Image.open(run / path) as opened:
            assert opened.size == size and opened.mode == "RGB"
            settings = json.loads(opened.text["bespoke"])
        assert (settings["text"], settings["seed"], settings["steps"]) == ("a lady, hat", 5, 1)
        assert settings["checkpoint"] == "punks-000001.safetensors" and settings["epoch"] == 1
        assert settings["scores"]["unique_colors"] > 1
    written = json.loads((run / "samples" / "scores.json").read_text(encoding="utf-8"))
    counts = [one["scores"]["unique_colors"] for one in written["epochs"][0]["pictures"]]
    assert event["scores"]["unique_colors"] == pytest.approx(sum(counts) / 2)
    assert event["scores"]["palette_distance"] > 0, "the training set is the reference"
    assert (
        written["best"]
        == best_of_run(run)
        == {
            "file": "punks-000001.safetensors",
            "epoch": 1,
            "metric": "unique_colors",
            "value": sum(counts) / 2,
        }
    )
    assert judgement == Judgement(False, "punks-000001.safetensors", "")
    assert told.of("best") == [
        {"epoch": 1, "path": "punks-000001.safetensors", "metric": "unique_colors", "value": sum(counts) / 2}
    ]
    assert [one["done"] for one in told.of("sampling")] == [1, 2]
    assert not list(run.rglob("*.tmp"))


def test_it_stops_when_the_patience_is_at_its_end_and_says_why(make_session: Make) -> None:
    session, told = make_session(sample_prompts=PROMPTS, early_stopping_patience=2), Told()
    judge = begun(judge_of(session), session, told)
    # The network is not trained here, so that no epoch is better than the first.
    assert [judged(judge, session, epoch, told).stop for epoch in (1, 2, 3)] == [False, False, True]
    (stop,) = told.of("early_stop")
    assert stop["epoch"] == 3 and "punks-000001.safetensors" in stop["reason"]
    assert len(told.of("best")) == 1


def test_killed_anywhere_it_decides_as_if_it_had_not_been(make_session: Make) -> None:
    session = make_session(sample_prompts=PROMPTS, early_stopping_patience=2)
    whole = begun(judge_of(session), session, Told())
    expected = [judged(whole, session, epoch, Told()) for epoch in (1, 2, 3)]
    scores = session.plan.run_folder / "samples" / "scores.json"
    content = scores.read_bytes()
    pictures = {path: path.read_bytes() for path in scores.parent.rglob("*.png")}
    scores.unlink()
    for path in pictures:
        path.unlink()
    found = []
    for epoch in (1, 2, 3):  # each epoch in a process of its own, judged twice as after a kill
        again = begun(judge_of(session), session, Told(), epoch)
        found.append(judged(again, session, epoch, Told()))
        later = begun(judge_of(session), session, Told(), epoch + 1)
        assert judged(later, session, epoch, Told()) == found[-1]
    assert found == expected
    assert scores.read_bytes() == content
    assert {path: path.read_bytes() for path in scores.parent.rglob("*.png")} == pictures


def test_an_epoch_that_was_judged_is_not_drawn_again(
    make_session: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = make_session(sample_prompts=PROMPTS)
    first = judged(begun(judge_of(session), session, Told()), session, 1, Told())
    monkeypatch.setattr("bespoke_core.sampling.drawing.draw_prompts", None)
    told = Told()
    again = begun(judge_of(session), session, told, epoch=2)
    assert judged(again, session, 1, told) == first
    assert [name for name, _ in told] == ["best"], "the node learns of the best epoch of the resumed run"


def test_a_run_that_starts_anew_forgets_the_epochs_from_there_on(make_session: Make) -> None:
    session = make_session(sample_prompts=PROMPTS)
    judge = begun(judge_of(session), session, Told())
    for epoch in (1, 2):
        judged(judge, session, epoch, Told())
    anew = begun(judge_of(session), session, Told(), epoch=2)
    judged(anew, session, 2, Told())
    written = json.loads((session.plan.run_folder / "samples" / "scores.json").read_text(encoding="utf-8"))
    assert [one["epoch"] for one in written["epochs"]] == [1, 2]


def test_other_prompts_on_resuming_are_told_of_and_compared_only_from_then_on(
    make_session: Make, make_config: Callable[..., TrainingConfig]
) -> None:
    session = make_session(sample_prompts=PROMPTS)
    judged(begun(judge_of(session), session, Told()), session, 1, Told())
    config = session.config.model_copy(update={"sample_prompts": "another --s 1 --l 1"})
    changed, told = judge_of_config(session, config), Told()
    begun(changed, session, told, epoch=2)
    assert "only epochs from now on" in told.of("notice")[0]["text"]
    judged(changed, session, 2, told)
    assert told.of("best")[-1]["epoch"] == 2


def judge_of_config(session: Session, config: TrainingConfig) -> PictureJudge:
    judge = make_judge(make_plan(config, session.plan.run_folder))
    assert isinstance(judge, PictureJudge)
    return judge


def test_pictures_that_are_not_numbers_are_said_and_never_the_best(make_session: Make) -> None:
    session, told = make_session(sample_prompts=PROMPTS, early_stopping_patience=1), Told()
    session.network.load({k: torch.full_like(m, torch.nan) for k, m in session.network.tensors().items()})
    judgement = judged(begun(judge_of(session), session, told), session, 1, told)
    assert judgement == Judgement()
    said = " ".join(one["text"] for one in told.of("notice"))
    assert "prompts 1, 2" in said and "not numbers" in said
    (event,) = told.of("samples")
    assert event["scores"]["unique_colors"] is None and event["scores"]["follows_prompts"] is False
    with Image.open(session.plan.run_folder / event["paths"][0]) as opened:
        assert not np.asarray(opened).any()


def test_a_score_that_no_picture_has_is_said_once_and_ends_nothing(make_session: Make, dataset: Path) -> None:
    session = make_session(
        sample_prompts=PROMPTS, early_stopping_metric="palette_distance", early_stopping_patience=1
    )
    (dataset / "punk0.png").unlink()  # gone since the run began
    judge, told = begun(judge_of(session), session, Told()), Told()
    assert not any(judged(judge, session, epoch, told).stop for epoch in (1, 2, 3))
    notices = [one["text"] for one in told.of("notice")]
    assert any("punk0.png" in text for text in notices)
    assert any("palette_distance was not measured" in text for text in notices)
    assert best_of_run(session.plan.run_folder) is None


def test_kohyas_steps_and_first_samples_are_drawn_under_its_names(make_session: Make) -> None:
    session = make_session(
        sample_prompts=PROMPTS.splitlines()[1], sample_every_n_steps=2, sample_at_first=True
    )
    judge, told = judge_of(session), Told()
    begun(judge, session, told)
    for step in (1, 2, 3):
        judge.after_step(session, epoch=1, step=step, tell=told)
    judged(judge, session, 1, told)
    paths = [path for one in told.of("samples") for path in one["paths"]]
    assert paths == ["samples/punks_e000000_00_5.png", "samples/punks_000002_00_5.png"]
    assert not told.of("best"), "no epoch was drawn"


def test_the_held_out_loss_needs_no_prompts(make_session: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    config = session.config.model_copy(
        update={"early_stopping_metric": "held_out_loss", "early_stopping_patience": 1}
    )
    object.__setattr__(session.plan, "config", config)
    judge, told = PictureJudge(session.plan, ()), Told()
    begun(judge, session, told)
    losses = [0.5, 0.4, 0.45]
    stops = [judged(judge, session, n, told, loss=loss).stop for n, loss in enumerate(losses, 1)]
    assert stops == [False, False, True]
    assert best_of_run(session.plan.run_folder)["value"] == 0.4  # type: ignore[index]
    assert not told.of("samples")


def test_cancelling_while_drawing_leaves_the_epoch_to_be_judged(make_session: Make) -> None:
    session, told = make_session(sample_prompts=PROMPTS), Told()
    judge = judge_of(session)
    judge.begin(session, epoch=1, step=0, tell=told, stop=lambda: bool(told))
    with pytest.raises(UserCancelledError):
        judged(judge, session, 1, told)
    assert best_of_run(session.plan.run_folder) is None
    assert judged(begun(judge_of(session), session, Told(), 2), session, 1, Told()).best


def test_a_plan_without_prompts_has_no_judge(
    make_config: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    assert make_judge(make_plan(make_config(), tmp_path / "run")) is None


@pytest.mark.parametrize(
    ("keys", "parts"),
    [
        (
            {"early_stopping_metric": "held_out_loss"},
            ("early_stopping_metric", "held-out", "validation_split"),
        ),
        (
            {"early_stopping_metric": "background_distance", "sample_prompts": "a lad"},
            ("early_stopping_metric", "no prompt names"),
        ),
        ({"sample_prompts": "/nowhere/prompts.txt"}, ("/nowhere/prompts.txt", "no such file")),
    ],
)
def test_what_can_never_be_measured_is_refused_before_the_run(
    make_config: Callable[..., TrainingConfig], tmp_path: Path, keys: dict[str, Any], parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        make_judge(make_plan(make_config(**keys), tmp_path / "run"))
    assert all(part in str(caught.value) for part in parts)
    assert not (tmp_path / "run").exists()


def test_a_base_that_cannot_decode_is_refused_before_the_run(
    make_config: Callable[..., TrainingConfig], tiny_base: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    mute = tmp_path / "mute.safetensors"
    save_file({k: v for k, v in load_file(tiny_base).items() if "decoder" not in k}, mute)
    config = make_config(pretrained_model_name_or_path=str(mute), sample_prompts="a lad")
    with pytest.raises(InputError, match="no decoder"):
        make_judge(make_plan(config, tmp_path / "run"))
