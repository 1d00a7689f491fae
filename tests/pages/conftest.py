"""For the tests of pages: a database with a site, the pages over it, and a real browser."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

sys.path.append(str(Path(__file__).parents[1] / "site"))
sys.path.append(str(Path(__file__).parents[1] / "host"))
from hymio_process import hymio_here
from looking import at_this_computer, served
from sites import HOSPITAL

from hymio.pages.app import pages_app
from hymio.store.database import Store, open_store

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def site_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a hospital."""
    path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text(HOSPITAL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def site_db(site_file: Path) -> str:
    """A database with that site and no votes."""
    db = str(site_file.with_name("votes.db"))
    done = hymio_here("site", "import", str(site_file), "--db", db)
    assert done.returncode == 0, done.stderr
    return db


@pytest.fixture(scope="module")
def site_store(site_db: str) -> Iterator[Store]:
    """The same, open."""
    store = open_store(site_db)
    yield store
    store.close()


@pytest.fixture(scope="module")
def pages(site_store: Store) -> TestClient:
    """A client of the pages, which keeps no cookies and follows no redirect by itself."""
    return at_this_computer(pages_app(site_store), follow_redirects=False)


@pytest.fixture(scope="module")
def address(site_store: Store) -> Iterator[str]:
    """Where the pages are served."""
    with served(pages_app(site_store)) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium.

    For one file alone: while it is there its event loop runs, and other tests want one of their own.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        # Root has no sandbox, and /dev/shm is small in a container.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()
