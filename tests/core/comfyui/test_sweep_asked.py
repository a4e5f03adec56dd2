"""What --sweep asked for is kept in the run's folder, and a run that is resumed goes on with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bespoke_core.comfyui.sweep_asked import AskedSweep, ask_for, keep_asked, read_asked, was_asked
from bespoke_core.errors import InputError


def test_the_plan_itself_is_kept_so_that_its_file_may_go(tmp_path: Path) -> None:
    path, run = tmp_path / "plan.toml", tmp_path / "run"
    path.write_text('name = "träne"\n', encoding="utf-8")
    assert read_asked(run) is None and not was_asked(run)
    asked = ask_for(path, "http://127.0.0.1:8188", 5)
    path.unlink()
    keep_asked(asked, run)
    found = read_asked(run)
    assert found == AskedSweep(run / "samples" / "sweep.toml", asked.text, asked.server, 5)
    assert found.path.read_text(encoding="utf-8") == 'name = "träne"\n'
    assert was_asked(run)


@pytest.mark.parametrize("text", ["", "[]", '{"server": "http://x", "patience": 0}', '{"patience": 3}'])
def test_what_is_kept_and_damaged_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    keep_asked(AskedSweep(tmp_path / "plan.toml", "", "http://x", 3), tmp_path)
    (tmp_path / "samples" / "sweep.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"sweep\.json.*--no-sweep"):
        read_asked(tmp_path)


def test_a_plan_that_is_gone_is_named_with_the_way_out(tmp_path: Path) -> None:
    keep_asked(AskedSweep(tmp_path / "plan.toml", "", "http://x", 3), tmp_path)
    (tmp_path / "samples" / "sweep.toml").unlink()
    with pytest.raises(InputError, match=r"sweep\.toml.*--no-sweep"):
        read_asked(tmp_path)
