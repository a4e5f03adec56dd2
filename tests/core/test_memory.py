"""Work that does not fit into memory is refused before it begins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bespoke_core import memory
from bespoke_core.errors import InputError


def test_too_little_memory_is_told_with_both_numbers_and_what_to_do() -> None:
    with pytest.raises(InputError) as told:
        memory.require_memory(4_000_000_000, "the demo", available=1_500_000_000)
    assert "the demo needs about 4.0 GB of memory and 1.5 GB are available" in str(told.value)
    assert "Close other programs" in str(told.value)


def test_enough_memory_is_no_trouble() -> None:
    memory.require_memory(4_000_000_000, "the demo", available=4_000_000_000)
    memory.require_memory(1, "one byte")


def test_this_machine_has_some_memory_with_and_without_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    known = memory.available_memory()
    assert known is None or known > 10_000_000
    monkeypatch.setitem(sys.modules, "psutil", None)
    without = memory.available_memory()
    assert without is None or without > 10_000_000


def test_where_nothing_tells_the_work_may_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.require_memory(10**15, "everything")


def test_a_container_with_less_than_the_machine_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("3000000\n", encoding="utf-8")
    (tmp_path / "memory.current").write_text("2500000\n", encoding="utf-8")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 400000\n", encoding="utf-8")
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)
    assert memory.available_memory() == 900_000


def test_a_container_without_a_limit_is_the_machine(tmp_path: Path) -> None:
    for name, text in (("max", "max"), ("current", "5"), ("stat", "anon 5")):
        (tmp_path / f"memory.{name}").write_text(text, encoding="utf-8")
    assert memory._of_container(tmp_path) is None
    assert memory._of_container(tmp_path / "none") is None
