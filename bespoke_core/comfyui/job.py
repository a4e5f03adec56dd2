"""What becomes of a graph that was queued: its history, or the error that says why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import BespokeError, UnfinishedError, UserCancelledError


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
