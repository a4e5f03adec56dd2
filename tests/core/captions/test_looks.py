from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path

from PIL import Image

from bespoke_core.captions.dataset import Item, read_dataset
from bespoke_core.captions.looks import look_ahead


def pictures(folder: Path, count: int) -> tuple[Item, ...]:
    for index in range(count):
        Image.new("RGB", (4, 4), (index, 0, 0)).save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text("red hat", encoding="utf-8")
    return read_dataset(folder).items


def test_pictures_come_in_order(tmp_path: Path) -> None:
    with closing(look_ahead(pictures(tmp_path, 60), wanted=True)) as sights:
        reds = [int(seen.look.colors[0, 0]) for seen in sights if seen.look is not None]
    assert reds == list(range(60))


def test_only_a_few_are_looked_at_ahead(tmp_path: Path) -> None:
    asked = []

    def items():
        for item in pictures(tmp_path, 60):
            asked.append(item)
            yield item

    with closing(look_ahead(items(), wanted=True)) as sights:
        assert len(list(islice(sights, 2))) == 2
        assert 2 < len(asked) < 40


def test_a_broken_picture_is_a_problem_at_its_place(tmp_path: Path) -> None:
    items = pictures(tmp_path, 3)
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[:-20] + b"\xff" + whole[-19:])
    Image.new("RGB", (4, 4)).save(tmp_path / "2.webp")
    (tmp_path / "2.png").unlink()
    items = read_dataset(tmp_path).items
    (tmp_path / "2.webp").write_bytes(b"RIFF")
    with closing(look_ahead(items, wanted=True)) as sights:
        seen = list(sights)
    assert [one.look is None for one in seen] == [False, True, True]
    assert [one.problem.file for one in seen if one.problem is not None] == ["1.png", "2.webp"]
    assert {one.problem.kind for one in seen if one.problem is not None} == {"broken_picture"}


def test_nothing_is_seen_unless_it_is_wanted(tmp_path: Path) -> None:
    items = pictures(tmp_path, 2)
    with closing(look_ahead(items, wanted=False)) as sights:
        assert [tuple(seen) for seen in sights] == [(None, None)] * 2
