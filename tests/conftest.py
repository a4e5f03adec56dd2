"""What every rung of the tests shares."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer

PACK = Path(__file__).resolve().parent.parent

# The library is imported as `bespoke_core`. The pack's root must stay behind everything else on the path,
# because its `nodes/` would shadow ComfyUI's own module in a process that imports both; no test does.
sys.path.append(str(Path(__file__).resolve().parent / "support"))
if str(PACK) not in sys.path:
    sys.path.append(str(PACK))

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def pack() -> Path:
    """The folder that ComfyUI loads as an extension."""
    return PACK


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data of the experiment, which lies beside a checkout where its owners may use it."""
    folder = PACK.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the experiment's data is not beside this checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def comfyui_folder(pack: Path) -> Path:
    """A real ComfyUI: the one of COMFYUI_PATH, or the one that `bespoke demo` or `bespoke test` fetched."""
    named = os.environ.get("COMFYUI_PATH")
    if named:
        # Whoever names a folder wants these tests run: a wrong one must not pass as a skip.
        assert (Path(named) / "main.py").is_file(), f"COMFYUI_PATH={named} holds no main.py"
        return Path(named)
    fetched = pack / ".bespoke" / "ComfyUI"
    if (fetched / "main.py").is_file():
        return fetched
    pytest.skip("no ComfyUI: set COMFYUI_PATH, or run `python3 -m bespoke_core test`, which fetches it")


@pytest.fixture(scope="session")
def base_checkpoint(pack: Path) -> Path:
    """The embedded default's base model; it is made once and kept in the state folder."""
    from bespoke_core.base.checkpoint import obtain_base_model

    home = Path(os.environ.get("BESPOKE_HOME") or pack / ".bespoke")
    return obtain_base_model(home / "base" / "models" / "checkpoints").path


@pytest.fixture(scope="session")
def sample_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample data set of portraits with captions of the experiment's form."""
    from bespoke_core.quickstart.sample_dataset import write_sample_dataset

    folder = tmp_path_factory.mktemp("sample") / "bespoke_sample"
    write_sample_dataset(folder, count=8, seed=1)
    return folder


@pytest.fixture(scope="session")
def server(
    comfyui_folder: Path,
    base_checkpoint: Path,
    sample_dataset: Path,
    pack: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ComfyServer]:
    """A real ComfyUI with the pack under an odd name, the base model and the sample data set.

    The name has no blanks: ComfyUI serves no web files of such a folder.
    """
    from bespoke_core.comfyui.server import ComfyServer

    base = tmp_path_factory.mktemp("comfyui base")
    checkpoints = base / "models" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / base_checkpoint.name).symlink_to(base_checkpoint)
    shutil.copytree(sample_dataset, base / "input" / "bespoke_sample")
    with ComfyServer(
        comfyui_folder, Path(sys.executable), base, pack=pack, pack_name="Odd-pack.name_1", device="cpu"
    ) as running:
        yield running


@pytest.fixture
def client(server: ComfyServer) -> Client:
    """A client of the real server."""
    from bespoke_core.comfyui.client import Client

    return Client(server.url)
