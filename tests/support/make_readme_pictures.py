"""Make the pictures of the README: `python tests/support/make_readme_pictures.py SERVER_URL`.

The server is one that `python3 -m bespoke_core demo --keep-server` left running: the whole loop is queued on
its canvas with the demo's values, so that every node shows what it found.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from PIL import Image

PACK = Path(__file__).resolve().parents[2]
sys.path += [str(Path(__file__).resolve().parent), str(PACK)]

from canvas import find_chromium, open_canvas  # noqa: E402
from make_workflows import photograph  # noqa: E402

from bespoke_core.base.checkpoint import FILE_NAME  # noqa: E402
from bespoke_core.quickstart.demo import SAMPLE, WORKFLOW, DemoOptions, adapt  # noqa: E402

IMAGES = PACK / "docs" / "images"


def main(url: str) -> None:
    """Queue the whole loop on the canvas and photograph it, whole and close."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("no Chromium is installed")
    graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    graph = adapt(graph, checkpoint=FILE_NAME, data=SAMPLE, options=DemoOptions(), gpu=False)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with open_canvas(url, chromium, size=(2400, 900)) as canvas:
        canvas.load_workflow(json.loads((PACK / "workflows" / "whole_loop.json").read_text(encoding="utf-8")))
        for node_id, node in graph.items():
            for name, value in node["inputs"].items():
                if not isinstance(value, list):
                    canvas.set_widget(node_id, name, value)
        if canvas.queue_and_wait(600) != "execution_success":
            raise SystemExit("the whole loop did not end well; see the server's log")
        canvas.page.wait_for_timeout(3000)
        # The configuration holds paths of this machine, which are nobody's business.
        canvas.page.evaluate(
            """() => {
              const node = app.graph._nodes.find((n) => n.type === 'Bespoke_TrainingConfig');
              const text = node.widgets.find((w) => w.name === 'bespoke_text')?.element;
              if (text) text.value = text.value.replace(/"[^"\\n]*\\/([^"\\/\\n]+)"/g, '".../$1"');
            }"""
        )
        canvas.page.set_viewport_size({"width": 2800, "height": 1900})
        photograph(canvas, IMAGES / "whole_loop.jpg", widest=2400)
        canvas.page.set_viewport_size({"width": 2400, "height": 900})
        canvas.page.evaluate(
            """() => {
              const node = app.graph._nodes.find((n) => n.type === 'Bespoke_Verdict');
              app.canvas.ds.scale = 0.75;
              app.canvas.ds.offset = [-node.pos[0] + 110, -node.pos[1] + 190];
              app.graph.setDirtyCanvas(true, true);
            }"""
        )
        canvas.page.wait_for_timeout(1500)
        canvas.page.screenshot(path=str(IMAGES / "verdict.jpg"), type="jpeg", quality=80)
    save_gallery(
        url,
        next(node["inputs"]["report_folder"] for node in graph.values() if "report_folder" in node["inputs"]),
    )


def save_gallery(url: str, report_folder: str) -> None:
    """Fetch the contact sheet of the report: every sprite of the sweep, a row an epoch."""
    query = urlencode({"filename": "contact_sheet.png", "subfolder": report_folder, "type": "output"})
    with urlopen(f"{url}/view?{query}", timeout=60) as answer:
        sheet = Image.open(io.BytesIO(answer.read())).convert("RGB")
    # A palette makes the file a third; 256 colours are plenty for a sheet of sprites.
    sheet.quantize(256, method=Image.Quantize.MEDIANCUT).save(IMAGES / "gallery.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
