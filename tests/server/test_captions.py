"""Captions over the API of a real ComfyUI: from a messy folder to a training-ready one, and back."""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import graphs
import pytest
from PIL import Image

from bespoke_core.errors import BespokeError

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.job import History
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

HOSTILE = 'portrait, <img src=x onerror="alert(1)"> hair (#ff0000), <b>eyes</b> (#ff0000), palette: #00ff00'


def run(client: Client, graph: graphs.Graph) -> History:
    return client.wait(client.queue(graph), timeout=120).raise_for_failure()


def node(class_type: str, **inputs: Any) -> graphs.Graph:
    """Return a graph of one node, the node "1"."""
    return {"1": {"class_type": class_type, "inputs": inputs}}


def audit(folder: str, **inputs: Any) -> graphs.Graph:
    return node("Bespoke_AuditCaptions", dataset_folder=folder, caption_extension=".txt", **inputs)


def clean(folder: str, mode: str, **inputs: Any) -> graphs.Graph:
    given = {"strategy": "smart", "mode": mode, "output_folder": "", **inputs}
    return node("Bespoke_CleanDataset", dataset_folder=folder, **given)


def restore(folder: str, **inputs: Any) -> graphs.Graph:
    return node("Bespoke_RestoreCaptions", dataset_folder=folder, **inputs)


def failure(client: Client, graph: graphs.Graph) -> str:
    with pytest.raises(BespokeError) as caught:
        run(client, graph)
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones left out."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and p.name[0] != "."}


@pytest.fixture
def folder(server: ComfyServer, sample_dataset: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the sample data set under input, to be changed."""
    target = server.base / "input" / "captions" / request.node.name.split("[")[0][-40:]
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample_dataset, target)
    return target


def named(folder: Path) -> str:
    """Return the folder as a user writes it."""
    return f"captions/{folder.name}"


def test_the_shipped_workflow_turns_a_messy_folder_into_one_that_training_accepts(
    client: Client, server: ComfyServer
) -> None:
    from bespoke_core.captions.dataset import read_training_set

    graph = graphs.small("clean_captions")
    history = run(client, graph)
    before, after = (history.outputs[n]["bespoke_audit"][0] for n in ("1", "3"))
    assert before["codes"] > 0
    assert after["codes"] == 0
    assert after["total"] < before["total"]
    assert before["files_with"]["duplicate_code"] > 0
    cleaned = read_training_set(server.base / "output" / "bespoke" / "datasets" / "bespoke_sample_clean")
    assert len(cleaned.items) == 8
    assert not any("#" in item.caption or "palette" in item.caption for item in cleaned.items)


def test_the_findings_stand_in_the_history_as_a_table(client: Client, folder: Path) -> None:
    (found,) = run(client, audit(named(folder))).outputs["1"]["bespoke_audit"]
    assert found["total"] == len(found["findings"]) > 0
    assert found["captions"] == 8
    for row in found["findings"]:
        assert set(row) == {"file", "finding", "span", "text", "severity", "advice"}
        assert (folder / row["file"]).is_file()


def test_the_worst_pictures_are_shown_as_core_shows_a_preview(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    graph = audit(named(folder))
    graph["2"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 3]}}
    outputs = run(client, graph).outputs
    (shown,) = outputs["1"]["images"]
    assert shown["type"] == "temp"
    with urlopen(f"{server.url}/view?{urlencode(shown)}") as reply:
        sheet = Image.open(io.BytesIO(reply.read())).convert("RGB")
    with urlopen(f"{server.url}/view?{urlencode(outputs['2']['images'][0])}") as reply:
        wired = Image.open(io.BytesIO(reply.read())).convert("RGB")
    assert sheet.tobytes() == wired.tobytes()
    assert len(sheet.getcolors(1 << 24) or []) > 20


def test_the_report_for_people_is_written_when_asked_and_made_again_when_it_is_deleted(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    reports = server.base / "output" / "bespoke" / "reports" / f"{folder.name}_captions"
    outputs = run(client, audit(named(folder), report=False)).outputs["1"]
    assert not reports.exists()
    assert not outputs.get("bespoke_report")
    for _ in range(2):
        outputs = run(client, audit(named(folder), report=True)).outputs["1"]
        assert (reports / "report.html").is_file()
        assert f"bespoke/reports/{folder.name}_captions/report.html" in "\n".join(outputs["text"])
        for file in outputs["bespoke_report"]:
            with urlopen(f"{server.url}/view?{urlencode(file)}") as reply:
                assert reply.read() == (reports / file["filename"]).read_bytes()
        shutil.rmtree(reports)
    rows = outputs["bespoke_audit"][0]
    assert rows["table"] == f"bespoke/reports/{folder.name}_captions/findings.jsonl"


def test_pictures_may_lie_in_another_folder(client: Client, folder: Path) -> None:
    pictures = folder.with_name(folder.name + "_pictures")
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    for path in folder.glob("*.png"):
        path.rename(pictures / path.name)
    alone = run(client, audit(named(folder))).outputs["1"]["bespoke_audit"][0]
    assert "phantom_code" not in alone["files_with"]
    both = run(client, audit(named(folder), images_folder=named(pictures))).outputs["1"]["bespoke_audit"][0]
    assert both["files_with"]["orphan_caption"] == 0
    assert "phantom_code" in both["files_with"]


@pytest.mark.parametrize("limit", ["75", "150", "225"])
def test_a_caption_longer_than_training_reads_is_found(client: Client, folder: Path, limit: str) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    victim.write_text("pixel art portrait, " + ", ".join(["tall hat"] * 60), encoding="utf-8")
    (found,) = run(client, audit(named(folder), max_token_length=limit)).outputs["1"]["bespoke_audit"]
    too_long = {row["file"] for row in found["findings"] if row["finding"] == "over_token_limit"}
    assert (victim.name in too_long) == (limit != "225")


def test_hostile_captions_are_plain_text_in_the_history(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    victim.write_text(HOSTILE, encoding="utf-8")
    outputs = run(client, clean(named(folder), "preview")).outputs["1"]
    change = next(c for c in outputs["bespoke_clean"][0]["diff"] if c["file"] == victim.name)
    assert change["before"] == HOSTILE
    assert "".join(text for mark, text in change["words"] if mark != "+") == HOSTILE


def test_preview_shows_every_change_and_writes_nothing(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    before = contents(folder)
    outputs = run(client, clean(named(folder), "preview", colourless="name")).outputs["1"]
    (report,) = outputs["bespoke_clean"]
    assert report["changed"] == len(report["diff"]) == 8
    assert report["output"] is None
    assert contents(folder) == before
    assert not (folder / ".bespoke-backup").exists()
    assert not (server.base / "output" / "bespoke" / "datasets" / f"{folder.name}_clean").exists()
    assert "would change" in outputs["text"][0]
    assert outputs["text"][0].count("```diff") == 8


def test_what_preview_shows_is_what_write_writes(client: Client, server: ComfyServer, folder: Path) -> None:
    options = {"colourless": "name", "remove_frequent": True, "trigger": "bespoke punk"}
    (shown,) = run(client, clean(named(folder), "preview", **options)).outputs["1"]["bespoke_clean"]
    run(client, clean(named(folder), "write", **options))
    written = server.base / "output" / "bespoke" / "datasets" / f"{folder.name}_clean"
    for change in shown["diff"]:
        assert (written / change["file"]).read_text(encoding="utf-8") == change["after"]


def test_a_colour_that_only_the_code_says_is_named_with_its_reason(client: Client, folder: Path) -> None:
    victim = sorted(folder.glob("*.txt"))[0]
    colour = Image.open(victim.with_suffix(".png")).convert("RGB").getpixel((0, 0))
    code = "#" + "".join(f"{value:02x}" for value in colour)
    victim.write_text(f"pixel art portrait of bespoke punk lad, background ({code})", encoding="utf-8")
    (report,) = run(client, clean(named(folder), "preview", colourless="name")).outputs["1"]["bespoke_clean"]
    (repair,) = [one for one in report["repairs"] if one["file"] == victim.name]
    assert repair["feature"] == "background"
    assert repair["reason"]
    change = next(c for c in report["diff"] if c["file"] == victim.name)
    assert f"{repair['name']} background" in change["after"]
    assert "#" not in change["after"]


def test_a_cleaning_in_place_is_taken_back_byte_for_byte_in_one_step(client: Client, folder: Path) -> None:
    sorted(folder.glob("*.txt"))[1].write_bytes(b"\xef\xbb\xbfhair (#112233), palette: #112233\r\nsecond\r\n")
    before = contents(folder)
    (report,) = run(client, clean(named(folder), "in place")).outputs["1"]["bespoke_clean"]
    assert report["changed"] == 8
    assert contents(folder) != before
    graph = graphs.with_inputs(
        graphs.shipped("restore_captions"), {"Bespoke_RestoreCaptions": {"dataset_folder": named(folder)}}
    )
    history = run(client, graph)
    assert contents(folder) == before
    outputs = history.outputs["1"]
    (restored,) = outputs["bespoke_restore"]
    assert restored["folder"] == named(folder)
    assert len(restored["files"]) == 8
    assert "8 captions" in outputs["text"][0]
    assert history.outputs["2"]["bespoke_audit"][0]["codes"] > 0
    assert "no backup" in failure(client, restore(named(folder)))


def test_captions_edited_since_are_not_overwritten_unasked(client: Client, folder: Path) -> None:
    before = contents(folder)
    run(client, clean(named(folder), "in place"))
    edited = sorted(folder.glob("*.txt"))[0]
    edited.write_text("written by hand", encoding="utf-8")
    assert edited.name in failure(client, restore(named(folder)))
    assert edited.read_text(encoding="utf-8") == "written by hand"
    run(client, restore(named(folder), overwrite_edits=True))
    assert contents(folder) == before


@pytest.mark.parametrize("make", [audit, lambda path: clean(path, "in place"), restore])
@pytest.mark.parametrize("path", ["../../etc", "/etc", "captions/../../..", "C:\\captions"])
def test_a_folder_outside_the_allowed_ones_is_refused_at_the_door(
    client: Client, make: Any, path: str
) -> None:
    with pytest.raises(BespokeError, match=r"dataset_folder|path"):
        client.queue(make(path))


def test_pictures_outside_the_allowed_folders_are_refused(client: Client, folder: Path) -> None:
    assert "images_folder" in failure(client, audit(named(folder), images_folder="/usr/share"))


def test_a_folder_that_may_only_be_read_is_neither_cleaned_in_place_nor_restored(
    client: Client, server: ComfyServer, sample_dataset: Path
) -> None:
    target = server.base / "models" / "loras" / "captions"
    shutil.copytree(sample_dataset, target, dirs_exist_ok=True)
    before = contents(target)
    run(client, audit(str(target), report=False))
    for graph in (clean(str(target), "in place"), restore(str(target))):
        assert "leaves the allowed folders" in failure(client, graph)
    assert contents(target) == before
    assert not (target / ".bespoke-backup").exists()


def test_a_link_out_of_the_allowed_folders_is_refused(
    client: Client, server: ComfyServer, sample_dataset: Path
) -> None:
    link = server.base / "input" / "linked"
    link.unlink(missing_ok=True)
    link.symlink_to(sample_dataset, target_is_directory=True)
    before = contents(sample_dataset)
    for make in (audit, lambda path: clean(path, "in place"), restore):
        assert "leaves the allowed folders" in failure(client, make("linked"))
    assert contents(sample_dataset) == before


def test_captions_changed_by_hand_or_a_deleted_result_are_noticed_and_else_nothing_runs_again(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    graph = graphs.with_inputs(
        graphs.shipped("clean_captions"), {"Bespoke_AuditCaptions": {"dataset_folder": named(folder)}}
    )
    cleaned = server.base / "output" / "bespoke" / "datasets" / f"{folder.name}_clean"
    run(client, graph)
    assert set(graph) <= run(client, graph).cached_nodes
    # the second audit reads the cleaned folder, which it knows only by a wire
    sorted(cleaned.glob("*.txt"))[0].write_text("hair (#ff0000), hair (#ff0000)", encoding="utf-8")
    history = run(client, graph)
    assert history.outputs["3"]["bespoke_audit"][0]["codes"] == 2
    assert {"1", "2"} <= history.cached_nodes
    assert set(graph) <= run(client, graph).cached_nodes
    shutil.rmtree(cleaned)
    assert run(client, graph).outputs["3"]["bespoke_audit"][0]["codes"] == 0
    assert len(list(cleaned.glob("*.txt"))) == 8
    assert set(graph) <= run(client, graph).cached_nodes


@pytest.mark.parametrize(
    "make", [lambda path: audit(path, report=True), lambda path: clean(path, "in place")]
)
def test_cancel_stops_at_a_caption_and_leaves_everything_as_it_was(
    client: Client, server: ComfyServer, folder: Path, make: Any
) -> None:
    from bespoke_core.comfyui.job import JobInterruptedError

    text = sorted(folder.glob("*.txt"))[0].read_text(encoding="utf-8")
    for number in range(3000):
        (folder / f"many_{number}.txt").write_text(f"{text} {number}", encoding="utf-8")
    before = contents(folder)

    def cancel_at_the_first_step(event: dict[str, Any]) -> None:
        if event["type"] == "progress" and event["data"]["value"] < event["data"]["max"]:
            threading.Thread(target=client.interrupt).start()  # this thread waits for events already

    with pytest.raises(JobInterruptedError):
        client.wait(
            client.queue(make(named(folder))), cancel_at_the_first_step, timeout=120
        ).raise_for_failure()
    assert contents(folder) == before
    assert not (folder / ".bespoke-backup").exists()
    assert not (server.base / "output" / "bespoke" / "reports" / f"{folder.name}_captions").exists()


def test_clean_caption_sits_between_a_text_node_and_the_text_encoder(client: Client) -> None:
    text = "pixel art, brown hair (#5a3220), glossy finish, palette: #5a3220, sharp pixel edges"
    graph: graphs.Graph = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": text}},
        "2": {
            "class_type": "Bespoke_CleanCaption",
            "inputs": {"text": ["1", 0], "strategy": "smart", "style_phrases": "glossy finish\n"},
        },
        "3": {
            "class_type": "CheckpointLoaderSimple",
            "inputs": {"ckpt_name": "bespoke_base.safetensors"},
        },
        "4": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["3", 1], "text": ["2", 0]}},
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 0]}},
        "6": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
        "7": {"class_type": "PreviewAny", "inputs": {"source": ["2", 1]}},
    }
    outputs = run(client, graph).outputs
    assert outputs["6"]["text"] == ["pixel art, brown hair"]
    assert outputs["7"]["text"] == ["2"]
    plain = {
        **graph,
        "2": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "pixel art, brown hair"}},
    }
    del plain["6"], plain["7"]
    assert run(client, plain).outputs["5"]["text"] == outputs["5"]["text"]
