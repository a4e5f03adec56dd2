"""Training on a real server: watched, cancelled, killed, resumed, stopped early, and used at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import graphs
import psutil
import pytest

from bespoke_core.comfyui.client import Client
from bespoke_core.comfyui.job import History, JobInterruptedError
from bespoke_core.errors import BespokeError
from bespoke_core.training.kohya_file import is_whole

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]


def train(run_name: str, **keys: Any) -> graphs.Graph:
    """Return a graph that trains on the sample data set, two steps an epoch."""
    graph = graphs.small("train_lora", Bespoke_TrainLora={"run_name": run_name})
    kept = {number: graph[number] for number in ("3", "4")}
    kept["3"]["inputs"].update(keys)
    kept["4"]["inputs"]["dataset_folder"] = "bespoke_sample"
    return kept


def run_folder(server: ComfyServer, name: str) -> Path:
    return server.base / "output" / "loras" / "bespoke" / name


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a run's log."""
    path = folder / "events.jsonl"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def steps(folder: Path) -> list[int]:
    return [event["step"] for event in events(folder) if event["event"] == "step"]


def status(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"])


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = 120) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"no {what} within {timeout_s:g} s"
        time.sleep(0.05)


class Job:
    """A queued graph that is waited for in the background."""

    def __init__(self, client: Client, graph: graphs.Graph) -> None:
        self.error: BespokeError | None = None
        self.history: History | None = None
        self.ended = 0.0
        self._client = client
        self._number = client.queue(graph)
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        try:
            self.history = self._client.wait(self._number, timeout=300).raise_for_failure()
        except BespokeError as error:
            self.error = error
        self.ended = time.monotonic()

    def join(self) -> Job:
        self._thread.join(300)
        return self


async def late_state(url: str) -> dict[str, Any]:
    """Connect a browser's socket now and return the first state of a run that comes."""
    address = "ws" + url[4:] + "/ws?clientId=late"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        while True:
            message = await socket.receive(timeout=30)
            if message.type == aiohttp.WSMsgType.TEXT and "bespoke.training" in message.data:
                return dict(json.loads(message.data)["data"])


def test_a_run_draws_scores_and_stops_early_and_its_files_can_be_chosen_without_a_restart(
    client: Client, server: ComfyServer
) -> None:
    graph = train(
        "judged",
        max_train_epochs=4,
        unet_lr=1e-9,
        text_encoder_lr=0.0,
        sample_prompts="a lad --w 64 --h 64 --s 2 --d 1\na lady --w 64 --h 64 --s 2 --d 2",
        early_stopping_patience=1,
        early_stopping_metric="held_out_loss",
        validation_split=0.25,
        toml="early_stopping_threshold = 1000.0\n",  # nothing is ever better than the first
    )
    history = client.wait(client.queue(graph), timeout=300).raise_for_failure()
    folder, (state,) = run_folder(server, "judged"), history.outputs["4"]["bespoke_training"]
    assert state["status"] == "finished"
    assert [sample["epoch"] for sample in state["samples"]] == [1, 2]
    assert len(state["held_out"]) == 2
    assert state["best"]["metric"] == "held_out_loss"
    for path in state["samples"][0]["paths"]:
        assert (server.base / "output" / state["folder"] / path).is_file()
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    assert names == ["judged-000001.safetensors", "judged-000002.safetensors"]
    choices = client.object_info()["LoraLoader"]["input"]["required"]["lora_name"]
    for name in names:
        assert f"bespoke/judged/{name}" in json.dumps(choices).replace("\\\\", "/")
    # a node that ComfyUI's cache does not know finds the finished run
    before = (folder / "events.jsonl").stat().st_size
    again = {"3": graph["3"], "40": graph["4"]}
    found = client.wait(client.queue(again), timeout=60).raise_for_failure().outputs["40"]
    assert len(found["bespoke_checkpoints"]) == 2
    assert (folder / "events.jsonl").stat().st_size == before


def test_cancel_saves_every_step_a_late_browser_sees_the_run_and_queueing_again_goes_on(
    client: Client, server: ComfyServer
) -> None:
    graph, folder = train("stopped", max_train_epochs=4), run_folder(server, "stopped")
    job = Job(client, graph)
    wait_until(lambda: len(steps(folder)) >= 3, "third step")
    state = asyncio.run(late_state(server.url))
    assert state["run"] == "stopped"
    assert state["node"] == "4"
    assert len(state["curve"]) >= 3
    cancelled = time.monotonic()
    client.interrupt()
    assert isinstance(job.join().error, JobInterruptedError)
    assert job.ended - cancelled < 2.0
    wait_until(lambda: status(folder) == "cancelled", "end of the child")
    assert not list(folder.rglob("*.tmp"))
    done = steps(folder)
    history = client.wait(client.queue(graph), timeout=300).raise_for_failure()
    assert steps(folder) == list(range(1, 9)), "a step was lost or done twice"
    assert [e["step"] for e in events(folder) if e["event"] == "resumed"] == [done[-1]]
    assert len(history.outputs["4"]["bespoke_checkpoints"]) == 4


def test_a_killed_child_is_an_error_with_its_log_and_a_killed_server_stops_its_child(
    client: Client, server: ComfyServer
) -> None:
    graph, folder = train("killed", max_train_epochs=4), run_folder(server, "killed")
    job = Job(client, graph)
    wait_until(lambda: len(steps(folder)) >= 3, "third step")
    os.kill(events(folder)[0]["pid"], signal.SIGKILL)
    message = str(job.join().error)
    assert "The last lines of" in message
    assert "log.txt" in message

    before = len(events(folder))
    Job(client, graph)
    wait_until(lambda: "step" in {event["event"] for event in events(folder)[before:]}, "step after resuming")
    started = [event["pid"] for event in events(folder) if event["event"] == "start"]
    assert server.process is not None
    server.process.kill()
    wait_until(lambda: not psutil.pid_exists(started[-1]), "end of the child by itself", 60)
    assert status(folder) == "cancelled"
    assert all(is_whole(path) for path in folder.glob("*.safetensors"))
    assert not list(folder.rglob("*.tmp"))
    server.stop()
    server.start()
    fresh = Client(server.url)
    history = fresh.wait(fresh.queue(graph), timeout=300).raise_for_failure()
    assert len(history.outputs["4"]["bespoke_checkpoints"]) == 4
    assert sorted(set(steps(folder))) == list(range(1, 9))


def test_several_nodes_of_one_name_train_one_after_the_other_each_in_its_own_folder(
    client: Client, server: ComfyServer
) -> None:
    graph = train("twins", max_train_epochs=1)
    other = json.loads(json.dumps(graph))
    other["3"]["inputs"]["seed"] = 7
    other["4"]["inputs"]["training"] = ["13", 0]
    both = {**graph, "13": other["3"], "14": other["4"], "24": graph["4"]}
    history = client.wait(client.queue(both), timeout=300).raise_for_failure()
    folders = {node: history.outputs[node]["bespoke_training"][0]["folder"] for node in ("4", "14", "24")}
    assert folders["4"] == folders["24"]
    assert {Path(folder).name for folder in folders.values()} == {"twins", "twins-2"}
    first, second = (events(run_folder(server, name)) for name in ("twins", "twins-2"))
    assert not (first[0]["time"] < second[0]["time"] < first[-1]["time"])
    assert not (second[0]["time"] < first[0]["time"] < second[-1]["time"])


@pytest.mark.parametrize(
    "toml",
    [
        'reg_data_dir = "/etc"\n',
        'network_weights = "/etc/passwd"\n',
        'sample_prompts = "/etc/prompts.txt"\n',
        'dataset_config = "/etc/hosts.toml"\n',
        'dataset_config = "outside.toml"\n',
        'reg_data_dir = "../../secret"\n',
    ],
)
def test_a_configuration_in_a_graph_reads_nothing_outside_the_allowed_folders(
    client: Client, server: ComfyServer, toml: str
) -> None:
    inner = '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "/etc"\n'
    (server.base / "input" / "outside.toml").write_text(inner, encoding="utf-8")
    with pytest.raises(BespokeError, match="leaves the allowed folders"):
        client.wait(client.queue(train("paths", toml=toml)), timeout=60).raise_for_failure()
    assert not run_folder(server, "paths").exists()
