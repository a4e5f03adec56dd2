"""The plan of a sweep, its keys, its prompts and its seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bespoke_core.errors import InputError
from bespoke_core.evaluation.checkpoints import Checkpoint
from bespoke_core.evaluation.lineage import lineage
from bespoke_core.evaluation.plan import SweepPlan, plan_from_dict
from bespoke_core.evaluation.plan_file import plan_from_dump, read_plan_file
from bespoke_core.evaluation.prompts import (
    EIGHT_SCENES,
    TestPrompt,
    parse_prompts,
    prompt_lines,
    read_prompts,
)
from bespoke_core.evaluation.runs import parse_runs, run_lines
from bespoke_core.evaluation.seeds import parse_seeds
from bespoke_core.evaluation.settings import SamplerSettings, SettingsGrid, grid_texts, parse_grid

ONE = Checkpoint("run-000001", 1, Path("loras/run-000001.safetensors"), "a" * 64)
TWO = Checkpoint("run", 2, Path("loras/run.safetensors"), "b" * 64)
PROMPTS = (TestPrompt("green", "a green one"), TestPrompt("red", "a red one"))
PLAN = SweepPlan((ONE, TWO), PROMPTS, (1, 2, 3), "base-key")


def test_the_grid_is_every_checkpoint_and_the_base_times_prompts_times_seeds() -> None:
    assert len(PLAN.cells) == (2 + 1) * 2 * 3
    assert [cell.checkpoint_name for cell in PLAN.cells[:6]] == ["base"] * 6
    assert len({cell.key for cell in PLAN.cells}) == len(PLAN.cells)


def test_a_plan_survives_being_written_and_read() -> None:
    again = plan_from_dict(json.loads(json.dumps(PLAN.to_dict())))
    assert again == PLAN
    assert [c.key for c in again.cells] == [c.key for c in PLAN.cells]


def test_renaming_a_prompt_or_moving_a_file_keeps_the_pictures() -> None:
    cell = PLAN.cells[-1]
    renamed = replace(
        cell, prompt=TestPrompt("other", cell.prompt.text), checkpoint=replace(TWO, path=Path("x"))
    )
    assert renamed.key == cell.key


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 9},
        {"base": "another"},
        {"prompt": TestPrompt("green", "another text")},
        {"checkpoint": ONE},
        {"checkpoint": None},
        *(
            {"sampler": replace(SamplerSettings(), **{k: v})}
            for k, v in (("steps", 4), ("cfg", 1.0), ("width", 64))
        ),
    ],
)
def test_whatever_changes_the_picture_changes_the_key(change: dict) -> None:
    cell = PLAN.cells[-1]
    assert replace(cell, **change).key != cell.key


@pytest.mark.parametrize("empty", ["prompts", "seeds"])
def test_a_plan_without_prompts_or_seeds_is_refused(empty: str) -> None:
    with pytest.raises(InputError, match=empty):
        replace(PLAN, **{empty: ()})


def test_seeds_are_numbers_and_ranges_without_doubles_in_order() -> None:
    assert parse_seeds("3, 1-4;42") == (3, 1, 2, 4, 42)


@pytest.mark.parametrize("text", ["", "one", "-1", "5-1", "1-5000", "1.5", str(2**64)])
def test_unusable_seeds_are_refused_by_value(text: str) -> None:
    with pytest.raises(InputError, match="seed"):
        parse_seeds(text)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50, unique=True))
def test_any_list_of_seeds_reads_back(seeds: list[int]) -> None:
    assert list(parse_seeds(", ".join(map(str, seeds)))) == seeds


def test_prompts_are_named_or_numbered_and_comments_are_passed_over() -> None:
    text = "green: bright green background\n# a comment\n\npixel art, portrait, 24x24\n"
    assert parse_prompts(text) == (
        TestPrompt("green", "bright green background"),
        TestPrompt("prompt_2", "pixel art, portrait, 24x24"),
    )


def test_two_prompts_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="Green"):
        parse_prompts("green: a b\nGreen: c d")


def test_two_prompts_of_one_text_are_refused_because_one_picture_must_not_count_twice() -> None:
    with pytest.raises(InputError, match="count twice"):
        parse_prompts("one: a lad\ntwo: a lad")


@pytest.mark.parametrize("name", ["green (lad)", "#1", "a/b", ""])
def test_a_name_that_the_prompts_own_form_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="one line"):
        prompt_lines([TestPrompt(name, "a lad")])
    assert parse_prompts(prompt_lines(EIGHT_SCENES)) == EIGHT_SCENES


def test_the_eight_scenes_have_names_of_their_own_and_ask_for_one_background_each() -> None:
    assert len({p.name for p in EIGHT_SCENES}) == 8
    assert all(p.text.count("background") == 1 for p in EIGHT_SCENES)


def test_a_prompt_file_that_is_not_utf8_is_named_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_bytes(b"a: caf\xe9")
    with pytest.raises(InputError, match="byte 6"):
        read_prompts(path)


GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "one.safetensors"}},
    "2": {"class_type": "ModelSamplingDiscrete", "inputs": {"model": ["1", 0], "zsnr": False}},
}


def test_the_base_is_told_apart_by_everything_upstream_but_not_by_node_ids() -> None:
    first = lineage(GRAPH, [["2", 0], ["1", 1]])
    renumbered = {"7": GRAPH["1"], "8": {**GRAPH["2"], "inputs": {"model": ["7", 0], "zsnr": False}}}
    assert lineage(renumbered, [["8", 0], ["7", 1]]).key == first.key
    changed = {**GRAPH, "2": {**GRAPH["2"], "inputs": {"model": ["1", 0], "zsnr": True}}}
    assert lineage(changed, [["2", 0], ["1", 1]]).key != first.key
    assert first.constants == {"one.safetensors"}


def test_a_graph_with_many_shared_branches_is_walked_once() -> None:
    graph = {"0": {"class_type": "A", "inputs": {}}}
    for i in range(1, 200):
        graph[str(i)] = {"class_type": "A", "inputs": {"a": [str(i - 1), 0], "b": [str(i - 1), 0]}}
    assert lineage(graph, [["199", 0]]).key


def test_a_plan_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        'name = "n"\nbase_checkpoint = "b.safetensors"\nrun_folder = "loras/x"\nseeds = [4, 5]\n'
        '[prompts]\ngreen = "a\\nb"\n[sampler]\nsteps = 2\n',
        encoding="utf-8",
    )
    plan = read_plan_file(path)
    assert plan.seeds_text == "4, 5"
    assert plan.sampler.steps == (2,)
    assert plan.sampler.grid().cfg == (7.5,)
    assert plan.test_prompts == (TestPrompt("green", "a b"),)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sedes = 3", "sedes"),
        ("by = 3", "by"),
        ("[sampler]\nsteps = 0", "steps"),
        ("x = = 1", "TOML"),
        ("", "prompts"),
    ],
)
def test_a_wrong_plan_file_names_the_key(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "plan.toml"
    head = 'name = "n"\nbase_checkpoint = "b"\nrun_folder = "r"\n'
    path.write_text(head + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=expected):
        read_plan_file(path)


HEAD = 'name = "n"\nbase_checkpoint = "b"\n'


def plan_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_a_plan_file_compares_lists_of_settings_and_several_runs(tmp_path: Path) -> None:
    plan = read_plan_file(
        plan_file(
            tmp_path,
            'scenes = "eight scenes"\n[[runs]]\nlabel = "dim16"\nfolder = "loras/a"\n'
            '[[runs]]\nlabel = "dim32"\nfolder = "loras/b"\npattern = "x*"\n'
            '[sampler]\ncfg = [7.0, 7.5]\nnegative_prompt = ["", "blurry,  smooth"]\nstrength = [0.6, 1]\n'
            'size = ["512x512", "768x768"]\nsteps = 20\n',
        )
    )
    assert [(run.label, run.folder, run.pattern) for run in plan.labelled_runs] == [
        ("dim16", "loras/a", "*"),
        ("dim32", "loras/b", "x*"),
    ]
    settings = plan.sampler.grid().over(SamplerSettings())
    assert len(settings) == 16
    assert {(one.strength_model, one.strength_clip) for one in settings} == {(0.6, 0.6), (1.0, 1.0)}
    assert {one.negative_prompt for one in settings} == {"", "blurry, smooth"}
    assert {one.steps for one in settings} == {20}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('run_folder = "r"\n[sampler]\ncfg = []\n[prompts]\na = "b"', "cfg"),
        ('run_folder = "r"\n[sampler]\nsize = "500x512"\n[prompts]\na = "b"', "500x512"),
        ('run_folder = "r"\n[sampler]\nsize = "512x512"\nwidth = 512\n[prompts]\na = "b"', "either size"),
        (
            'run_folder = "r"\n[sampler]\nstrength = 1\nstrength_clip = 1\n[prompts]\na = "b"',
            "either strength",
        ),
        ('[prompts]\na = "b"', "either run_folder"),
        ('[[runs]]\nlabel = "a"\nfolder = "x"\n[[runs]]\nlabel = "A"\nfolder = "y"\n[prompts]\na = "b"', "A"),
        ('run_folder = "r"\nseeds = "one"\n[prompts]\na = "b"', "seed"),
        ('run_folder = "r"\n[prompts]\na = "same"\nb = "same"', "count twice"),
        ('run_folder = "r"\n[prompts]\na = "b"\nA = "c"', r"plan\.toml: prompts: 'A': two prompts"),
        (
            'run_folder = "r"\nby = "edge_distance"\n[prompts]\na = "b"',
            "by: 'edge_distance': is measured against a training set, and there is none. Set training_set",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_words(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_plan_file(plan_file(tmp_path, text + "\n"))


def test_the_base_is_drawn_once_for_all_strengths_and_strengths_change_slowest() -> None:
    grid = parse_grid({"strength": "0.5, 1.0/0.8", "cfg": "7, 8"})
    plan = replace(PLAN, settings=grid.over(SamplerSettings()))
    assert len(plan.cells) == plan.count == (2 * 2 * 2 + 2) * 2 * 3
    assert plan.varied == ("cfg", "strength_model", "strength_clip")
    assert len({cell.key for cell in plan.cells}) == plan.count
    order = [(cell.checkpoint_name, cell.sampler.strength_model) for cell in plan.cells]
    changes = sum(1 for one, two in pairwise(order) if one != two)
    assert changes == len(set(order)) - 1


def test_a_plan_with_two_checkpoints_of_one_name_is_refused() -> None:
    with pytest.raises(InputError, match="label"):
        replace(PLAN, checkpoints=(ONE, replace(TWO, name=ONE.name)))


def test_a_plan_of_a_million_pictures_is_refused_before_it_is_laid_out() -> None:
    with pytest.raises(InputError, match="pictures"):
        replace(PLAN, seeds=tuple(range(200_000)))


def test_a_plan_that_an_earlier_version_wrote_is_understood() -> None:
    data = PLAN.to_dict()
    data["sampler"] = data.pop("settings")[0]
    for checkpoint in data["checkpoints"]:
        del checkpoint["run"]
    assert plan_from_dict(data) == PLAN


@given(
    st.builds(
        SettingsGrid,
        strength=st.lists(st.tuples(*[st.floats(-10, 10)] * 2), min_size=1, unique=True).map(tuple),
        cfg=st.lists(st.floats(0, 100), min_size=1, unique=True).map(tuple),
        negative_prompt=st.lists(st.sampled_from(["", "a, b", "(c:1.2)"]), min_size=1, unique=True).map(
            tuple
        ),
        steps=st.lists(st.integers(1, 1000), min_size=1, unique=True).map(tuple),
        size=st.none() | st.just(((512, 768), (64, 64))),
    )
)
def test_any_grid_reads_back_from_its_texts(grid: SettingsGrid) -> None:
    assert parse_grid(grid_texts(grid)) == grid


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"cfg": "7, high"}, ["cfg", "high"]),
        ({"cfg": "nan"}, ["cfg", "nan"]),
        ({"steps": "20.5"}, ["whole number"]),
        ({"strength": "0.5/"}, []),
        ({"strength": "11"}, ["strength", "11"]),
        ({"size": "512"}, ["512x512"]),
        ({"sampler_name": "eulr"}, ["Did you mean euler"]),
    ],
)
def test_a_wrong_list_names_the_widget_and_the_value(texts: dict, words: list[str]) -> None:
    if not words:
        assert parse_grid(texts).strength == ((0.5, 0.5),)
        return
    with pytest.raises(InputError) as caught:
        parse_grid(texts, {"sampler_name": ["euler", "heun"]})
    for word in words:
        assert word in str(caught.value)


def test_runs_are_lines_of_label_and_folder() -> None:
    runs = parse_runs("# mine\ndim16: loras/a\ndim 32 : C:/loras/b | x-*\n")
    assert [(run.label, run.folder, run.pattern) for run in runs] == [
        ("dim16", "loras/a", "*"),
        ("dim 32", "C:/loras/b", "x-*"),
    ]
    assert parse_runs(run_lines(runs)) == runs


@pytest.mark.parametrize("text", ["", "no colon", "a:", ": folder", "a: x\nA: y", "a/b: x"])
def test_lines_that_are_no_runs_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="runs"):
        parse_runs(text)


@pytest.mark.parametrize(
    "sampler",
    [
        'size = ["64x64", "96x64"]',
        "width = 64\nheight = 96",
        "strength = [0.5, 1.0]",
        "strength_clip = 0.5",
        "",
    ],
)
def test_a_plan_that_was_written_down_whole_is_read_back(tmp_path: Path, sampler: str) -> None:
    path = tmp_path / "plan.toml"
    head = 'name = "n"\nbase_checkpoint = "b.safetensors"\nrun_folder = "r"\nscenes = "eight scenes"\n'
    path.write_text(f"{head}[sampler]\n{sampler}\n", encoding="utf-8")
    plan = read_plan_file(path)
    again = plan_from_dump(json.loads(json.dumps(plan.model_dump(mode="json"))))
    assert again.sampler.grid() == plan.sampler.grid()
    assert again.test_prompts == plan.test_prompts
    with pytest.raises(ValidationError):
        plan_from_dump({**plan.model_dump(), "unknown": 1})
