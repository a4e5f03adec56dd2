from __future__ import annotations

import io
import json
import sys

import pytest

from bespoke_core.commands.caption_output import ChangesPrinter, JsonLists

CHANGE = {"file": "a.txt", "before": "hair (#aabbcc), red hat\nmore", "after": "brown hair, red hat\nmore"}


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> str:
    """Print the change at what says that it is a terminal."""
    out = io.StringIO()
    out.isatty = lambda: True  # type: ignore[method-assign]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        ChangesPrinter().add("diff", CHANGE)
    return out.getvalue()


def test_words_that_go_and_come_are_marked_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = at_terminal(monkeypatch)
    red, green, plain = "\x1b[31;9m", "\x1b[32;1m", "\x1b[0m"
    assert f"{red} (#aabbcc){plain}, red hat\n- more\n" in shown
    assert f"+ {green}brown {plain}hair, red hat\n+ more\n" in shown
    for mark in (red, green, plain):
        shown = shown.replace(mark, "")
    assert shown == "a.txt\n- hair (#aabbcc), red hat\n- more\n+ brown hair, red hat\n+ more\n"


def test_nothing_is_marked_where_colours_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = at_terminal(monkeypatch)
    assert shown.startswith("a.txt\n- hair") and "\x1b" not in shown


def test_a_file_is_named_once_for_all_that_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    printer = ChangesPrinter()
    left = {"file": "a.txt", "phrase": "eyes", "reason": "They are small."}
    printer.add("unrepaired", left)
    printer.add("diff", CHANGE)
    printer.add("unrepaired", {**left, "file": "b.txt"})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(".txt")] == ["a.txt", "b.txt"]
    assert lines[1] == '  left:  "eyes". They are small.'


def test_what_a_terminal_would_obey_is_shown_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "hat\x1b]0;title\x07\x9b31m\rmore\r\nlast"
    ChangesPrinter().add("diff", {"file": "a\x1b[2J.txt", "before": hostile, "after": "hat"})
    shown = capsys.readouterr().out
    assert shown == "a\\x1b[2J.txt\n- hat\\x1b]0;title\\x07\\x9b31m\n- more\n- last\n+ hat\n"


def test_lists_are_printed_whole_in_one_object() -> None:
    out = io.StringIO()
    with JsonLists("findings", "none") as lists:
        for index in range(3):
            lists.add("findings", {"text": f"é\n{index}"})
        lists.print({"captions": 3, "text": "é"}, out)
    assert out.getvalue().count("\n") == 1
    findings = [{"text": f"é\n{index}"} for index in range(3)]
    assert json.loads(out.getvalue()) == {"captions": 3, "text": "é", "findings": findings, "none": []}


def test_lists_too_long_for_memory_wait_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bespoke_core.commands.caption_output._IN_MEMORY", 100)
    out = io.StringIO()
    with JsonLists("findings") as lists:
        for index in range(50):
            lists.add("findings", {"index": index})
        lists.print({"captions": 0}, out)
    assert [one["index"] for one in json.loads(out.getvalue())["findings"]] == list(range(50))
