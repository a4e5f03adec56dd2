"""A sweep that several servers share: how cells are given out, and what is kept of what comes back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sweeps import PLAN, draw, fill

from bespoke_core.comfyui.machines import _take_in
from bespoke_core.comfyui.parts import Dealer, Drawn, Failed
from bespoke_core.comfyui.same_plan import difference
from bespoke_core.comfyui.workers import ray_of
from bespoke_core.errors import BespokeError, InputError
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.measuring import SpriteSettings, contents_key
from bespoke_core.evaluation.opening import open_sweep
from bespoke_core.evaluation.results import ResultsStore
from bespoke_core.evaluation.store import SweepFolder

TRAINING_SET = SpriteSettings(6, 6, "nearest", Path("/on/the/servers/art"), "ab" * 32)


def test_parts_are_of_one_lora_each_and_hold_every_cell_once() -> None:
    others = tuple(Checkpoint(f"run-{n}", n, Path(f"run-{n}.safetensors"), str(n) * 64) for n in (2, 3))
    cells = replace(PLAN, checkpoints=(*PLAN.checkpoints, *others), seeds=(1, 2, 3)).cells
    parts = Dealer.deal(cells, 4).waiting
    assert [cell for part in parts for cell in part] == list(cells)
    assert all(len({cell.checkpoint for cell in part}) == 1 and 0 < len(part) <= 4 for part in parts)
    assert not any(
        first[-1].checkpoint == second[0].checkpoint and len(first) < 4 for first, second in pairwise(parts)
    )
    assert not Dealer.deal(cells[:0]).waiting


def test_a_lost_servers_part_is_dealt_again_and_the_same_failure_on_two_servers_ends_the_sweep() -> None:
    dealer = Dealer.deal(PLAN.cells, 2)
    first, second = dealer.waiting.popleft(), dealer.waiting.popleft()
    dealer.lose("http://one", first, Failed("it does not answer."))
    assert list(dealer.waiting[0]) == list(first)
    dealer.lose("http://two", second, Failed("node 3 failed: no memory.", at_node=True))
    assert dealer.lost == {"http://one": "it does not answer.", "http://two": "node 3 failed: no memory."}
    with pytest.raises(BespokeError, match=r"two servers fail at the same pictures: node 3"):
        dealer.lose("http://three", second, Failed("node 3 failed: no memory.", at_node=True))


def test_what_another_server_has_otherwise_is_told_by_its_name() -> None:
    lora = PLAN.checkpoints[0]
    more = replace(lora, name="run-9", epoch=9, path=Path("run-9.safetensors"), sha256="9" * 64)
    both = replace(PLAN, checkpoints=(*PLAN.checkpoints, more))
    assert difference(PLAN.cells, replace(PLAN).cells) == ""
    assert difference(both.cells, PLAN.cells) == "it lacks run-9"
    assert difference(PLAN.cells, both.cells) == "it has more checkpoints, run-9"
    swapped = replace(PLAN, checkpoints=(replace(lora, sha256="8" * 64), *PLAN.checkpoints[1:]))
    assert difference(PLAN.cells, swapped.cells) == f"its file of that name is another one, of {lora.name}"
    assert "base model" in difference(PLAN.cells, replace(PLAN, base="another").cells)
    renamed = replace(PLAN, checkpoints=(replace(lora, name="copy"), *PLAN.checkpoints[1:]))
    assert difference(PLAN.cells, renamed.cells) == f"it lacks {lora.name}", "the same bytes, another name"


def test_a_ray_cluster_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason='several servers need ray: pip install "ray>=2.40"')
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(BespokeError, match=r"RAY_ADDRESS=127.0.0.1:9 does not answer"), ray_of(2):
        raise AssertionError("there is no cluster")


def shared(folder: Path, sprites: SpriteSettings = TRAINING_SET) -> SweepFolder:
    return SweepFolder(folder, PLAN, sprites, ResultsStore(folder / "results.sqlite"))


def drawn_by_a_server(folder: Path, scores: dict[str, float]) -> Drawn:
    """What comes back of the whole plan; the server's own folder is `folder`."""
    there = shared(folder, SpriteSettings(6, 6))
    fill(there)
    pictures = {
        f"{c.file_stem}.png": (folder / "cells" / f"{c.file_stem}.png").read_bytes() for c in PLAN.cells
    }
    floor = {"pictures": 3, "before": {}, "after": {"unique_colors": 40.0}}
    return Drawn(pictures, {cell.key: scores for cell in PLAN.cells}, floor)


def test_what_servers_measured_against_their_training_set_is_kept_without_having_it(tmp_path: Path) -> None:
    drawn, sweep = (
        drawn_by_a_server(tmp_path / "there", {"palette_distance": 0.25}),
        shared(tmp_path / "here"),
    )
    sweep.write_plan()
    assert len(sweep.unmeasured()) == 4
    _take_in(sweep, drawn, PLAN.cells, "http://one")
    assert not sweep.unmeasured() and not sweep.missing()
    again = open_sweep(sweep.root)
    assert [(row.number("palette_distance"), row.number("vae_floor")) for row in again.rows()] == [
        (0.25, 40)
    ] * 4
    assert all((sweep.root / str(row.scores["sprite"])).is_file() for row in again.rows())
    assert again.settings()["hashes"]["training set"] == "ab" * 32
    with pytest.raises(InputError, match="of the servers"):
        again.save(PLAN.cells[0], draw(PLAN.cells[0]), versions={})


def test_a_picture_without_its_scores_is_asked_for_once_more(tmp_path: Path) -> None:
    drawn, sweep = (
        drawn_by_a_server(tmp_path / "there", {"palette_distance": 0.25}),
        shared(tmp_path / "here"),
    )
    _take_in(sweep, drawn, PLAN.cells[:3], "http://one")
    name = f"{PLAN.cells[3].file_stem}.png"
    (sweep.root / "cells" / name).write_bytes(drawn.pictures[name])
    assert [cell.key for cell in sweep.unmeasured()] == [PLAN.cells[3].key]
    assert not sweep.missing()


def test_a_picture_of_another_cell_is_refused_and_its_server_named(tmp_path: Path) -> None:
    drawn, sweep = drawn_by_a_server(tmp_path / "there", {}), shared(tmp_path / "here")
    names = list(drawn.pictures)
    wrong = replace(drawn, pictures={**drawn.pictures, names[0]: drawn.pictures[names[1]]})
    with pytest.raises(BespokeError, match=r"http://one gave another picture"):
        _take_in(sweep, wrong, PLAN.cells, "http://one")


def test_copies_of_a_training_set_have_one_key_and_another_picture_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"a")
    assert contents_key(tmp_path / "one") == contents_key(tmp_path / "two")
    (tmp_path / "two" / "a.png").write_bytes(b"b")
    assert contents_key(tmp_path / "one") != contents_key(tmp_path / "two")


def test_a_training_set_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there any more"):
        SpriteSettings(reference=tmp_path / "gone").key  # noqa: B018
