"""Extras that are not installed: what is said to whoever needs one, and the command that installs it."""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hymio.common.errors import WRONG_USE, Failure

_NEEDED_FOR: Final = {
    "broker": "The broker for the bench",
    "demo": "The demo",
    "flash": "Flashing boards",
    "labels": "Printing labels and posters",
    "notify": "Telling by other ways than e-mail, HTTP and MQTT",
    "pki": "Making certificates",
    "postgres": "PostgreSQL",
    "report": "A report as page, picture, PDF or Parquet",
    "serve": "Serving figures over HTTP",
    "service": "Hiding passwords from the list of processes",
    "sim": "The simulator",
}
"""What each extra of pyproject.toml is needed for."""


def missing_extra(extra: str, error: ImportError) -> Failure:
    """Status 2: the extra is not installed; the hint is the command that installs it beside this hymio."""
    what = error.name or str(error)
    return Failure(
        WRONG_USE, f"{_NEEDED_FOR[extra]} needs what is not installed here ({what}).", f"Type: {install_command(extra)}"
    )


def install_command(extra: str) -> str:
    """The pip command that adds the extra to the hymio that is running, from where that one was installed."""
    return f"{shlex.quote(sys.executable)} -m pip install {_source(extra)}"


def _source(extra: str) -> str:
    """What pip has to install.

    It is a checkout or a wheel, if pip has noted one (PEP 610), otherwise what the extra consists of.
    """
    try:
        found = distribution("hymio")
    except PackageNotFoundError:  # hymio is run without being installed
        return f"{shlex.quote(str(Path(__file__).parents[3]))}[{extra}]"
    text = found.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    address = urlsplit(origin.get("url", ""))
    path = Path(unquote(address.path))
    if address.scheme == "file" and path.exists():
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
        return editable + shlex.quote(f"{path}[{extra}]")
    mark = re.compile(rf"""\s*(;|and)\s*extra == ['"]{extra}['"]""")
    return " ".join(shlex.quote(mark.sub("", one)) for one in found.requires or () if mark.search(one))
