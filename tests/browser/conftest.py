"""The browser that the canvas tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from canvas import Canvas, find_chromium, open_canvas

if TYPE_CHECKING:
    from bespoke_core.comfyui.server import ComfyServer


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; where there is none these tests are skipped."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium: install the package `chromium` to run the canvas tests")
    pytest.importorskip("playwright", reason="playwright drives the browser: pip install '.[test]'")
    return found


@pytest.fixture(scope="module", params=[False, True], ids=["classic nodes", "new nodes"])
def canvas(server: ComfyServer, chromium: str, request: pytest.FixtureRequest) -> Iterator[Canvas]:
    """An open canvas, once with each of the frontend's two ways to draw nodes."""
    with open_canvas(server.url, chromium, size=(1900, 1000), vue_nodes=request.param) as opened:
        yield opened
