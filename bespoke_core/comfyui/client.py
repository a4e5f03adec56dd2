"""Talking to a ComfyUI server: queue a graph, follow it over the WebSocket, read what it made.

The face is synchronous; aiohttp, which ComfyUI brings, does the work.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from ..errors import BespokeError, InputError, UnfinishedError, UserCancelledError

Graph = Mapping[str, Mapping[str, Any]]
OnEvent = Callable[[dict[str, Any]], None]
Result = TypeVar("Result")

_QUIET_S = 2.0  # seconds of silence on the WebSocket after which the history is asked
_LOST_S = 20.0  # seconds without any answer after which the server counts as gone
_TEXT_MESSAGE = 3  # binary message kind of a node's progress text
_REMEDY_SERVER = "Start ComfyUI, or give the address that its start printed."


class ServerGoneError(BespokeError):
    """The server does not answer at its address."""


class ComfyError(BespokeError):
    """A node failed while the graph ran.

    Attributes:
        node: the node's id in the graph; a sub-graph's node carries its parent's id in front.
        node_type: the node's class, such as "KSampler".
        reason: the text of the exception.
        exception: the exception's type name.
        trace: the server's traceback, for logs.
    """

    def __init__(
        self, *, node: str, node_type: str, reason: str, exception: str = "", trace: str = ""
    ) -> None:
        self.node, self.node_type, self.reason = node, node_type, reason.strip()
        self.exception, self.trace = exception, trace
        super().__init__(f"node {node} ({node_type}) failed: {self.reason or exception}")


class JobLostError(ServerGoneError, UnfinishedError):
    """The server ended or was started again while a job ran or waited, and the job is gone with it."""


class JobInterruptedError(UserCancelledError):
    """Someone cancelled the graph while it ran or waited."""


@dataclass(frozen=True)
class History:
    """What a graph left behind.

    Attributes:
        prompt_id: the job's id.
        status: "success" or "error".
        outputs: node id -> its ``ui`` output (lists by key), for nodes that have one.
        messages: the server's (kind, data) messages in order.
    """

    prompt_id: str
    status: str
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: tuple[tuple[str, dict[str, Any]], ...] = ()

    @property
    def cached_nodes(self) -> frozenset[str]:
        """The nodes whose earlier result was taken instead of running them."""
        return frozenset(
            str(node) for kind, data in self.messages if kind == "execution_cached" for node in data["nodes"]
        )

    @classmethod
    def from_reply(cls, prompt_id: str, entry: Mapping[str, Any]) -> History:
        """Read one entry of the server's ``/history`` reply."""
        status = entry.get("status") or {}
        messages = tuple((str(kind), dict(data)) for kind, data in status.get("messages", []))
        outputs = {str(node): dict(output) for node, output in entry.get("outputs", {}).items()}
        return cls(prompt_id, str(status.get("status_str", "success")), outputs, messages)

    def raise_for_failure(self) -> History:
        """Return this history when the graph succeeded.

        Raises:
            ComfyError: a node failed.
            JobInterruptedError: it was cancelled.
        """
        for kind, data in self.messages:
            if kind == "execution_interrupted":
                raise JobInterruptedError(f"the graph was stopped at node {data.get('node_id', '?')}")
            if kind == "execution_error":
                raise ComfyError(
                    node=str(data.get("node_id", "?")),
                    node_type=str(data.get("node_type", "?")),
                    reason=str(data.get("exception_message", "")),
                    exception=str(data.get("exception_type", "")),
                    trace="".join(data.get("traceback") or []),
                )
        if self.status != "success":
            raise BespokeError(f"the graph {self.prompt_id} ended with status {self.status!r}")
        return self


class Client:
    """One ComfyUI server, as a client sees it. Holds no connection between calls.

    Args:
        url: ``http://HOST:PORT``, ``https://...`` or ``HOST:PORT``.
        client_id: the name under which the server sends this client's events; made up by default.

    Raises:
        InputError: `url` is not an address.
    """

    def __init__(self, url: str, *, client_id: str | None = None) -> None:
        text = url.strip()
        text = (text if "://" in text else f"http://{text}").rstrip("/")
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("is not a server's address", field="server", value=url, remedy=_REMEDY_SERVER)
        self.url = text
        self.client_id = client_id or uuid.uuid4().hex

    def queue(
        self, graph: Graph, extra_data: Mapping[str, Any] | None = None, *, job: str | None = None
    ) -> str:
        """Queue a graph in API form and return the job's id.

        Args:
            graph: node id -> {"class_type", "inputs"}.
            extra_data: passed to the server, for example ``{"extra_pnginfo": {"workflow": ...}}``.
            job: the id that it is to have, a UUID; None lets the server choose.

        Raises:
            InputError: the server refuses the graph or a part of it; each node and input at fault is named.
                Nothing of the graph is left in the queue.
            ServerGoneError: it does not answer.
        """
        body: dict[str, Any] = {"prompt": graph, "client_id": self.client_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        if job is not None:
            body["prompt_id"] = job
        status, reply = self._json("POST", "/prompt", body)
        node_errors = reply.get("node_errors") or {}
        if status == 200 and not node_errors:
            return str(reply["prompt_id"])
        if status == 200:  # the server runs the outputs that are valid; a part of an answer is none
            self.cancel(str(reply["prompt_id"]))
        raise InputError(
            "the server refuses the graph: " + describe_refusal(reply, graph),
            field="graph",
            remedy="Mend these inputs and queue it again.",
        )

    def wait(self, prompt_id: str, on_event: OnEvent | None = None, timeout: float | None = None) -> History:
        """Return when the job is done.

        Args:
            prompt_id: what `queue` returned.
            on_event: called with {"type", "data"} for each of the job's events: ``execution_start``,
                ``execution_cached``, ``executing``, ``progress``, ``progress_state``, ``executed``, and
                ``progress_text`` with data {"node", "text"}. The server thins out ``progress``: count
                nothing by it. When the connection breaks it is made anew and the events of the gap are lost.
            timeout: seconds; None waits for ever.

        Raises:
            ComfyError: a node failed.
            JobInterruptedError: the job was cancelled, or taken out of the queue.
            JobLostError: the server no longer answers, or was started again.
            TimeoutError: the job is not done after `timeout`; it goes on.
        """
        history = _run(_Waiter(self, prompt_id, on_event or _ignore, timeout).run())
        return history.raise_for_failure()

    def run(self, graph: Graph, on_event: OnEvent | None = None) -> History:
        """Queue a graph and return when it is done; Ctrl-C cancels the job on the server, too.

        Raises:
            BespokeError: as `queue` and `wait` do.
        """
        job = self.queue(graph)
        try:
            return self.wait(job, on_event)
        except (KeyboardInterrupt, SystemExit):
            with contextlib.suppress(BespokeError):  # it may be gone as well
                self.cancel(job)
            raise

    def history(self, prompt_id: str) -> History | None:
        """Return what a job left behind, or None while it waits or runs."""
        _, reply = self._json("GET", f"/history/{prompt_id}")
        return History.from_reply(prompt_id, reply[prompt_id]) if prompt_id in reply else None

    def cancel(self, prompt_id: str) -> bool:
        """Cancel one job, running or waiting; return whether there was something to cancel."""
        _, reply = self._json("POST", f"/api/jobs/{prompt_id}/cancel", {})
        return bool(reply.get("cancelled"))

    def interrupt(self, prompt_id: str | None = None) -> None:
        """Stop the running job; with `prompt_id` only when that is the one that runs."""
        self._json("POST", "/interrupt", {} if prompt_id is None else {"prompt_id": prompt_id})

    def object_info(self, node: str | None = None) -> dict[str, Any]:
        """Return the server's description of every node class, or of one; empty for an unknown one."""
        _, reply = self._json("GET", "/object_info" + (f"/{node}" if node else ""))
        return reply

    def model_folders(self) -> dict[str, list[str]]:
        """Return the folders in which the server looks for each kind of model; empty where it tells none."""
        _, reply = self._json("GET", "/experiment/models")
        found = (entry for entry in reply.get("items", ()) if isinstance(entry, dict))
        return {str(one.get("name")): [str(folder) for folder in one.get("folders", ())] for one in found}

    def system_stats(self) -> dict[str, Any]:
        """Return the server's description of itself: versions, memory, devices."""
        _, reply = self._json("GET", "/system_stats")
        return reply

    def view(self, filename: str, subfolder: str = "", kind: str = "output") -> bytes:
        """Return the bytes of a picture that the server made or was given.

        Args:
            filename: its name.
            subfolder: the folder under the root of its kind.
            kind: "output", "input" or "temp".

        Raises:
            InputError: there is no such picture.
        """
        query = {"filename": filename, "subfolder": subfolder, "type": kind}
        status, body = _run(self._request("GET", "/view", params=query))
        if status != 200:
            raise InputError(
                f"the server has no such picture in its {kind} folder",
                field="filename",
                value=f"{subfolder}/{filename}" if subfolder else filename,
                remedy="Take the name from the job's history.",
            )
        return body

    def upload_image(self, path: Path, *, subfolder: str = "", overwrite: bool = False) -> str:
        """Copy a picture into the server's input folder and return the name to give to ``LoadImage``."""
        form = aiohttp.FormData()
        form.add_field(
            "image", path.read_bytes(), filename=path.name, content_type="application/octet-stream"
        )
        form.add_field("subfolder", subfolder)
        form.add_field("overwrite", "true" if overwrite else "false")
        status, body = _run(self._request("POST", "/upload/image", data=form))
        if status != 200:
            raise InputError("the server refuses the picture", file=path, remedy="Give a PNG or JPEG file.")
        reply = json.loads(body)
        return "/".join(part for part in (reply.get("subfolder", ""), reply["name"]) if part)

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict]:
        return _run(self.fetch_json(method, path, body))

    async def fetch_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Do one request whose reply is JSON (or empty) and return its status and content."""
        status, raw = await self._request(method, path, json=body)
        if not raw.strip():
            return status, {}
        try:
            content = json.loads(raw)
        except ValueError:
            excerpt = raw[:200].decode("utf-8", errors="replace")
            raise BespokeError(
                f"{self.url}{path} answered {status} with something other than JSON: {excerpt!r}"
            ) from None
        return status, content if isinstance(content, dict) else {"items": content}

    async def _request(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        if options.get("json", ...) is None:
            options.pop("json")
        limit = aiohttp.ClientTimeout(total=120, connect=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.request(method, self.url + path, **options) as reply,
            ):
                return reply.status, await reply.read()
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            reason = error or type(error).__name__
            raise ServerGoneError(
                f"the ComfyUI server at {self.url} does not answer ({reason}). {_REMEDY_SERVER}"
            ) from None


@dataclass
class _Waiter:
    """Follows one job to its end: events from the WebSocket, the truth from the history."""

    client: Client
    prompt_id: str
    on_event: OnEvent
    timeout: float | None
    last_answer: float = 0.0
    last_look: float = 0.0
    broke: bool = False

    async def run(self) -> History:
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


def describe_refusal(reply: Mapping[str, Any], graph: Graph) -> str:
    """Say in one line per fault what a ``/prompt`` reply complains about."""
    lines = []
    for node, fault in (reply.get("node_errors") or {}).items():
        name = fault.get("class_type") or graph.get(node, {}).get("class_type", "?")
        told = [_in_words(one) for one in fault.get("errors", [])]
        lines += [f"node {node} ({name}): {text}" for text in dict.fromkeys(told)]
    error = reply.get("error")
    if not lines and isinstance(error, Mapping):
        details = f" ({error['details']})" if error.get("details") else ""
        lines.append(f"{error.get('message', 'it is not valid')}{details}")
    elif not lines:
        lines.append(str(error or reply))
    return "; ".join(lines)


def _in_words(fault: Mapping[str, Any]) -> str:
    """Return what is wrong with an input; what a node says by itself comes once for each of its inputs."""
    message, details = str(fault.get("message", "is not valid")), str(fault.get("details") or "")
    if fault.get("type") == "custom_validation_failed" and " - " in details:
        return details.partition(" - ")[2].rstrip(".")
    return f"{message} ({details})" if details else message


def _ignore(event: dict[str, Any]) -> None:
    """Take an event that nobody asked for."""


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)
