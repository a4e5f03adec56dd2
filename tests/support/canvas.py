"""A real canvas: ComfyUI's frontend in a headless Chromium, driven through Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET = ["--disable-background-networking", "--disable-component-update"]

LAY_OUT = """
() => {
  // Columns by distance from the start, rows in the order of the ids: left to right, as the work goes.
  const nodes = app.graph._nodes.slice().sort((a, b) => a.id - b.id);
  const depth = new Map();
  const depthOf = (node) => {
    if (depth.has(node.id)) return depth.get(node.id);
    depth.set(node.id, 0);
    let deepest = -1;
    for (const input of node.inputs ?? []) {
      if (input.link == null) continue;
      const link = app.graph.links[input.link] ?? app.graph.links.get?.(input.link);
      if (!link) continue;
      deepest = Math.max(deepest, depthOf(app.graph.getNodeById(link.origin_id)));
    }
    depth.set(node.id, deepest + 1);
    return deepest + 1;
  };
  const columns = [];
  for (const node of nodes) (columns[depthOf(node)] ??= []).push(node);
  let x = 40;
  for (const column of columns) {
    let y = 60, width = 0;
    for (const node of column) {
      const size = node.computeSize();
      node.setSize([Math.max(size[0], 300), size[1]]);
      node.pos = [x, y];
      y += node.size[1] + 70;
      width = Math.max(width, node.size[0]);
    }
    x += width + 80;
  }
}
"""


def find_chromium() -> str | None:
    """Return the path of a Chromium that is installed, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


class Canvas:
    """One browser page with ComfyUI's canvas in it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self) -> None:
        """Open the page and wait until the node definitions are there."""
        request = Request(f"{self.url}/api/settings/Comfy.TutorialCompleted", b"true", method="POST")
        urlopen(request).close()
        self.page.goto(self.url)
        self.page.wait_for_function(
            "() => window.app?.graph && window.LiteGraph?.registered_node_types?.KSampler"
            " && window.LiteGraph.registered_node_types.Bespoke_Sweep",
            timeout=90_000,
        )

    def load_workflow(self, workflow: dict[str, Any]) -> None:
        """Load a workflow in UI form."""
        self.page.evaluate("async (wf) => { await app.loadGraphData(wf); }", workflow)
        self.page.wait_for_timeout(300)

    def load_api(self, graph: dict[str, Any], name: str) -> None:
        """Turn an API graph into a workflow on the canvas and lay it out."""
        self.page.evaluate("async ([graph, name]) => { await app.loadApiJson(graph, name); }", [graph, name])
        self.page.evaluate(LAY_OUT)

    def serialized(self) -> dict[str, Any]:
        """Return the canvas's workflow in UI form."""
        return self.page.evaluate("() => app.graph.serialize()")

    def as_api(self) -> dict[str, Any]:
        """Return the canvas's workflow in API form, as the Queue button would send it."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def set_widget(self, node_id: str, name: str, value: object) -> None:
        """Set a widget of a node, as a user would type it."""
        self.page.evaluate(
            """([id, name, value]) => {
              const widget = app.graph.getNodeById(Number(id)).widgets.find((w) => w.name === name);
              widget.value = value;
              widget.callback?.(value);
            }""",
            [node_id, name, value],
        )

    def queue_and_wait(self, timeout_s: float) -> str:
        """Press Queue and wait for the end of the job; return the last event's name."""
        return self.page.evaluate(
            """async (timeout) => {
              const end = new Promise((resolve) => {
                for (const name of ['execution_success', 'execution_error', 'execution_interrupted'])
                  app.api.addEventListener(name, () => resolve(name), { once: true });
                setTimeout(() => resolve('timeout'), timeout);
              });
              await app.queuePrompt(0, 1);
              return await end;
            }""",
            timeout_s * 1000,
        )

    def fit(self) -> None:
        """Bring the whole workflow into view."""
        self.page.evaluate("() => app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.page.wait_for_timeout(700)

    def screenshot(self, path: Path) -> None:
        """Save what the browser shows."""
        self.page.screenshot(path=str(path))


@contextmanager
def open_canvas(
    url: str, chromium: str, *, size: tuple[int, int] = (1600, 900), vue_nodes: bool = False
) -> Iterator[Canvas]:
    """Start a browser with the canvas open; it is closed at the end.

    Args:
        url: of the ComfyUI server.
        chromium: path of the browser.
        size: of the window in pixels.
        vue_nodes: draw the nodes with the new renderer instead of the classic one.
    """
    from playwright.sync_api import sync_playwright

    setting = Request(
        f"{url}/api/settings/Comfy.VueNodes.Enabled", str(vue_nodes).lower().encode(), method="POST"
    )
    urlopen(setting).close()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *QUIET])
        try:
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            canvas = Canvas(page, url)
            canvas.open()
            yield canvas
        finally:
            browser.close()
