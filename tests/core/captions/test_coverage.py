from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bespoke_core.captions.coverage import CoverageCollector, all_names
from bespoke_core.captions.pixels import look_at
from bespoke_core.color.codes import parse_hex
from bespoke_core.color.names import name_of


@dataclass
class Seen:
    """A picture as coverage sees it."""

    size: tuple[int, int]
    colors: NDArray[np.uint8]
    counts: NDArray[np.int64]
    arrangement: str = "plain"


def seen(*colours: tuple[str, int], size: tuple[int, int] = (24, 24)) -> Seen:
    colors = np.array([parse_hex(code) for code, _ in colours], dtype=np.uint8).reshape(-1, 3)
    return Seen(size, colors, np.array([count for _, count in colours], dtype=np.int64))


def collected(*looks: Seen) -> CoverageCollector:
    collector = CoverageCollector()
    for look in looks:
        collector.add(look)
    return collector


def test_no_pictures_are_no_coverage() -> None:
    assert CoverageCollector().result() is None


def test_shares_are_means_over_pictures_whatever_their_size() -> None:
    green, black = "#00b020", "#000000"
    result = collected(seen((green, 30), (black, 10)), seen((black, 1_000_000), size=(1000, 1000))).result()
    assert result is not None
    shares = {one.name: one for one in result.colours}
    assert shares[name_of(parse_hex(green))].share == pytest.approx(0.375)
    assert shares["black"].share == pytest.approx(0.625)
    assert shares["black"].pictures == 2
    assert sum(one.share for one in result.colours) == pytest.approx(1)
    assert result.sizes == ((24, 24, 1), (1000, 1000, 1))
    assert result.arrangements == {"plain": 2}
    assert result.colours_each == 1.5


def test_a_colour_that_takes_less_than_a_hundredth_of_every_picture_is_missing() -> None:
    result = collected(seen(("#00b020", 995), ("#d02020", 5))).result()
    assert result is not None
    names = [one.name for one in result.colours]
    assert name_of(parse_hex("#00b020")) in names
    assert name_of(parse_hex("#d02020")) not in names
    assert name_of(parse_hex("#d02020")) in [one.name for one in result.missing]


def test_a_colour_that_few_pictures_have_is_rare() -> None:
    looks = [seen(("#00b020", 1))] * 99 + [seen(("#d02020", 1))]
    result = collected(*looks).result()
    assert result is not None
    assert [one.name for one in result.rare] == [name_of(parse_hex("#d02020"))]


def test_two_shades_of_one_name_count_together() -> None:
    one, other = "#00b020", "#00a818"
    assert name_of(parse_hex(one)) == name_of(parse_hex(other))
    result = collected(seen((one, 6), (other, 6), ("#000000", 988))).result()
    assert result is not None
    assert name_of(parse_hex(one)) in [found.name for found in result.colours]


def test_a_picture_without_visible_pixels_counts_for_its_size() -> None:
    result = collected(seen(), seen(("#000000", 1))).result()
    assert result is not None
    assert result.pictures == 2
    assert result.sizes == ((24, 24, 2),)


def test_the_swatch_of_a_colour_bears_its_name() -> None:
    for name, code in all_names().items():
        assert name_of(parse_hex(code)) == name


def test_every_plain_colour_can_be_missed() -> None:
    plain = {"black", "white", "gray", "red", "green", "blue", "yellow", "orange", "purple", "pink", "brown"}
    assert plain <= set(all_names())


def test_the_real_pictures_have_green_and_hardly_any_dark_purple(shared_data: Path) -> None:
    paths = sorted((shared_data / "bespoke-punks" / "images_512").glob("*.png"))[::4]
    result = collected(*map(look_at, paths)).result()
    assert result is not None
    names = [one.name for one in result.colours]
    assert "black" in names[:5]
    assert any("green" in name for name in names[:10])
    assert result.sizes == ((512, 512, len(paths)),)
    form = json.loads(json.dumps(result.to_dict()))
    assert form["pictures"] == len(paths)
    assert [one["name"] for one in form["colours"]] == names
