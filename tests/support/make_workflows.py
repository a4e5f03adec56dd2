"""Make the shipped UI workflows from their API twins: `python tests/support/make_workflows.py SERVER_URL`.

Names of workflows after the URL make only those.

The API form in workflows/api/ is written by hand; this loads each one on a real canvas, lays it out in named
stages with a note for newcomers, and saves the canvas as workflows/<name>.json with a thumbnail beside it.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))

from canvas import Canvas, find_chromium, open_canvas

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
PACK = {"cnr_id": "bespoke", "ver": "0.1.0"}

# Without `code`: the new renderer writes it in blue on blue.
NOTES = {
    "clean_captions": "## From a messy folder to one ready for training\n1. Put your pictures and captions "
    "in a folder under *input* and write its name in **Audit the captions as they are**.\n2. Press **Run**.\n"
    "3. Look at the table: click a header to sort, type in the box to filter. The worst files are shown "
    "under it; *report.html* is in *output/bespoke/reports*.\n4. Look at what cleaning changed: red went, "
    "green came.\n5. The last node tells what is left for you to mend by hand.\n\nNothing of yours is "
    "changed: the cleaned copy goes to *output/bespoke/datasets*. Set **mode** to *preview* to write "
    "nothing, or to *in place* to change your own files after a backup; the workflow **restore_captions** "
    "takes that back.",
    "restore_captions": "## Take a cleaning in place back\n1. Write the folder that was cleaned with "
    "**mode** *in place*.\n2. Press **Run**: the captions are byte for byte what they were.\n\nEach run "
    "takes one cleaning back; without a backup it says so and changes nothing.",
    "train_lora": "## Train a LoRA\n1. Choose your SD1.5 checkpoint **in both places**.\n2. Write your data "
    "set's folder in **Clean Dataset**.\n3. Press **Run**. One LoRA an epoch appears in "
    "*output/loras/bespoke/<run name>*.\n\nThe node shows the loss, and for each epoch the pictures of "
    "**sample_prompts** with their score; a star marks the best. It stops when **early_stopping_patience** "
    "epochs in a row were no better (0: never); no file is deleted.\n\n**Cancel** saves. **Run** again goes "
    "on from there.\n\nA kohya TOML may be pasted into **toml**; what it says wins.",
    "evaluation_sweep": "## Which epoch is best?\n1. Choose the base that the LoRA was trained on.\n"
    "2. Write the run's folder in **Find Checkpoints**.\n3. Press **Run**. Finished pictures are kept: "
    "cancel when you like, queue again to go on.\n\nThe report is in *output/bespoke/reports*.",
    "compare_runs": "## Which run is best?\n1. Choose the base that the LoRAs were trained on.\n2. Write one "
    "run a line in **Find Runs**: **label: folder**.\n3. Press **Run**. Every checkpoint of each run draws "
    "the same prompts with the same seeds.\n\nThe table's column *run* holds the label.",
    "guidance_study": "## Which guidance, with or without a negative prompt?\n1. Name the chosen checkpoint "
    "in **Find Checkpoints**.\n2. Write the values to compare in **Sweep Grid**; *(none)* is no negative "
    "prompt.\n3. Set **dry_run** and press **Run** to learn how many pictures that is; unset it and run.\n\n"
    "**The inference sheet** says what to use and how sure that is: *sheet.html* and *sheet.png* are in "
    "*output/bespoke/sheets*.",
    "production_samples": "## Samples of the chosen epoch\n1. Choose the base, and the checkpoint that "
    "**Keep Chosen Checkpoint** put into *loras/bespoke/chosen*.\n2. Press **Run**.\n\nThe pictures of 512 "
    "pixels are in *output/bespoke/sweeps/production/cells*, the sprites of 24 pixels in *sprites* beside "
    "them.",
    "whole_loop": "## The whole loop\n1. Choose your SD1.5 checkpoint **in both places**.\n2. Write your "
    "data set's folder (under *input*) in **Audit Captions**.\n3. Press **Run** and wait for one answer: "
    "*use epoch N*.\n\nThe report with all pictures is in *output/bespoke/reports*.\n\nTo stop past the "
    "peak: give **Training Config** your test prompts as *sample_prompts*, *sample_seeds* 1-3, a patience "
    "of 3 and the rule *verdict*.",
    "score_pictures": "## What is a folder of pictures worth?\n1. Write the folder (under *input* or "
    "*output*) in **Score a folder of pictures**.\n2. Write what was asked for in **prompt**: one line for "
    "all pictures, or one line each in the order of their names.\n3. Press **Run**.\n4. Click a header of "
    "the table to sort; the pictures beside it show what was judged, outlined, with the colour found.\n\n"
    "*scores.csv* and *scores.json* are in *output/bespoke/scores*.\n\nName your **training_set** to compare "
    "with it; connect your **vae**, too, to see how many colours it makes of true art.",
}

STAGES: dict[str, list[tuple[str, list[list[int]]]]] = {
    "clean_captions": [
        ("1 What is wrong", [[1]]),
        ("2 Clean", [[2]]),
        ("3 What is left", [[3]]),
        ("One caption in a text wire", [[4], [5]]),
    ],
    "restore_captions": [
        ("Restore, then look", [[1], [2]]),
    ],
    "train_lora": [
        ("Data set and settings", [[1, 2], [3]]),
        ("Train", [[4]]),
        ("Try the last epoch", [[5, 6, 7], [8, 9], [10, 11], [12, 13]]),
    ],
    "evaluation_sweep": [
        ("What is compared", [[1, 2, 3]]),
        ("Sweep", [[4]]),
        ("Verdict and report", [[5, 6, 9], [7, 8]]),
    ],
    "compare_runs": [
        ("What is compared", [[1, 2, 3]]),
        ("Sweep", [[4]]),
        ("Verdict and report", [[5, 6], [7, 8]]),
    ],
    "guidance_study": [
        ("What is compared", [[1, 2, 3], [9]]),
        ("Sweep", [[4]]),
        ("Two verdicts", [[5, 10], [8, 12]]),
        ("The sheet, and the report", [[11], [6, 7]]),
    ],
    "production_samples": [
        ("What is drawn", [[1, 2, 3]]),
        ("Draw", [[4]]),
        ("See and keep", [[5], [6, 7]]),
    ],
    "whole_loop": [
        ("1 Captions", [[2], [3]]),
        ("2 Train", [[1, 4], [5]]),
        ("3 Sweep", [[6, 7]]),
        ("4 Verdict and report", [[8, 9], [19]]),
        ("5 Draw with the chosen one", [[10, 11, 12], [13, 14], [15, 16], [17, 18]]),
    ],
    "score_pictures": [
        ("Scores", [[1]]),
        ("What was judged", [[2]]),
    ],
}

NEW_LINE = {"whole_loop": "4 Verdict and report"}
"""Stages that begin a second line: one line of all would be too long to be read."""

# Width, and what is added to the height, of nodes that show tables: as much as they need, more where the
# workflow is about them.
TABLES = {
    "Bespoke_Sweep": (560, 560),
    "Bespoke_TestPrompts": (320, 130),
    "Bespoke_TrainingConfig": (340, 280),
    "Bespoke_Verdict": (580, 480),
    "Bespoke_SaveReport": (340, 330),
    "Bespoke_Downscale": (340, 380),
    "Bespoke_ScoreSprites": (580, 640),
    "Bespoke_AuditCaptions": (560, 620),
    "Bespoke_CleanDataset": (560, 400),
    "Bespoke_TrainLora": (500, 540),
    "Bespoke_SaveSheet": (620, 760),
    # a few lines of text after a run
    "Bespoke_CleanCaption": (320, 200),
    "Bespoke_CountColors": (320, 150),
    "Bespoke_FindCheckpoints": (320, 150),
    "Bespoke_FindRuns": (320, 150),
    "Bespoke_KeepChosen": (340, 150),
    "Bespoke_SweepGrid": (320, 150),
    "Bespoke_LoadCheckpoint": (320, 30),
}
LARGE_TABLES = {
    "Bespoke_AuditCaptions": (640, 860),
    "Bespoke_CleanDataset": (640, 740),
    "Bespoke_ScoreFolder": (900, 800),
    "PreviewImage": (1000, 900),
}
LARGE = ("clean_captions", "score_pictures")
RUN = ("clean_captions", "score_pictures")
"""Workflows whose thumbnail shows what they found; the others need a model of the user's, or hours."""

LAY_OUT = """
([stages, note, pack, tables, newLine]) => {
  const graph = app.graph;
  const byId = (id) => graph.getNodeById(id);
  const markdown = LiteGraph.createNode('MarkdownNote');
  graph.add(markdown);
  markdown.title = 'Start here';
  markdown.widgets[0].value = note;
  markdown.setSize([340, 420]);
  markdown.pos = [40, 60];
  let x = 440, top = 60, lowest = 0;
  for (const [title, columns] of stages) {
    if (title === newLine) [x, top] = [440, lowest + 120];
    const left = x;
    let bottom = 0;
    for (const column of columns) {
      let y = top, width = 0;
      for (const id of column) {
        const node = byId(id);
        const size = node.computeSize();
        const shows = /Preview|Save|TrainLora|Verdict|CountColors|ScoreSprites|Restore/;
        // tables need more room than a text: [width, what is added to the height]
        const [least, extra] = tables[node.type] ?? [320, shows.test(node.type) ? 180 : 0];
        node.setSize([Math.max(size[0], least), size[1] + extra]);
        node.pos = [x, y];
        y += node.size[1] + 100;
        width = Math.max(width, node.size[0]);
      }
      x += width + 60;
      bottom = Math.max(bottom, y);
    }
    const group = new LiteGraph.LGraphGroup(title);
    group.pos = [left - 20, top - 80];
    group.size = [x - left - 20, bottom - top + 50];
    graph.add(group);
    lowest = Math.max(lowest, bottom);
    x += 40;
  }
  for (const node of graph._nodes) {
    node.properties ??= {};
    node.properties['Node name for S&R'] = node.type;
    // A seed that changes by itself would draw another picture at every run.
    const control = node.widgets?.find((w) => w.name === 'control_after_generate');
    if (control) control.value = 'fixed';
    const origin = node.type.startsWith('Bespoke_') ? pack : { cnr_id: 'comfy-core', ver: '0.30.0' };
    Object.assign(node.properties, origin);
  }
}
"""


# The rectangle of the page that holds the whole graph, with a margin.
AROUND = """
() => {
  document.querySelectorAll('.minimap-main-container').forEach((e) => e.remove());
  const items = [...app.graph._nodes, ...app.graph._groups];
  const boxes = items.map((item) => item.boundingRect ?? item._bounding);
  const { scale, offset } = app.canvas.ds;
  const page = app.canvas.canvas.getBoundingClientRect();
  const on = (value, axis) => (value + offset[axis]) * scale + (axis ? page.top : page.left);
  const left = Math.max(0, Math.min(...boxes.map((b) => on(b[0], 0))) - 20);
  const top = Math.max(0, Math.min(...boxes.map((b) => on(b[1], 1))) - 20);
  const right = Math.max(...boxes.map((b) => on(b[0] + b[2], 0))) + 20;
  const bottom = Math.max(...boxes.map((b) => on(b[1] + b[3], 1))) + 20;
  return { x: left, y: top, width: right - left, height: bottom - top };
}
"""


def make(canvas: Canvas, name: str) -> dict[str, Any]:
    """Lay out one workflow and return its UI form, without what changes from one making to the next."""
    graph = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text(encoding="utf-8"))
    canvas.page.wait_for_timeout(1500)  # the frontend's own first workflow must not come after ours
    canvas.load_api(graph, name)
    tables = {**TABLES, **LARGE_TABLES} if name in LARGE else TABLES
    canvas.page.evaluate(LAY_OUT, [STAGES[name], NOTES[name], PACK, tables, NEW_LINE.get(name)])
    canvas.page.wait_for_timeout(300)
    workflow = canvas.serialized()
    workflow["id"] = f"bespoke-{name.replace('_', '-')}"
    workflow.get("extra", {}).pop("frontendVersion", None)
    workflow.get("extra", {}).pop("ds", None)
    return workflow


def main(url: str, *names: str) -> None:
    """Make the workflows of these names, or every one."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("no Chromium is installed")
    for name in names or STAGES:
        # A page of its own: the frontend shows what one workflow found in the next, by the nodes' numbers.
        with open_canvas(url, chromium, size=(2800, 1400)) as canvas:
            text = json.dumps(make(canvas, name), indent=1, ensure_ascii=False)
            (WORKFLOWS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            if name in RUN and canvas.queue_and_wait(120) != "execution_success":
                raise SystemExit(f"{name} did not end well; see the server's log")
            photograph(canvas, WORKFLOWS / f"{name}.jpg")


def photograph(canvas: Canvas, path: Path, *, widest: int = 1600) -> None:
    """Save the workflow without the page around it, at most `widest` pixels wide and high."""
    from PIL import Image

    # the canvas leaves texts out that are small on the screen
    canvas.page.evaluate("() => { app.canvas.min_font_size_for_lod = 0; }")
    canvas.page.wait_for_timeout(1500)
    canvas.fit()
    canvas.page.wait_for_timeout(2000)  # the view glides there; on a busy machine slowly
    clip = canvas.page.evaluate(AROUND)
    with Image.open(io.BytesIO(canvas.page.screenshot(clip=clip))) as picture:
        picture.thumbnail((widest, widest), Image.Resampling.LANCZOS)
        picture.convert("RGB").save(path, quality=70)


if __name__ == "__main__":
    main(*sys.argv[1:])
