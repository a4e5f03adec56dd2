"""The environment of our own: a folder with Python packages and ComfyUI, made once and found again.

Only the standard library is used: it runs on the machine's Python, before anything is installed.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..comfyui.install import SetupError, obtain_comfyui, repair_torchvision, run_pip
from ..files import key_of, write_json, write_text

PACK = Path(__file__).resolve().parents[2]
NEEDED_BYTES = 5_000_000_000  # packages 3.8 GB, ComfyUI, base model, pictures, and pip's own working space

# What the tests need: each extra that a user may install is tried with its real libraries.
TEST_EXTRAS = ("test", "logs", "optimizers", "machines", "parquet")

# torch, torchvision and torchaudio must come from one release, or the latter two replace the first.
CONSTRAINTS = "torch==2.13.0\ntorchvision==0.28.0\ntorchaudio==2.11.0\n"


@dataclass(frozen=True)
class Environment:
    """What the set-up made.

    Attributes:
        home: the folder with all of it.
        python: the interpreter of its virtual environment.
        comfyui: ComfyUI's folder.
        notes: what had to be mended, in words.
    """

    home: Path
    python: Path
    comfyui: Path
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> Path:
        """ComfyUI's base directory: models, input, output."""
        return self.home / "base"


def home_folder() -> Path:
    """Return the folder that holds the set-up: BESPOKE_HOME, or ``.bespoke`` in the checkout."""
    chosen = os.environ.get("BESPOKE_HOME", "").strip()
    return Path(chosen).expanduser().resolve() if chosen else PACK / ".bespoke"


def venv_python(home: Path) -> Path:
    """Return where the virtual environment's interpreter is, or will be."""
    return home / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Raise SetupError when this Python is too old."""
    if tuple(version[:2]) < (3, 10):
        shown = ".".join(map(str, version))
        raise SetupError(f"this is Python {shown}; start Bespoke with Python 3.10 or newer.")


def ensure_environment(
    home: Path,
    *,
    test: bool = False,
    say: Callable[[str], None] = print,
    free_bytes: Callable[[Path], int] | None = None,
) -> Environment:
    """Return the environment in `home`, installed or completed when it is not as it should be.

    A second call takes well under a second. Two calls at once wait for each other. One that was killed while
    pip worked is begun anew.

    Args:
        home: made when absent.
        test: install what the tests need, too.
        say: told what is going on, a line at a time.
        free_bytes: returns the free space at a path; for tests.

    Raises:
        SetupError: Python too old, no space, no network, a damaged download, or a broken pip.
        InputError: COMFYUI_PATH is wrong.
    """
    check_python()
    if not (PACK / "pyproject.toml").is_file():
        raise SetupError("this is not a checkout of Bespoke: fetch it with git and start it from its folder.")
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"the folder {home} cannot be made: {error.strerror or error}.") from None
    with locked(home / "lock", say):
        python = venv_python(home)
        ready = _stamps(home)
        if ready is None or not python.is_file():
            _check_space(home, free_bytes or _free_bytes)
            _make_venv(home, say)
            ready = {}
        comfyui = _obtain(home, python, say)
        wanted = {"core": _request(comfyui, ()), "test": _request(comfyui, TEST_EXTRAS)}
        notes: list[str] = []
        for extra in ("core", "test") if test else ("core",):
            if ready.get(extra) != key_of(wanted[extra]):
                _install(home, python, wanted[extra], extra, say)
                notes += repair_torchvision(python)
                ready[extra] = key_of(wanted[extra])
                write_json(_stamp(home), ready)
        for note in notes:
            say(f"  mended: {note}")
    return Environment(home, python, comfyui, tuple(notes))


def _obtain(home: Path, python: Path, say: Callable[[str], None]) -> Path:
    target = home / "ComfyUI"
    if not os.environ.get("COMFYUI_PATH") and not (target / "main.py").is_file():
        say("Fetching ComfyUI ...")
    return obtain_comfyui(target, python, downloads=home / "downloads")


def _make_venv(home: Path, say: Callable[[str], None]) -> None:
    folder = home / "venv"
    if folder.exists():  # of an interrupted start
        shutil.rmtree(folder)
    say(f"Making a Python environment in {folder} ...")
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, encoding="utf-8"
    )
    if made.returncode != 0 or not venv_python(home).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        last = (made.stderr or made.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise SetupError(
            f"Python cannot make a virtual environment ({last[0]}); install its venv module "
            "(on Debian: python3-venv) and start again."
        )
    write_json(_stamp(home), {})


def _install(
    home: Path, python: Path, request: dict[str, Any], extra: str, say: Callable[[str], None]
) -> None:
    what = "ComfyUI's and Bespoke's packages" if extra == "core" else "the tests' packages"
    say(f"Installing {what}; the first time this takes some minutes ...")
    constraints, requirements = home / "constraints.txt", home / f"requirements-{extra}.txt"
    write_text(constraints, request["constraints"])
    write_text(requirements, "\n".join(request["packages"]) + "\n")
    # While pip works there is no stamp: a killed pip may leave half a package that it would take for whole.
    stamp = _stamp(home)
    before = stamp.read_text(encoding="utf-8") if stamp.is_file() else "{}"
    stamp.unlink(missing_ok=True)
    command = ["install", "--constraint", str(constraints), "--requirement", str(requirements)]
    try:
        run_pip(python, command, doing=f"install {what}", log=home / f"install-{extra}.log")
    except SetupError:
        write_text(stamp, before)  # pip ended by itself and left nothing half-installed
        raise


def _request(comfyui: Path, extras: Sequence[str]) -> dict[str, Any]:
    """Return everything that is asked of pip, the core's packages without extras; the stamp is its hash."""
    project = load_toml(PACK / "pyproject.toml")["project"]
    packages: list[str] = []
    if not extras:
        text = (comfyui / "requirements.txt").read_text(encoding="utf-8")
        lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
        packages = [line for line in lines if line] + list(project["dependencies"])
    else:
        packages = [name for extra in extras for name in project["optional-dependencies"][extra]]
    return {"packages": packages, "constraints": CONSTRAINTS, "python": list(sys.version_info[:3])}


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file with what there is: Python 3.11's own reader, else tomli, else the one inside pip.

    Raises:
        SetupError: none of them is there.
    """
    for name in ("tomllib", "tomli", "pip._vendor.tomli"):
        try:
            reader = importlib.import_module(name)
        except ImportError:
            continue
        return reader.loads(path.read_text(encoding="utf-8"))
    raise SetupError("this Python has no pip; install it (on Debian: python3-pip) and start again.")


def _stamp(home: Path) -> Path:
    return home / "venv" / "bespoke.json"


def _stamps(home: Path) -> dict[str, str] | None:
    """Return the hashes of what is installed, by extra; None when there is no environment to build on."""
    try:
        return dict(json.loads(_stamp(home).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def _check_space(home: Path, free_bytes: Callable[[Path], int]) -> None:
    free = free_bytes(home)
    if free < NEEDED_BYTES:
        raise SetupError(
            f"{home} has {free / 1e9:.1f} GB free and the set-up needs {NEEDED_BYTES / 1e9:.0f} GB; "
            "free some space, or set BESPOKE_HOME to a folder on another disk."
        )


@contextmanager
def locked(path: Path, say: Callable[[str], None] = print) -> Iterator[None]:
    """Hold a lock that only one process at a time has; the system frees it when the process ends."""
    with path.open("a+", encoding="utf-8") as file:
        told = False
        while not _try_lock(file.fileno()):
            if not told:
                say("Another start is setting up; waiting for it ...")
                told = True
            time.sleep(0.2)
        yield


def _try_lock(handle: int) -> bool:
    try:
        if os.name == "nt":
            msvcrt = importlib.import_module("msvcrt")
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def inside(home: Path) -> bool:
    """Return whether this process runs in the environment of `home`."""
    return Path(sys.prefix).resolve() == (home / "venv").resolve()


def run_inside(environment: Environment, verb: str, arguments: list[str]) -> int:
    """Run a verb of the command line again, in the environment; return its exit code.

    On systems that can, this process becomes that one, so that Ctrl-C goes straight to it.
    """
    # Not PYTHONPATH, which ComfyUI would inherit, and not the working folder, which belongs to the user.
    code = (
        f"import sys; sys.path.append({str(PACK)!r}); "
        "from bespoke_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [str(environment.python), "-c", code, verb, *arguments]
    variables = {
        **os.environ,
        "BESPOKE_HOME": str(environment.home),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "COMFYUI_PATH": str(environment.comfyui),
    }
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, variables)
    return subprocess.run(command, env=variables).returncode
