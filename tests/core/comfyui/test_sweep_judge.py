"""The judge that sweeps each epoch on a server: how it decides, what it refuses, a server that leaves."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bespoke_core.comfyui.client import Client
from bespoke_core.comfyui.job import JobInterruptedError, ServerGoneError
from bespoke_core.comfyui.sweep_decision import decide_by_rows
from bespoke_core.comfyui.sweep_judge import SweepJudge, make_sweep_judge
from bespoke_core.comfyui.sweep_plan import epochs_pattern, plan_for_run
from bespoke_core.errors import InputError, UserCancelledError
from bespoke_core.evaluation.plan_file import read_plan_file
from bespoke_core.evaluation.table import Row
from bespoke_core.training.judge import Judgement

PLAN = """
name = "early"
base_checkpoint = "base.safetensors"
seeds = [1]
[prompts]
green = "pixel art portrait, green background"
[sampler]
steps = 2
width = 64
height = 64
"""


def rows_of(means: list[float], match: str = "yes") -> list[Row]:
    def row(name: str, epoch: int | None, mean: float, cell: int) -> Row:
        scores = {"unique_colors": mean + 7 * (cell % 5), "background_match": match}
        return Row(name, epoch, f"p{cell % 6}", cell // 6, scores)

    rows = [row("base", None, 900, cell) for cell in range(24)]
    for epoch, mean in enumerate(means, 1):
        rows += [row(f"run-{epoch:06d}", epoch, mean + cell % 3, cell) for cell in range(24)]
    return rows


def test_a_run_past_its_peak_is_stopped_with_its_best_epoch_and_mean() -> None:
    decision = decide_by_rows(rows_of([300, 200, 150, 200, 230, 250]), by="unique_colors")
    assert decision.advice.stop and decision.best is not None
    assert (decision.best.file, decision.best.epoch) == ("run-000003.safetensors", 3)
    of_best = [r.number("unique_colors") for r in rows_of([300, 200, 150]) if r.epoch == 3]
    assert decision.best.value == pytest.approx(sum(v for v in of_best if v) / 24)
    assert decision == decide_by_rows(rows_of([300, 200, 150, 200, 230, 250]), by="unique_colors")


def test_a_run_that_improves_goes_on_and_the_base_model_is_never_the_best() -> None:
    decision = decide_by_rows(rows_of([300, 250, 200, 150]), by="unique_colors")
    assert not decision.advice.stop and decision.best is not None and decision.best.epoch == 4
    assert decide_by_rows(rows_of([]), by="unique_colors").best is None


def test_epochs_that_do_not_follow_their_prompts_are_never_the_best() -> None:
    assert decide_by_rows(rows_of([300, 200, 150, 250], match="no"), by="unique_colors").best is None


@pytest.mark.parametrize("name", ["punks", "my[lora]*", "s-1"])
def test_the_epochs_are_swept_and_the_files_of_single_steps_are_not(name: str) -> None:
    pattern = epochs_pattern(name)
    assert fnmatch(f"{name}.safetensors", pattern) and fnmatch(f"{name}-000012.safetensors", pattern)
    assert not fnmatch(f"{name}-step00000100.safetensors", pattern)
    assert not fnmatch(f"{name}2-000001.safetensors", pattern)


class Server(Client):
    """A server whose description is written here; it draws nothing."""

    def __init__(self, loras: Path) -> None:
        super().__init__("http://127.0.0.1:9")
        self.loras = loras

    def object_info(self, node: str | None = None) -> dict[str, Any]:
        required = {
            "ckpt_name": [["base.safetensors"]],
            "by": ["COMBO", {"options": ["unique_colors", "edge_distance"]}],
            "sampler_name": [["euler"]],
            "scheduler": [["normal"]],
        }
        return {str(node): {"input": {"required": required}}}

    def model_folders(self) -> dict[str, list[str]]:
        return {"loras": [str(self.loras)]}


def run_in(folder: Path) -> Any:
    config = SimpleNamespace(output_name="punks", early_stopping_patience=0, sample_prompts="")
    return SimpleNamespace(run_folder=folder, config=config)


@pytest.fixture
def loras(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "loras"
    folder.mkdir(parents=True)
    return folder


def written(tmp_path: Path, text: str = PLAN) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("given", ["", 'run_folder = "loras/mine"\n'])
def test_a_plan_means_the_runs_own_folder_whether_it_names_it_or_not(
    tmp_path: Path, loras: Path, given: str
) -> None:
    plan = plan_for_run(written(tmp_path, given + PLAN), run_in(loras / "mine"), Server(loras))
    assert Path(plan.run_folder) == loras / "mine"
    assert fnmatch("punks-000001.safetensors", plan.pattern)


def test_a_server_of_another_machine_sees_the_folder_under_the_plans_path(tmp_path: Path) -> None:
    there = Path("/no/such/server/loras")
    text = f'run_folder = "{there}/mine"\n{PLAN}'
    plan = plan_for_run(written(tmp_path, text), run_in(tmp_path / "mine"), Server(there))
    assert plan.run_folder == str(there / "mine")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda text: 'run_folder = "loras/other"\n' + text, ("loras/other", "another folder", "Leave")),
        (lambda text: text + '[[runs]]\nlabel = "a"\nfolder = "b"\n', ("runs", "several runs")),
        (lambda text: text.replace("base.saf", "absent.saf"), ("base_checkpoint", "absent", "It has: base")),
        (lambda text: 'by = "edge_distance"\n' + text, ("edge_distance", "training_set")),
        (lambda text: text + 'scheduler = "odd"\n', ("sampler.scheduler", "odd", "normal")),
    ],
)
def test_what_the_server_cannot_draw_is_refused_before_training(
    tmp_path: Path, loras: Path, change: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        plan_for_run(written(tmp_path, change(PLAN)), run_in(loras / "mine"), Server(loras))
    assert all(part in str(caught.value) for part in parts)


def test_a_run_folder_that_the_servers_lora_loader_does_not_see_is_refused(
    tmp_path: Path, loras: Path
) -> None:
    with pytest.raises(InputError) as caught:
        plan_for_run(written(tmp_path), run_in(tmp_path / "out" / "mine"), Server(loras))
    assert all(part in str(caught.value) for part in (str(loras), "LoraLoader", "--run-folder"))


def test_two_that_would_end_the_run_are_refused(tmp_path: Path, loras: Path) -> None:
    run = run_in(loras / "mine")
    run.config.early_stopping_patience = 2
    with pytest.raises(InputError, match="--patience"):
        make_sweep_judge(written(tmp_path), "http://127.0.0.1:9")(run)


def judge_in(tmp_path: Path, loras: Path) -> SweepJudge:
    run = run_in(loras / "mine")
    return SweepJudge(run, read_plan_file(written(tmp_path), run_folder="loras/mine"), Server(loras))


def test_prompts_of_the_run_that_the_sweep_leaves_undrawn_are_told(tmp_path: Path, loras: Path) -> None:
    assert judge_in(tmp_path, loras).notices == ()
    run = run_in(loras / "mine")
    run.config.sample_prompts = "a lad"
    plan = read_plan_file(written(tmp_path), run_folder="loras/mine")
    [notice] = SweepJudge(run, plan, Server(loras)).notices
    assert "sample_prompts are not drawn" in notice


@pytest.mark.parametrize("error", [ServerGoneError("it does not answer."), JobInterruptedError("cancelled.")])
def test_a_server_that_leaves_or_a_sweep_cancelled_there_ends_no_training(
    tmp_path: Path, loras: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    judge, told = judge_in(tmp_path, loras), []

    def fail(graph: Any, extra_data: Any = None) -> str:
        raise error

    monkeypatch.setattr(judge.client, "queue", fail)
    tell = lambda event, **values: told.append((event, values))  # noqa: E731
    judge.begin(None, epoch=1, step=0, tell=tell)  # type: ignore[arg-type]
    checkpoint = loras / "mine" / "punks-000001.safetensors"
    found = judge.after_epoch(None, epoch=1, step=3, checkpoint=checkpoint, tell=tell)  # type: ignore[arg-type]
    assert found == Judgement()
    [(event, values)] = told
    assert event == "notice" and str(error) in values["text"] and "goes on" in values["text"]


def test_stopping_the_run_cancels_the_sweep_and_leaves_the_epoch_to_be_judged(
    tmp_path: Path, loras: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, cancelled = judge_in(tmp_path, loras), []

    def wait(*given: Any, **more: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(judge.client, "queue", lambda graph, extra_data=None: "job")
    monkeypatch.setattr(judge.client, "wait", wait)
    monkeypatch.setattr(judge.client, "cancel", cancelled.append)
    quiet = lambda event, **values: None  # noqa: E731
    judge.begin(None, epoch=1, step=0, tell=quiet, stop=lambda: True)  # type: ignore[arg-type]
    with pytest.raises(UserCancelledError):
        judge.after_epoch(None, epoch=1, step=3, checkpoint=loras / "a.safetensors", tell=quiet)  # type: ignore[arg-type]
    assert cancelled == ["job"]
    assert not (loras / "mine" / "samples" / "scores.json").exists()
