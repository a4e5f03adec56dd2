"""One run folder, one run: the claim on a folder, whatever happens to its owner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bespoke_core.errors import InputError
from bespoke_core.training import claim as claims
from bespoke_core.training.claim import LOCK_FILE, claim, held, keeps, owner_of, pass_on, release
from bespoke_core.training.processes import ancestors, identity, is_there

PACK = Path(__file__).resolve().parents[3]
RIVAL = (
    "import sys, time\nfrom pathlib import Path\nfrom bespoke_core.training.claim import claim\n"
    "folder, moment = Path(sys.argv[1]), float(sys.argv[2])\n"
    "while time.time() < moment: pass\n"
    "try: claim(folder)\n"
    "except ValueError as error: print('refused', error)\n"
    "else: print('owner', flush=True); sys.stdin.read()\n"
)


def rival(folder: Path, moment: float = 0.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RIVAL, str(folder), str(moment)],
        env={**os.environ, "PYTHONPATH": str(PACK)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[0]


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_of_processes_that_start_at_the_same_moment_exactly_one_gets_the_folder(tmp_path: Path) -> None:
    import time

    rivals = [rival(tmp_path, time.time() + 1.5) for _ in range(4)]
    try:
        assert sorted(said(one) for one in rivals) == ["owner", "refused", "refused", "refused"]
    finally:
        for one in rivals:
            end(one)


def test_a_killed_owner_leaves_the_folder_free(tmp_path: Path) -> None:
    other = rival(tmp_path)
    assert said(other) == "owner"
    assert owner_of(tmp_path).startswith(f"{other.pid}:")
    with pytest.raises(InputError, match=f"process {other.pid} is training there"):
        claim(tmp_path)
    end(other)
    assert owner_of(tmp_path) == ""
    claim(tmp_path)
    assert owner_of(tmp_path) == identity()


def test_what_a_process_prepared_passes_on_to_its_child(tmp_path: Path) -> None:
    claim(tmp_path)
    child = rival(tmp_path)
    try:
        pass_on(tmp_path, identity(child.pid))
        assert said(child) == "owner"
        pass_on(tmp_path, "1:1")  # it is no longer this process's to give
        release(tmp_path)
        assert owner_of(tmp_path).startswith(f"{child.pid}:")
    finally:
        end(child)


def test_a_claim_is_given_up_at_the_end_and_a_damaged_one_counts_as_none(tmp_path: Path) -> None:
    claim(tmp_path)
    with held(tmp_path):
        assert owner_of(tmp_path) == identity()
    assert owner_of(tmp_path) == ""
    (tmp_path / LOCK_FILE).write_text('{"owner": "12', encoding="utf-8")
    assert owner_of(tmp_path) == ""
    claim(tmp_path)


def test_an_owner_on_another_machine_counts_while_it_shows_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / LOCK_FILE
    path.write_text(json.dumps({"owner": "77:1", "machine": "elsewhere"}), encoding="utf-8")
    with pytest.raises(InputError, match=r"process 77 on elsewhere is training there.*120 seconds"):
        claim(tmp_path)
    os.utime(path, (0, 0))
    claim(tmp_path)
    monkeypatch.setattr(claims, "_RENEW_SECONDS", 0.01)
    with held(tmp_path):
        os.utime(path, (0, 0))
        while path.stat().st_mtime == 0:
            pass


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="needs Linux' namespaces")
def test_a_container_of_the_same_name_is_another_machine(tmp_path: Path) -> None:
    claim(tmp_path)
    path = tmp_path / LOCK_FILE
    told = json.loads(path.read_text(encoding="utf-8"))
    assert "pid:[" in told["machine"]
    told |= {"owner": "77:1", "machine": told["machine"].replace("pid:[", "pid:[9")}
    path.write_text(json.dumps(told), encoding="utf-8")  # there it lives; here nobody can tell
    assert owner_of(tmp_path) == "77:1"
    assert not keeps(tmp_path)


def test_a_process_is_known_by_its_start_whatever_the_clock_says() -> None:
    assert is_there(identity())
    assert not is_there(f"{os.getpid()}:1")
    assert not is_there("no process")
    assert identity(os.getppid()) in ancestors()
    with pytest.raises(ProcessLookupError):
        identity(2**22 + 5)
