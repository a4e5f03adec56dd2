"""What docs/training.md says about keys is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bespoke_core.commands.training_keys import default_text
from bespoke_core.training.config import describe
from bespoke_core.training.keys.elsewhere import REFUSED, WITHOUT_EFFECT

PAGE = Path(__file__).resolve().parents[3] / "docs" / "training.md"
OPTIONS = {option.name: option for option in describe()}
OTHER_WORDS = {
    "train_lora",
    "whole_loop",
    "my_lora",
    "optimizer_args",
    "cosine_with_restarts",
    "held_out_loss",
    "10_concept",
}


def rows() -> list[tuple[str, str]]:
    """Return (key, default here) of the page's table of defaults."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("| key | kohya | here | why |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|[^|]+\| ([^|]+) \|", table, flags=re.MULTILINE)


@pytest.mark.parametrize(("key", "here"), rows())
def test_the_table_gives_the_defaults_of_the_code(key: str, here: str) -> None:
    assert here == default_text(OPTIONS[key]).strip('"')


def test_the_table_has_rows() -> None:
    assert len(rows()) >= 5


def test_every_key_that_the_page_names_is_one() -> None:
    quoted = re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8"))
    named = {word for text in quoted for word in re.findall(r"^[a-z0-9]+(?:_[a-z0-9]+)+(?=$| =)", text)}
    assert len(named) > 30
    assert named - set(OPTIONS) - set(WITHOUT_EFFECT) - set(REFUSED) - OTHER_WORDS == set()


def test_the_commands_of_the_page_have_their_options() -> None:
    from bespoke_core.cli import build_parser

    for line in re.findall(
        r"^bespoke (train .*?)(?:  +#.*)?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    ):
        arguments = build_parser("train").parse_args(line.split())
        assert arguments.verb == "train"
