"""Following jobs: against a small server that speaks ComfyUI's protocol and misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Iterator

import pytest

from bespoke_core.comfyui.client import Client
from bespoke_core.comfyui.job import ComfyError, History, JobInterruptedError, JobLostError, ServerGoneError
from bespoke_core.comfyui.server import free_port
from bespoke_core.errors import InputError, UserCancelledError

web = pytest.importorskip("aiohttp.web")

GRAPH = {"1": {"class_type": "KSampler", "inputs": {"steps": 0}}}
JOB = "11111111-2222-3333-4444-555555555555"


class FakeComfy:
    """What the server answers; a test changes the attributes."""

    def __init__(self) -> None:
        self.reply: tuple[int, dict] = (200, {"prompt_id": JOB, "node_errors": {}})
        self.entry: dict = {
            "status": {"status_str": "success", "messages": []},
            "outputs": {"1": {"text": ["hi"]}},
        }
        self.script: list = []
        self.done = False
        self.known = True
        self.connections = 0
        self.posted: list[tuple[str, dict]] = []
        self.drop_first = False

    async def post(self, request):
        self.posted.append((request.path, await request.json()))
        if request.path == "/prompt":
            return web.json_response(self.reply[1], status=self.reply[0])
        return web.json_response({"cancelled": True})

    async def history(self, request):
        return web.json_response({JOB: self.entry} if self.done else {})

    async def get_history(self, request):
        return await self.history(request)  # which a test may replace

    async def queue(self, request):
        return web.json_response({"queue_running": [[0, JOB]] if self.known else [], "queue_pending": []})

    async def socket(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        if self.drop_first and self.connections == 1:
            await socket.close()
            return socket
        await asyncio.sleep(0.05)
        for message in self.script:
            await (socket.send_bytes if isinstance(message, bytes) else socket.send_json)(message)
        self.done = True
        await socket.send_json({"type": "executing", "data": {"node": None, "prompt_id": JOB}})
        async for _ in socket:
            pass
        return socket


@pytest.fixture
def fake() -> Iterator[tuple[FakeComfy, Client]]:
    comfy, port, loop = FakeComfy(), free_port(), asyncio.new_event_loop()
    app = web.Application()
    app.router.add_get("/history/{job}", comfy.get_history)
    app.router.add_get("/queue", comfy.queue)
    app.router.add_get("/ws", comfy.socket)
    app.router.add_post("/{tail:.*}", comfy.post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", port).start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield comfy, Client(f"127.0.0.1:{port}/")
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_a_job_gives_its_events_and_its_outputs(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    text = struct.pack(">II", 3, 1) + b"1" + "épo 1".encode()
    comfy.script = [
        {"type": "status", "data": {"status": {}}},
        {"type": "progress", "data": {"value": 1, "max": 2, "prompt_id": "another job", "node": "9"}},
        {"type": "progress", "data": {"value": 1, "max": 2, "prompt_id": JOB, "node": "1"}},
        text,
        struct.pack(">II", 1, 2) + b"a preview picture",
    ]
    events: list[dict] = []
    history = client.wait(client.queue(GRAPH, {"extra": 1}), events.append, timeout=20)
    assert history.outputs == {"1": {"text": ["hi"]}}
    assert [event["type"] for event in events] == ["progress", "progress_text", "executing"]
    assert events[1]["data"] == {"node": "1", "text": "épo 1"}
    sent = comfy.posted[0][1]
    assert sent["prompt"] == GRAPH
    assert sent["client_id"] == client.client_id
    assert sent["extra_data"] == {"extra": 1}


def test_a_broken_connection_is_made_anew(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    comfy.drop_first = True
    assert client.wait(JOB, timeout=20).status == "success"
    assert comfy.connections == 2


def test_a_job_that_is_done_already_needs_no_event(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    comfy.done = True
    assert client.wait(JOB).status == "success"
    assert comfy.connections == 0


def test_a_refused_graph_names_node_and_input(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    fault = {"message": "Value 0 smaller than min of 1", "details": "steps"}
    errors = {"1": {"class_type": "KSampler", "errors": [fault]}}
    comfy.reply = (400, {"error": {"message": "Prompt outputs failed validation"}, "node_errors": errors})
    with pytest.raises(InputError, match=r"node 1 \(KSampler\): Value 0 smaller than min of 1 \(steps\)"):
        client.queue(GRAPH)


def test_what_a_node_refuses_by_itself_is_said_once_and_not_for_each_of_its_inputs(
    fake: tuple[FakeComfy, Client],
) -> None:
    comfy, client = fake
    faults = [
        {
            "type": "custom_validation_failed",
            "message": "Custom validation failed for node",
            "details": f"{name} - sampler_name: 'eulerx': is not one that KSampler knows.",
        }
        for name in ("strength", "cfg", "sampler_name")
    ]
    errors = {"grid": {"class_type": "Bespoke_SweepGrid", "errors": faults}}
    comfy.reply = (400, {"error": {"message": "failed"}, "node_errors": errors})
    with pytest.raises(InputError) as error:
        client.queue(GRAPH)
    assert str(error.value).count("eulerx") == 1
    assert "node grid (Bespoke_SweepGrid): sampler_name: 'eulerx': is not one" in str(error.value)


def test_a_partly_valid_graph_is_refused_and_taken_back(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    errors = {"1": {"class_type": "KSampler", "errors": [{"message": "bad", "details": ""}]}}
    comfy.reply = (200, {"prompt_id": JOB, "node_errors": errors})
    with pytest.raises(InputError, match=r"node 1 \(KSampler\): bad"):
        client.queue(GRAPH)
    assert comfy.posted[-1][0] == f"/api/jobs/{JOB}/cancel"


def test_a_failing_node_is_an_error_with_its_reason(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    data = {
        "node_id": "7",
        "node_type": "KSampler",
        "exception_message": "out of memory\n",
        "exception_type": "E",
    }
    comfy.entry = {"status": {"status_str": "error", "messages": [["execution_error", data]]}, "outputs": {}}
    with pytest.raises(ComfyError, match=r"node 7 \(KSampler\) failed: out of memory$") as error:
        client.wait(JOB, timeout=20)
    assert (error.value.node, error.value.node_type, error.value.exception) == ("7", "KSampler", "E")


def test_a_cancelled_job_counts_as_cancelled_by_the_user(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    messages = [["execution_interrupted", {"node_id": "3"}]]
    comfy.entry = {"status": {"status_str": "error", "messages": messages}, "outputs": {}}
    with pytest.raises(UserCancelledError, match="stopped at node 3"):
        client.wait(JOB, timeout=20)


def test_a_job_taken_out_of_the_queue_is_not_waited_for(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    comfy.known = False
    with pytest.raises(JobInterruptedError, match="taken out"):
        client.wait(JOB, timeout=20)


def test_a_server_that_was_started_again_has_lost_the_job_and_nobody_cancelled_it(
    fake: tuple[FakeComfy, Client],
) -> None:
    comfy, client = fake
    comfy.drop_first = True  # the connection breaks, and then the job is not known any more

    async def history(request):
        comfy.known = comfy.connections == 0
        return web.json_response({})

    comfy.history = history
    with pytest.raises(JobLostError, match="was started again"):
        client.wait(JOB, timeout=20)


def test_a_timeout_leaves_the_job_alone(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    comfy.script = []
    comfy.drop_first = True
    with pytest.raises(TimeoutError):
        client.wait(JOB, timeout=0.01)
    assert comfy.posted == []


def test_an_error_of_the_listener_reaches_the_caller(fake: tuple[FakeComfy, Client]) -> None:
    comfy, client = fake
    comfy.script = [{"type": "executing", "data": {"node": "1", "prompt_id": JOB}}]

    def broken(event: dict) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.wait(JOB, broken, timeout=20)


def test_no_server_is_told_with_its_address() -> None:
    port = free_port()
    with pytest.raises(ServerGoneError, match=f"127.0.0.1:{port} does not answer"):
        Client(f"http://127.0.0.1:{port}").system_stats()


@pytest.mark.parametrize("address", ["", "ftp://host", "http://", "   "])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="server"):
        Client(address)


def test_cached_nodes_are_read_from_the_history() -> None:
    entry = {"status": {"status_str": "success", "messages": [["execution_cached", {"nodes": [1, "2"]}]]}}
    history = History.from_reply(JOB, json.loads(json.dumps(entry)))
    assert history.cached_nodes == {"1", "2"}
