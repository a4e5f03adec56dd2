"""What every rung of the tests shares."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PACK = Path(__file__).resolve().parent.parent

# The library is imported as `bespoke_core`. The pack's root must stay behind everything else on the path,
# because its `nodes/` would shadow ComfyUI's own module in a process that imports both; no test does.
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
