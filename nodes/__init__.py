"""ComfyUI nodes of Bespoke: thin adapters over `bespoke_core`, one module a topic."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .captions import AuditCaptions, CleanCaption
from .checkpoints import FindCheckpoints, LoadCheckpoint
from .chosen import KeepChosen
from .cleaning import CleanDataset, RestoreCaptions
from .evaluation import SaveReport, TestPrompts, Verdict
from .score_folder import ScoreFolder
from .scoring import CountColors, ScoreSprites
from .sheet import SaveSheet
from .sprites import Downscale
from .sweep import Sweep
from .sweep_cells import SweepCell, SweepCheckpoint, SweepFloor, SweepGather
from .sweep_plan import FindRuns, SweepGrid
from .training import MakeTrainingConfig, TrainLora

NODES: tuple[type[io.ComfyNode], ...] = (
    AuditCaptions,
    CleanCaption,
    CleanDataset,
    RestoreCaptions,
    MakeTrainingConfig,
    TrainLora,
    FindCheckpoints,
    LoadCheckpoint,
    Downscale,
    CountColors,
    ScoreSprites,
    ScoreFolder,
    TestPrompts,
    FindRuns,
    SweepGrid,
    Sweep,
    SweepCheckpoint,
    SweepCell,
    SweepFloor,
    SweepGather,
    Verdict,
    KeepChosen,
    SaveReport,
    SaveSheet,
)


class BespokeExtension(ComfyExtension):
    """The pack as ComfyUI sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return every node of the pack, in the order of the work."""
        return list(NODES)


async def comfy_entrypoint() -> ComfyExtension:
    """Return the extension; ComfyUI calls this once when it loads the pack."""
    return BespokeExtension()
