"""Scores over the API of a real ComfyUI: tables of a folder, what was judged as pictures, the VAE's floor."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import graphs
import numpy as np
import pytest
from PIL import Image

from bespoke_core.errors import BespokeError
from bespoke_core.sprites.pictures import read_picture

if TYPE_CHECKING:
    from bespoke_core.comfyui.client import Client
    from bespoke_core.comfyui.job import History
    from bespoke_core.comfyui.server import ComfyServer

pytestmark = [pytest.mark.server, pytest.mark.slow]

PROMPT = "portrait, brown hair, bright green background"


def run(client: Client, graph: graphs.Graph) -> History:
    return client.wait(client.queue(graph), timeout=200).raise_for_failure()


def failure(client: Client, graph: graphs.Graph) -> str:
    with pytest.raises(BespokeError) as caught:
        run(client, graph)
    return str(caught.value)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def score_folder(folder: str, **inputs: Any) -> graphs.Graph:
    given = {"prompt": PROMPT, "width": 24, "height": 24, "method": "nearest", "name": "", **inputs}
    return {"1": node("Bespoke_ScoreFolder", pictures_folder=folder, **given)}


def score_sprites(source: Any, **inputs: Any) -> dict[str, Any]:
    given = {"prompt": PROMPT, "width": 24, "height": 24, "method": "nearest", "training_set": "", **inputs}
    return node("Bespoke_ScoreSprites", images=source, **given)


def downscale(source: Any, **inputs: Any) -> dict[str, Any]:
    given = {"width": 24, "height": 24, "method": "grid", "colors": 0, "view_size": 480, **inputs}
    return node("Bespoke_Downscale", images=source, **given)


def view(server: ComfyServer, shown: dict[str, Any]) -> Image.Image:
    """Return a picture that a node shows."""
    with urlopen(f"{server.url}/view?{urlencode(shown)}") as reply:
        picture = Image.open(io.BytesIO(reply.read()))
        picture.load()
    return picture


@pytest.fixture
def folder(server: ComfyServer, sample_dataset: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the sample data set under input, one picture of another size."""
    target = server.base / "input" / "scoring" / request.node.name.split("[")[0][-40:]
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sample_dataset, target)
    other = sorted(target.glob("*.png"))[-1]
    with Image.open(other) as picture:
        picture.resize((288, 240), Image.Resampling.NEAREST).save(other)
    return target


def named(folder: Path) -> str:
    return f"scoring/{folder.name}"


def test_a_folder_is_scored_into_tables_as_the_library_scores_it(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    from bespoke_core.scoring.reference import read_reference
    from bespoke_core.scoring.score import score_pictures, scores_csv

    graph = graphs.with_inputs(
        graphs.shipped("score_pictures"),
        {
            "Bespoke_ScoreFolder": {
                "pictures_folder": named(folder),
                "prompt": PROMPT,
                "training_set": "bespoke_sample",
            }
        },
    )
    outputs = run(client, graph).outputs
    paths = sorted(folder.glob("*.png"))
    reference = read_reference(server.base / "input" / "bespoke_sample")
    alone = [
        score_pictures(read_picture(path)[None], prompts=[PROMPT], reference=reference)[0] for path in paths
    ]
    names = [path.name for path in paths]
    expected = [{"file": name, **one.to_dict()} for name, one in zip(names, alone, strict=True)]
    assert outputs["1"]["bespoke_scores"] == expected
    tables = server.base / "output" / "bespoke" / "scores" / folder.name
    assert (tables / "scores.csv").read_text(encoding="utf-8") == scores_csv(alone, names)
    written = json.loads((tables / "scores.json").read_text(encoding="utf-8"))
    assert written["scores"] == expected
    assert written["reference"]["pictures"] == 8
    assert f"bespoke/scores/{folder.name}: scores.csv" in outputs["1"]["text"][0]
    with Image.open(tables / "sheet.png") as sheet:
        assert sheet.width > 1000
    assert [file["filename"] for file in outputs["1"]["bespoke_files"]] == [
        "scores.csv",
        "scores.json",
        "sheet.png",
    ]
    for file in outputs["1"]["bespoke_files"]:
        with urlopen(f"{server.url}/view?{urlencode(file)}") as reply:
            assert reply.read() == (tables / file["filename"]).read_bytes()


def test_what_was_judged_is_drawn_over_each_picture(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    from bespoke_core.scoring.explain import explain

    graph = score_folder(named(folder))
    graph["2"] = node("PreviewImage", images=["1", 2])
    outputs = run(client, graph).outputs
    assert len(outputs["1"]["images"]) == len(outputs["2"]["images"]) == 8
    assert {image["type"] for image in outputs["1"]["images"]} == {"temp"}
    for shown, wired, path in zip(
        outputs["1"]["images"], outputs["2"]["images"], sorted(folder.glob("*.png")), strict=True
    ):
        sheet = view(server, shown).convert("RGB")
        expected = explain(read_picture(path), prompt=PROMPT)
        assert sheet.crop((0, 0, *expected.size)).tobytes() == expected.tobytes()
        assert sheet.tobytes() == view(server, wired).convert("RGB").tobytes()


def test_only_the_first_sixteen_are_drawn_and_all_are_scored(
    client: Client, folder: Path, sample_dataset: Path
) -> None:
    for number in range(12):
        shutil.copy(sorted(sample_dataset.glob("*.png"))[0], folder / f"more_{number}.png")
    outputs = run(client, score_folder(named(folder))).outputs["1"]
    assert len(outputs["images"]) == 16
    assert len(outputs["bespoke_scores"]) == 20


def test_a_changed_picture_or_a_deleted_table_is_noticed_and_else_nothing_runs_again(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    graph = score_folder(named(folder), name="kept")
    tables = server.base / "output" / "bespoke" / "scores" / "kept"
    run(client, graph)
    assert run(client, graph).cached_nodes >= {"1"}
    Image.new("RGB", (48, 48), (1, 2, 3)).save(sorted(folder.glob("*.png"))[0])
    assert run(client, graph).outputs["1"]["bespoke_scores"][0]["unique_colors"] == 1
    shutil.rmtree(tables)
    run(client, graph)
    assert (tables / "scores.csv").is_file()


def test_a_broken_picture_is_named_and_the_older_tables_stay(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    graph = score_folder(named(folder), name="older")
    run(client, graph)
    tables = server.base / "output" / "bespoke" / "scores" / "older"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    victim = sorted(folder.glob("*.png"))[3]
    victim.write_bytes(victim.read_bytes()[:100])
    assert victim.name in failure(client, graph)
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == before
    assert [path.name for path in tables.parent.glob(".older*")] == []


def test_what_the_vae_alone_makes_of_true_art_is_shown(client: Client, server: ComfyServer) -> None:
    vae = node("CheckpointLoaderSimple", ckpt_name="bespoke_base.safetensors")
    graph = {"2": vae, **score_folder("bespoke_sample", training_set="bespoke_sample", vae=["2", 2])}
    outputs = run(client, graph).outputs["1"]
    (floor,) = outputs["bespoke_vae_floor"]
    assert floor["pictures"] == 8
    assert "medians of 8 pictures of the training set" in outputs["text"][0]
    # the same trip with core's own nodes, picture by picture
    trips: graphs.Graph = {"2": vae}
    for path in sorted((server.base / "input" / "bespoke_sample").glob("*.png")):
        trips[f"{path.stem} 1"] = node("LoadImage", image=f"bespoke_sample/{path.name}")
        trips[f"{path.stem} 2"] = node("VAEEncode", pixels=[f"{path.stem} 1", 0], vae=["2", 2])
        trips[f"{path.stem} 3"] = node("VAEDecode", samples=[f"{path.stem} 2", 0], vae=["2", 2])
        trips[f"{path.stem} 4"] = score_sprites([f"{path.stem} 3", 0])
    back = run(client, trips).outputs
    records = [back[name]["bespoke_scores"][0] for name in trips if name.endswith(" 4")]
    for score, median in floor["after"].items():
        assert median == pytest.approx(np.median([one[score] for one in records]), rel=0.02)
    for score, median in floor["before"].items():
        assert median == pytest.approx(np.median([one[score] for one in outputs["bespoke_scores"]]), rel=1e-3)
    assert floor["after"] != floor["before"]
    without = {"2": vae, **score_folder("bespoke_sample", vae=["2", 2])}
    assert not run(client, without).outputs["1"].get("bespoke_vae_floor")


def test_pictures_of_a_wire_are_scored_each_with_its_own_line_of_the_prompt(
    client: Client, server: ComfyServer
) -> None:
    green = node("EmptyImage", width=48, height=48, batch_size=2, color=0x20D030)
    graph = {"1": green, "2": score_sprites(["1", 0], prompt="green background\nred background")}
    graph["3"] = node("PreviewImage", images=["2", 2])
    outputs = run(client, graph).outputs
    assert [one["background_match"] for one in outputs["2"]["bespoke_scores"]] == ["yes", "no"]
    assert len(outputs["2"]["images"]) == len(outputs["3"]["images"]) == 2
    assert "1 yes, 1 no" in outputs["2"]["text"][0]


def test_as_many_prompts_as_pictures_or_one_are_needed(client: Client, folder: Path) -> None:
    assert "2 lines for 8 pictures" in failure(client, score_folder(named(folder), prompt="red\ngreen"))
    empty = node("EmptyImage", width=48, height=48, batch_size=3, color=0)
    graph = {"1": empty, "2": score_sprites(["1", 0], prompt="red\ngreen")}
    assert "2 lines for 3 pictures" in failure(client, graph)


def test_pictures_smaller_than_the_sprite_are_refused(
    client: Client, server: ComfyServer, folder: Path
) -> None:
    small = node("EmptyImage", width=16, height=16, batch_size=1, color=0)
    for asking in (score_sprites(["1", 0]), downscale(["1", 0])):
        assert "16 x 16" in failure(client, {"1": small, "2": asking})
    victim = sorted(folder.glob("*.png"))[2]
    Image.new("RGB", (16, 16)).save(victim)
    assert victim.name in failure(client, score_folder(named(folder), name="never"))
    assert not (server.base / "output" / "bespoke" / "scores" / "never").exists()


def test_a_picture_with_nan_is_refused_in_plain_words(client: Client) -> None:
    graph: graphs.Graph = {
        "image": node("EmptyImage", width=64, height=64, batch_size=1, color=0x804020),
        "model": node("CheckpointLoaderSimple", ckpt_name="bespoke_base.safetensors"),
        "0": node("VAEEncode", pixels=["image", 0], vae=["model", 2]),
    }
    for number in range(1, 46):  # ten to the 45th is infinite in 32 bits
        graph[str(number)] = node("LatentMultiply", samples=[str(number - 1), 0], multiplier=10.0)
    graph["nan"] = node("LatentSubtract", samples1=["45", 0], samples2=["45", 0])
    graph["broken"] = node("VAEDecode", samples=["nan", 0], vae=["model", 2])
    for asking in (score_sprites(["broken", 0]), downscale(["broken", 0])):
        message = failure(client, {**graph, "last": asking})
        assert "NaN" in message
        assert "images" in message


@pytest.mark.parametrize("field", ["pictures_folder", "training_set"])
@pytest.mark.parametrize("path", ["../../etc", "/etc", "scoring/../../.."])
def test_a_folder_outside_the_allowed_ones_is_refused_at_the_door(
    client: Client, field: str, path: str
) -> None:
    graph = score_folder("bespoke_sample")
    graph["1"]["inputs"][field] = path
    with pytest.raises(BespokeError, match=field):
        client.queue(graph)


@pytest.mark.parametrize("name", ["../out", "a/b", "..", "CON"])
def test_tables_cannot_be_written_elsewhere(client: Client, server: ComfyServer, name: str) -> None:
    assert "name" in failure(client, score_folder("bespoke_sample", name=name))
    assert not (server.base / "output" / "bespoke" / "out").exists()


def loaded(server: ComfyServer, name: str, picture: Image.Image) -> dict[str, Any]:
    picture.save(server.base / "input" / name)
    return node("LoadImage", image=name)


def test_a_sprites_size_is_found_in_the_picture_and_the_node_says_how_sure_it_is(
    client: Client, server: ComfyServer, sample_dataset: Path
) -> None:
    source = sorted(sample_dataset.glob("*.png"))[0]
    graph = {
        "1": loaded(server, "found.png", Image.open(source)),
        "2": downscale(["1", 0], width=0, height=0),
        "3": score_sprites(["1", 0], width=["2", 2], height=["2", 3]),
        "4": node("SaveImage", images=["2", 0], filename_prefix="found"),
    }
    outputs = run(client, graph).outputs
    (grid,) = outputs["2"]["bespoke_grid"]
    assert grid["size"] == [24, 24]
    assert grid["confidence"] > 0.9
    assert "24 x 24" in outputs["2"]["text"][0]
    assert "found in the picture" in outputs["2"]["text"][0]
    assert view(server, outputs["4"]["images"][0]).size == (24, 24)
    assert outputs["3"]["bespoke_scores"][0]["grid_fidelity"] > 1
    plain = {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=0),
        "2": downscale(["1", 0], width=0, height=0),
    }
    assert "width and height" in failure(client, plain)


def test_a_given_palette_is_kept_to_and_a_wrong_code_is_named(
    client: Client, server: ComfyServer, sample_dataset: Path
) -> None:
    load = loaded(server, "palette.png", Image.open(sorted(sample_dataset.glob("*.png"))[1]))
    graph = {
        "1": load,
        "2": downscale(["1", 0], palette="#102030, #F0E0D0\n#804020"),
        "3": node("Bespoke_CountColors", images=["2", 0]),
    }
    outputs = run(client, graph).outputs
    (row,) = outputs["3"]["bespoke_colors"]
    assert {one["color"] for one in row["main_colors"]} <= {"#102030", "#f0e0d0", "#804020"}
    assert sum(one["share"] for one in row["main_colors"]) == pytest.approx(1, abs=1e-3)
    assert outputs["3"]["unique_colors"] == [len(row["main_colors"])]
    assert "reddish" in failure(client, {"1": load, "2": downscale(["1", 0], palette="#102030 reddish")})
    both = {"1": load, "2": downscale(["1", 0], palette="#102030", colors=4)}
    assert "palette" in failure(client, both)


def test_transparency_is_kept_or_put_on_a_colour(client: Client, server: ComfyServer) -> None:
    rgba = np.zeros((96, 96, 4), np.uint8)
    rgba[:, :48] = (200, 30, 40, 255)
    rgba[:, 48:] = (9, 9, 9, 0)
    load = loaded(server, "alpha.png", Image.fromarray(rgba))
    graph = {
        "1": load,
        "2": node("JoinImageWithAlpha", image=["1", 0], alpha=["1", 1]),
        "3": downscale(["2", 0], alpha="keep"),
        "4": downscale(["2", 0], background="#00ff00"),
        "5": node("SaveImage", images=["3", 0], filename_prefix="kept"),
        "6": node("SaveImage", images=["4", 0], filename_prefix="composite"),
    }
    outputs = run(client, graph).outputs
    kept = view(server, outputs["5"]["images"][0])
    assert kept.mode == "RGBA"
    assert kept.getpixel((2, 12))[3] == 255
    assert kept.getpixel((22, 12)) == (0, 0, 0, 0)
    assert view(server, outputs["6"]["images"][0]).convert("RGB").getpixel((22, 12)) == (0, 255, 0)
    assert outputs["3"]["images"]
