"""Following one job to its end: events from the WebSocket, the truth from the history."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from ..errors import BespokeError
from .job import History, JobInterruptedError, JobLostError, ServerGoneError

if TYPE_CHECKING:
    from .client import Client

OnEvent = Callable[[dict[str, Any]], None]

_QUIET_S = 2.0  # seconds of silence on the WebSocket after which the history is asked
_LOST_S = 20.0  # seconds without any answer after which the server counts as gone
_TEXT_MESSAGE = 3  # binary message kind of a node's progress text


@dataclass
class Waiter:
    """Follows one job.

    Attributes:
        client: of the server.
        prompt_id: the job's id.
        on_event: called with each of the job's events.
        timeout: seconds; None waits for ever.
        last_answer: when the server answered last, by the monotonic clock.
        last_look: when the history was asked last.
        broke: whether a connection broke meanwhile, as it does when the server is started again.
    """

    client: Client
    prompt_id: str
    on_event: OnEvent
    timeout: float | None
    last_answer: float = 0.0
    last_look: float = 0.0
    broke: bool = False

    async def run(self) -> History:
        """Return the job's history when it is done.

        Raises:
            JobInterruptedError: it was taken out of the queue.
            JobLostError: the server no longer answers, or was started again.
            TimeoutError: it is not done after `timeout`.
        """
        self.last_answer = time.monotonic()
        end = None if self.timeout is None else self.last_answer + self.timeout
        pause = 0.2
        while True:
            history = await self._look()
            if history is None:
                history = await self._listen(end)
            if history is not None:
                return history
            self.broke = True
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"job {self.prompt_id} is not done after {self.timeout:g} s")
            await asyncio.sleep(pause)  # the connection broke: try again, ever more slowly
            pause = min(pause * 2, 5.0)

    async def _listen(self, end: float | None) -> History | None:
        """Follow the WebSocket; None when it breaks or the time is over."""
        address = "ws" + self.client.url[4:] + f"/ws?clientId={self.client.client_id}"
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.ws_connect(address, max_msg_size=0, heartbeat=None) as socket,
            ):
                while end is None or time.monotonic() < end:
                    try:
                        message = await socket.receive(timeout=_QUIET_S)
                    except asyncio.TimeoutError:
                        if history := await self._look():
                            return history
                        continue
                    if message.type in _CLOSED:
                        return None
                    self.last_answer = time.monotonic()
                    if self._hand_on(message) and (history := await self._finished()):
                        return history
                    # Others' events may keep the connection busy after this job's end was missed.
                    if time.monotonic() - self.last_look > _QUIET_S and (history := await self._look()):
                        return history
        except (aiohttp.ClientError, OSError):
            return None  # `run` asks the history, which tells a broken connection from a server that is gone
        return None

    def _hand_on(self, message: aiohttp.WSMessage) -> bool:
        """Give an event of this job to the caller; return whether it was the job's last."""
        event = _event_of(message)
        if event is None or event["data"].get("prompt_id", self.prompt_id) != self.prompt_id:
            return False
        kind, data = event["type"], event["data"]
        if kind in _JOB_EVENTS:
            self.on_event(event)
        # `execution_success` comes before the history has the job; `executing` without a node comes after.
        ended = kind == "executing" and data.get("node") is None and "prompt_id" in data
        return ended or kind in {"execution_error", "execution_interrupted"}

    async def _finished(self) -> History | None:
        for _ in range(50):
            if history := await self._look():
                return history
            await asyncio.sleep(0.1)
        return None

    def _unknown(self) -> BespokeError:
        """Return what it means that the server does not know the job: a server that starts knows none."""
        if self.broke:
            return JobLostError(
                f"the ComfyUI server at {self.client.url} was started again while the job was there, and "
                "has lost it."
            )
        return JobInterruptedError(f"job {self.prompt_id} was taken out of the server's queue")

    async def _look(self) -> History | None:
        """Ask the history; None while the job waits or runs, or while the server is silent for a while."""
        path = f"/history/{self.prompt_id}"
        self.last_look = time.monotonic()
        try:
            _, reply = await self.client.fetch_json("GET", path)
            if self.prompt_id not in reply:
                _, queue = await self.client.fetch_json("GET", "/queue")
                known = {item[1] for key in ("queue_running", "queue_pending") for item in queue.get(key, [])}
                if self.prompt_id not in known:
                    _, reply = await self.client.fetch_json("GET", path)  # it may have ended in between
                    if self.prompt_id not in reply:
                        raise self._unknown()
        except JobLostError:
            raise
        except ServerGoneError as error:
            self.broke = True
            if time.monotonic() - self.last_answer > _LOST_S:
                raise JobLostError(str(error)) from None
            return None
        self.last_answer = time.monotonic()
        return History.from_reply(self.prompt_id, reply[self.prompt_id]) if self.prompt_id in reply else None


_CLOSED = {
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.ERROR,
}
_JOB_EVENTS = {
    "execution_start",
    "execution_cached",
    "execution_success",
    "execution_error",
    "execution_interrupted",
    "executing",
    "executed",
    "progress",
    "progress_state",
    "progress_text",
}


def _event_of(message: aiohttp.WSMessage) -> dict[str, Any] | None:
    """Return {"type", "data"} of a WebSocket message; None for previews and what is not understood."""
    if message.type == aiohttp.WSMsgType.TEXT:
        event = json.loads(message.data)
        return event if isinstance(event.get("data"), dict) else None
    if message.type != aiohttp.WSMsgType.BINARY or len(message.data) < 8:
        return None
    kind, length = struct.unpack(">II", message.data[:8])
    if kind != _TEXT_MESSAGE:
        return None
    node = message.data[8 : 8 + length].decode("utf-8", errors="replace")
    text = message.data[8 + length :].decode("utf-8", errors="replace")
    return {"type": "progress_text", "data": {"node": node, "text": text}}
