"""The sweep on a real server: whatever cache and disk hold, each number is its own picture's."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphs
import pytest
from loras import write_lora

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]


class Sweeps:
    """Runs sweeps of one run folder and reads what they leave."""

    def __init__(self, client: Client, server: ComfyServer, name: str) -> None:
        self.client, self.name = client, name
        self.output = server.base / "output"
        self.folder = self.output / "bespoke" / "sweeps" / name
        self.lora = self.output / "loras" / name / "one.safetensors"
        write_lora(self.lora, 0.3)

    def graph(self, **sweep: Any) -> graphs.Graph:
        graph = graphs.small("evaluation_sweep", Bespoke_FindCheckpoints={"run_folder": f"loras/{self.name}"})
        values = {"sweep_name": self.name, "steps": 1, "seeds": "1", "with_base": False, **sweep}
        return {n: graphs.with_inputs(graph, {"Bespoke_Sweep": values})[n] for n in ("1", "2", "3", "4", "5")}

    def run(self, **sweep: Any) -> dict[str, Any]:
        """Run a sweep and return its verdict."""
        return self.run_graph(self.graph(**sweep))["5"]["bespoke_verdict"][0]

    def run_graph(self, graph: graphs.Graph) -> dict[str, Any]:
        return self.client.wait(self.client.queue(graph), timeout=300).raise_for_failure().outputs

    def table(self) -> list[dict[str, str]]:
        with (self.folder / "table.csv").open(encoding="utf-8", newline="") as source:
            return list(csv.DictReader(source))

    def picture_of(self, row: dict[str, str]) -> bytes:
        return (self.folder / row["picture"]).read_bytes()


@pytest.fixture
def sweeps(client: Client, server: ComfyServer, request: pytest.FixtureRequest) -> Sweeps:
    return Sweeps(client, server, request.node.name[:40])


def test_a_lora_trained_again_under_its_old_name_is_drawn_again(sweeps: Sweeps) -> None:
    sweeps.run()
    old = sweeps.table()[0]
    write_lora(sweeps.lora, 3.0)
    sweeps.run()
    new = sweeps.table()[0]
    assert new["checkpoint_sha256"] != old["checkpoint_sha256"]
    assert sweeps.picture_of(new) != sweeps.picture_of(old)
    assert new["picture_sha256"] != old["picture_sha256"]


def test_fewer_seeds_than_before_leave_just_their_rows(sweeps: Sweeps) -> None:
    assert sweeps.run(seeds="1, 2, 3")["ranking"][0]["n"] == 6
    assert sweeps.run(seeds="1, 2")["ranking"][0]["n"] == 4
    assert sweeps.run(seeds="1")["ranking"][0]["n"] == 2
    assert len(sweeps.table()) == 2


def test_another_way_to_shrink_scores_again_what_is_drawn(sweeps: Sweeps) -> None:
    first = sweeps.run(sprite_width=8, sprite_height=8)["ranking"][0]["mean"]
    before = {p: p.stat().st_mtime_ns for p in (sweeps.folder / "cells").glob("*.png")}
    second = sweeps.run(sprite_width=2, sprite_height=2)["ranking"][0]["mean"]
    assert first > 4 >= second
    assert sweeps.run(sprite_width=8, sprite_height=8)["ranking"][0]["mean"] == first
    assert {p: p.stat().st_mtime_ns for p in (sweeps.folder / "cells").glob("*.png")} == before


def test_pictures_that_were_deleted_are_drawn_again(sweeps: Sweeps) -> None:
    sweeps.run(seeds="1, 2")
    shutil.rmtree(sweeps.folder)
    sweeps.run(seeds="1, 2")
    assert len(list((sweeps.folder / "cells").glob("*.png"))) == 4
    shutil.rmtree(sweeps.folder)
    sweeps.run(seeds="1, 2, 3")
    assert len(list((sweeps.folder / "cells").glob("*.png"))) == 6


def test_a_single_picture_that_was_deleted_or_changed_is_drawn_again(sweeps: Sweeps) -> None:
    sweeps.run(seeds="1, 2")
    table = sweeps.table()
    gone, changed = (sweeps.folder / row["picture"] for row in table[:2])
    gone.unlink()
    changed.write_bytes(changed.read_bytes() + b" ")
    sweeps.run(seeds="1, 2")
    again = sweeps.table()
    for old, new in zip(table, again, strict=True):
        assert {**new, "picture_sha256": ""} == {**old, "picture_sha256": ""}
        assert hashlib.sha256(sweeps.picture_of(new)).hexdigest() == new["picture_sha256"]
    assert again[2:] == table[2:], "what was whole was drawn again"


def test_two_sweeps_of_one_name_in_one_graph_are_each_judged_by_their_own_plan(sweeps: Sweeps) -> None:
    graph = sweeps.graph(seeds="1")
    other = sweeps.graph(seeds="2-4")
    graph |= {"14": other["4"], "15": other["5"]}
    graph["15"]["inputs"]["sweep"] = ["14", 0]
    graph["5"]["inputs"]["earlier_sweep"] = ["14", 0]
    outputs = sweeps.run_graph(graph)
    assert outputs["5"]["bespoke_verdict"][0]["ranking"][0]["n"] == 2
    assert outputs["15"]["bespoke_verdict"][0]["ranking"][0]["n"] == 6


def test_a_lora_hidden_by_another_of_its_name_is_refused_instead_of_confused(
    sweeps: Sweeps, server: ComfyServer
) -> None:
    from bespoke_core.errors import BespokeError

    write_lora(server.base / "models" / "loras" / sweeps.name / "one.safetensors", 2.0)
    with pytest.raises(BespokeError, match="hidden by another file"):
        sweeps.run()


def test_a_plan_that_somebody_else_put_there_writes_nothing_outside(
    sweeps: Sweeps, client: Client, tmp_path: Path
) -> None:
    from bespoke_core.errors import BespokeError

    sweeps.run()
    path = sweeps.folder / "plan.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["plan"]["seeds"] = [f"/../../../../../../../..{tmp_path}/evil"]
    path.write_text(json.dumps(description), encoding="utf-8")
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {
            "class_type": "Bespoke_SweepCell",
            "inputs": {
                "image": ["1", 0],
                "folder": f"bespoke/sweeps/{sweeps.name}",
                "plan": "",
                "key": "0" * 64,
            },
        },
    }
    with pytest.raises(BespokeError, match=r"plan\.json"):
        client.wait(client.queue(graph), timeout=60).raise_for_failure()
    assert not list(tmp_path.iterdir())
