"""The verb `doctor`: what is missing or wrong in an installation, and how to mend it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..comfyui.install import COMFYUI_VERSION, SetupError, comfyui_version
from .environment import PACK, check_python, load_toml, venv_python

_SET_UP = "Run: python3 -m bespoke_core demo"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        state: "good", "note" (works, but something is worth knowing) or "wrong".
        detail: what was found.
        remedy: how to mend it; "" when good.
    """

    name: str
    state: str
    detail: str
    remedy: str = ""

    def text(self) -> str:
        """Return it as one line, and a second one with the remedy."""
        mark = {"good": "ok   ", "note": "note ", "wrong": "WRONG"}[self.state]
        return f"{mark}  {self.name}: {self.detail}" + (f"\n       {self.remedy}" if self.remedy else "")

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-able values."""
        return asdict(self)


def examine(home: Path, python: Path | None = None) -> list[Check]:
    """Look at everything that the pack needs.

    Args:
        home: the set-up's folder.
        python: the interpreter to look at; the set-up's own by default, or this one when there is none.
    """
    own = venv_python(home)
    chosen = python or (own if own.is_file() else Path(sys.executable))
    checks = [_python(chosen, own)]
    told = _ask(chosen)
    if "error" in told:
        return [*checks, Check("interpreter", "wrong", str(told["error"]), _SET_UP)]
    checks += [_packages(told, None), *_torch(told), _pack(told), _comfyui(home), _gpu(told)]
    checks += [_packages(told, "test"), _browser(), _space(home)]
    return checks


def _python(chosen: Path, own: Path) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        check_python()
    except SetupError as error:
        return Check("Python", "wrong", version, str(error))
    if chosen == own:
        return Check("Python", "good", f"{version}, environment {own.parent.parent}")
    return Check(
        "Python",
        "note",
        f"{chosen}; there is no environment of Bespoke's own here",
        _SET_UP + " to make one.",
    )


def _packages(told: dict[str, Any], extra: str | None) -> Check:
    name = "packages" if extra is None else "packages for the tests"
    try:
        project = load_toml(PACK / "pyproject.toml")["project"]
    except (SetupError, OSError) as error:
        return Check(name, "wrong", str(error), "Start doctor from a checkout of Bespoke.")
    lines = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    missing = []
    for line in lines:
        requirement, _, condition = line.partition(";")
        if "python_version < '3.11'" in condition and sys.version_info >= (3, 11):
            continue
        package, least = re.match(r"([\w.-]+)(?:>=([\d.]+))?", requirement.strip()).groups()  # type: ignore[union-attr]
        found = told["packages"].get(re.sub(r"[-_.]+", "-", package).lower())
        if found is None or (least and _numbers(found) < _numbers(least)):
            missing.append(requirement.strip() + (f" (found {found})" if found else ""))
    if not missing:
        return Check(name, "good", f"all {len(lines)} there")
    if extra is not None:
        return Check(name, "note", "missing: " + ", ".join(missing), "Run: python3 -m bespoke_core test")
    return Check(name, "wrong", "missing: " + ", ".join(missing), "Run pip install -r requirements.txt.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _torch(told: dict[str, Any]) -> list[Check]:
    checks = []
    for name in ("torch", "torchvision", "torchaudio"):
        state = told["imports"][name]
        if state is True:
            checks.append(Check(name, "good", told["packages"].get(name, "there")))
        else:
            remedy = "Install the build that belongs to your torch, or run: python3 -m bespoke_core demo"
            checks.append(Check(name, "wrong", f"cannot be imported ({state})", remedy))
    return checks


def _pack(told: dict[str, Any]) -> Check:
    state = told["imports"]["bespoke_core"]
    if state is True:
        return Check("Bespoke", "good", "its library can be imported")
    return Check("Bespoke", "wrong", f"its library cannot be imported ({state})", "Fetch it again with git.")


def _comfyui(home: Path) -> Check:
    chosen = os.environ.get("COMFYUI_PATH", "").strip()
    folder = Path(chosen).expanduser() if chosen else home / "ComfyUI"
    version = comfyui_version(folder)
    if version is None:
        remedy = "Set COMFYUI_PATH to your ComfyUI, or run: python3 -m bespoke_core demo"
        return Check("ComfyUI", "wrong" if chosen else "note", f"none in {folder}", remedy)
    if _numbers(version) < _numbers(COMFYUI_VERSION):
        return Check("ComfyUI", "wrong", version, f"Update it to {COMFYUI_VERSION} or newer.")
    return Check("ComfyUI", "good", f"{version} in {folder}")


def _gpu(told: dict[str, Any]) -> Check:
    if told["gpu"]:
        return Check("GPU", "good", told["gpu"])
    return Check("GPU", "note", "none; everything works, but slowly with a full-size checkpoint")


def _browser() -> Check:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found:
        return Check("browser for the tests", "good", found)
    return Check("browser for the tests", "note", "none; its tests will skip", "Install chromium.")


def _space(home: Path) -> Check:
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    if free < 1:
        return Check("disk", "wrong", f"{free:.1f} GB free", "Free some space.")
    return Check("disk", "good", f"{free:.0f} GB free")


_QUESTION = """
import importlib, importlib.metadata, json, re, sys
sys.path.append(sys.argv[1])
told = {"imports": {}, "packages": {}, "gpu": ""}
for one in importlib.metadata.distributions():
    name = one.metadata["Name"]
    if name:
        told["packages"][re.sub(r"[-_.]+", "-", name).lower()] = one.version
for name in ("torch", "torchvision", "torchaudio", "bespoke_core"):
    try:
        importlib.import_module(name)
        if name == "bespoke_core":
            for room in ("captions.audit", "training.config", "evaluation.plan"):
                importlib.import_module("bespoke_core." + room)
        told["imports"][name] = True
    except Exception as error:
        told["imports"][name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
torch = sys.modules.get("torch")
if torch is not None and torch.cuda.is_available():
    told["gpu"] = torch.cuda.get_device_name(0)
elif torch is not None and torch.backends.mps.is_available():
    told["gpu"] = "Apple GPU"
print("\\n" + json.dumps(told))
"""


def _ask(python: Path) -> dict[str, Any]:
    """Have the interpreter describe itself, in a child: a broken package may end it."""
    try:
        answer = subprocess.run(
            [str(python), "-c", _QUESTION, str(PACK)], capture_output=True, text=True, encoding="utf-8"
        )
    except OSError as error:
        return {"error": f"{python} cannot be started ({error.strerror or error})"}
    lines = answer.stdout.strip().splitlines()
    if answer.returncode != 0 or not lines:
        last = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        return {"error": f"{python} ended with code {answer.returncode} ({last})"}
    return json.loads(lines[-1])
