"""Talking to a ComfyUI server: queue a graph, follow it over the WebSocket, read what it made.

The face is synchronous; aiohttp, which ComfyUI brings, does the work.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from ..errors import BespokeError, InputError
from .job import History, ServerGoneError
from .refusal import Graph, describe_refusal
from .waiting import OnEvent, Waiter

Result = TypeVar("Result")

_REMEDY_SERVER = "Start ComfyUI, or give the address that its start printed."


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
        history = _run(Waiter(self, prompt_id, on_event or _ignore, timeout).run())
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


def _ignore(event: dict[str, Any]) -> None:
    """Take an event that nobody asked for."""


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)
