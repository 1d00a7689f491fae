"""`make pictures`: the two pictures of README.md, of the demo's places, in a real Chromium.

They are the same every time, up to how letters are drawn: seed and moment are given. Exit status: 0 done, 4 there is no
Chromium here.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import uvicorn
from PIL import Image
from playwright.sync_api import ViewportSize, expect, sync_playwright

from hymio.office.demo_site import fill_demo
from hymio.pages.app import PageOptions, pages_app
from hymio.store.database import Store, open_store

FOLDER = Path(__file__).resolve().parents[1] / "pictures"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NOW_UTC = datetime(2026, 11, 26, 14, 20, tzinfo=ZoneInfo("Europe/Helsinki")).timestamp()
"""A Thursday afternoon."""
PICTURES: dict[str, tuple[str, ViewportSize, bool]] = {
    "place": ("/places/harbour-town/ward-3?period=week", {"width": 1180, "height": 1130}, False),
    "phone": ("/places/harbour-town/reception?period=month", {"width": 400, "height": 860}, True),
}
"""By name: the page, the screen, and whether it is dark."""
_COLOURS = 160


def take(store: Store, browser_path: str) -> None:
    """Writes the pictures."""
    app = pages_app(store, PageOptions(now_utc=lambda: NOW_UTC))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening, sync_playwright() as playwright:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for name, (path, size, is_dark) in PICTURES.items():
            context = browser.new_context(
                viewport=size, color_scheme="dark" if is_dark else "light", reduced_motion="reduce"
            )
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}{path}")
            expect(page.locator("#live")).to_have_attribute("data-state", "on", timeout=20_000)
            expect(page.locator(".chart canvas")).to_be_attached(timeout=20_000)
            page.wait_for_timeout(500)
            image = Image.open(io.BytesIO(page.screenshot()))
            FOLDER.mkdir(exist_ok=True)
            few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
            few.save(FOLDER / f"{name}.png", optimize=True)
            context.close()
        browser.close()
        server.should_exit = True
        thread.join(30)


def main() -> int:
    """Makes the database and takes the pictures."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        print("There is no Chromium here: apt-get install chromium-headless-shell.", file=sys.stderr)
        return 4
    with tempfile.TemporaryDirectory(prefix="hymio-pictures-") as folder:
        store = open_store(str(Path(folder) / "demo.db"), create=True)
        fill_demo(store, 1, NOW_UTC, is_quiet=False)
        take(store, found)
        store.close()
    for name in PICTURES:
        print(f"{FOLDER / name}.png: {(FOLDER / f'{name}.png').stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
