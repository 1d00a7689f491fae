"""Looking at a page in a browser: what it asked for, what it complained about, whether everybody can use it."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize
from starlette.testclient import TestClient
from starlette.types import ASGIApp

SCREENS: dict[str, ViewportSize] = {
    "phone": {"width": 320, "height": 640},
    "desktop": {"width": 1280, "height": 800},
    "wall": {"width": 3840, "height": 2160},
}

AXE = Axe().axe_script
PICTURES = os.environ.get("HYMIO_PICTURES")
"""A directory for a screenshot of each page that is looked at."""


def at_this_computer(app: ASGIApp, base_url: str = "http://127.0.0.1", **settings: Any) -> TestClient:
    """A client of somebody who sits there, and needs no account as long as there is none."""
    return TestClient(app, base_url, client=("127.0.0.1", 50_000), **settings)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Where an application can be asked by a browser."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(60)


@contextmanager
def opened(browser: Browser, url: str, **settings: Any) -> Iterator[Page]:
    """A page that has loaded; at the end nothing has been refused by the policy and nothing asked of another host."""
    context = browser.new_context(**settings)
    try:
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        yield page
        origin = "/".join(url.split("/")[:3])
        assert [one for one in asked if not one.startswith(origin)] == []
        # A page that says 404 is itself such a resource.
        refused = [one for one in said if "the server responded with a status of" not in one]
        assert not refused, refused
    finally:
        context.close()


def check_accessible(page: Page, but: str | None = None) -> None:
    """No rule of axe-core is broken, those of best practice included; `but` is a selector of what is not looked at."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    # What it says of the thousand things that are as they should be takes it longer than all else.
    how = '{ resultTypes: ["violations"], elementRef: false, iframes: false }'
    what = "document" if but is None else f"{{ exclude: {json.dumps(but)} }}"
    found = AxeResults(page.evaluate(f"axe.run({what}, {how}).then(({{ violations }}) => ({{ violations }}))"))
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def check_width(page: Page) -> None:
    """Nothing is wider than the screen."""
    width, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= screen, f"{page.url} is {width} wide on a screen of {screen}"


def picture(page: Page, name: str) -> None:
    """A screenshot of the whole page, where somebody wants to see it."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
