"""Files are written whole or not at all; logs are followed line by line."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bespoke_core.errors import InputError
from bespoke_core.events import EventLog, EventReader
from bespoke_core.files import key_of, read_text, whole_file, whole_folder, write_json, write_text


def test_a_file_keeps_its_content_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_nan_never_reaches_a_json_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": math.nan})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path, pack: Path) -> None:
    path = tmp_path / "a.bin"
    code = (
        "import sys; from pathlib import Path; from bespoke_core.files import write_bytes\n"
        "path = Path(sys.argv[1])\n"
        "n = 0\n"
        "while True:\n"
        "    n = (n + 1) % 256\n"
        "    write_bytes(path, bytes([n]) * 3_000_000)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=pack)
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    data = path.read_bytes()
    assert len(data) == 3_000_000
    assert len(set(data)) == 1


def test_equal_values_have_equal_keys_whatever_their_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": "1"})


def test_a_half_written_event_is_not_seen_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert list(reader.new()) == []
    log = EventLog(path)
    log.write("step", loss=0.5)
    with path.open("a", encoding="utf-8") as other:
        other.write('{"event": "st')
    assert [e["event"] for e in reader.new()] == ["step"]
    with path.open("a", encoding="utf-8") as other:
        other.write('ep", "loss": 0.25}\n')
    assert [e["loss"] for e in reader.new()] == [0.25]
    log.close()


def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with whole_folder(folder) as building:
        write_text(building / "a.txt", "first")
        assert not folder.exists()
    with pytest.raises(RuntimeError), whole_folder(folder) as building:
        write_text(building / "a.txt", "second")
        raise RuntimeError
    assert (folder / "a.txt").read_text(encoding="utf-8") == "first"
    with whole_folder(folder) as building:
        write_text(building / "b.txt", "third")
    assert [p.name for p in folder.iterdir()] == ["b.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_what_is_written_is_as_readable_as_any_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_a_text_that_is_not_utf8_is_named_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="byte 3"):
        read_text(path, remedy="Give a text.")
    with pytest.raises(InputError, match="Give a text"):
        read_text(tmp_path / "absent", remedy="Give a text.")
