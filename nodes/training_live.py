"""A training run as a node follows it: memory made free, progress in every browser, Cancel that saves."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bespoke_core.training.progress import RunProgress, read_progress
from .host import roots, show, stop_if_cancelled

if TYPE_CHECKING:
    from ..bespoke_core.training.place import RunPlace
    from ..bespoke_core.training.run import TrainingProcess

POLL_SECONDS = 0.2
PUSH_SECONDS = 1.0
# A step may take longer than a user waits. The node lets go after the first; the child may use the second to
# end its step and save. Files on disk are whole at any moment, so then it may be killed.
CANCEL_WAIT_SECONDS = 0.7
SAVE_SECONDS = 120.0

EVENT = "bespoke.training"
"""The event that carries a run's state, as `view_state` returns it, with ``node`` and ``prompt_id``."""


def view_state(progress: RunProgress, folder: Path) -> dict[str, Any]:
    """Return what our JavaScript shows of a run; ``folder`` is relative to the output folder."""
    return {"run": folder.name, "folder": roots().relative(folder), **progress.state()}


class Live:
    """Shows a run on its node.

    The whole state goes to every browser once a second, so that one that connects late, or again, sees it
    all without asking. Browsers without our JavaScript show the line of text and the bar.
    """

    def __init__(self, folder: Path, node_id: str, progress: RunProgress) -> None:
        from comfy.utils import ProgressBar

        self.folder = folder
        self.node_id = node_id
        self.progress = progress
        self._bar = ProgressBar(1, node_id=node_id)
        self._pushed = 0.0
        self._line = ""

    def take(self, events: list[dict[str, Any]]) -> None:
        """Show new events."""
        for event in events:
            self.progress.add(event)
        if events and self.progress.steps:
            self._bar.update_absolute(self.progress.step, self.progress.steps)
        if events or time.monotonic() - self._pushed >= PUSH_SECONDS:
            self.push(at_once=False)

    def push(self, *, at_once: bool = True) -> None:
        """Send the state; at most once a second unless `at_once`."""
        line = self.progress.line()
        if line != self._line:
            self._line = line
            show(line, self.node_id)
        if at_once or time.monotonic() - self._pushed >= PUSH_SECONDS:
            self._pushed = time.monotonic()
            push_state(view_state(self.progress, self.folder), self.node_id)


def push_state(state: dict[str, Any], node_id: str) -> None:
    """Send a run's state to every browser."""
    from server import PromptServer

    server = PromptServer.instance
    server.send_sync(EVENT, {"node": node_id, "prompt_id": server.last_prompt_id, **state})


class Endings:
    """The cancelled runs of this process that still end their step and save."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def let_end(self, process: TrainingProcess, live: Live) -> None:
        """Ask a run to save and stop, and wait for it in the background, a second of it here."""

        def end() -> None:
            process.cancel(grace_s=SAVE_SECONDS)
            live.take(process.poll())
            if live.progress.status != "cancelled":  # it was ended before it could say so itself
                live.progress.add({"event": "cancelled"})
            live.push()

        live.progress.add({"event": "stopping"})
        live.push()
        thread = threading.Thread(target=end, name=f"end of {live.folder.name}", daemon=True)
        thread.start()
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.join(CANCEL_WAIT_SECONDS)

    def wait(self, node_id: str) -> None:
        """Wait until each of them has ended; Cancel works meanwhile."""
        while any(thread.is_alive() for thread in self._threads):
            show("the cancelled run is still saving", node_id)
            stop_if_cancelled()
            time.sleep(POLL_SECONDS)


ENDINGS = Endings()


def follow(place: RunPlace, node_id: str) -> None:
    """Run the training of a place to its end, showing its progress; Cancel lets it save and stop.

    Raises:
        InputError: the place cannot be trained.
        TrainingError: the child failed; the message holds the last lines of its log.
    """
    import comfy.model_management

    # The child needs the memory that loaded models hold; ComfyUI loads them again when it needs them.
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()
    live = Live(place.folder, node_id, read_progress(place.folder) if place.resume else RunProgress())
    process = place.start()
    done = False
    try:
        while process.running:
            stop_if_cancelled()
            live.take(process.poll())
            time.sleep(POLL_SECONDS)
        done = True
    finally:  # Cancel is no Exception
        if not done:
            ENDINGS.let_end(process, live)
    live.take(process.poll())
    live.push()
    process.finish()
