"""Static files under names that hold their content's hash: a browser keeps them for ever and never has an old one."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

FOLDER: Final = Path(__file__).parent / "static"
PREFIX: Final = "/static/"
_HASH_LETTERS: Final = 12
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""The registry of Windows may say anything about these."""


@dataclass(frozen=True)
class Asset:
    """One file, as it is sent."""

    path: str
    """The address on the server: /static/hymio.0f3a4c….css."""
    body: bytes
    packed: bytes | None
    """The same by gzip, where that is shorter."""
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """All files by their name below static/: `hymio.css`, `faces/4.svg`. Read once, some 1.3 MB."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return {path.relative_to(FOLDER).as_posix(): _asset(path) for path in files}


def _asset(file: Path) -> Asset:
    body = file.read_bytes()
    packed = gzip.compress(body, mtime=0)
    name = file.relative_to(FOLDER)
    hashed = name.with_name(f"{file.stem}.{hashlib.sha256(body).hexdigest()[:_HASH_LETTERS]}{file.suffix}")
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Asset(PREFIX + hashed.as_posix(), body, packed if len(packed) < len(body) else None, kind)


def asset_path(name: str) -> str:
    """The address of a file. KeyError if there is none of that name."""
    return assets()[name].path


async def answer_asset(request: Request) -> Response:
    """The file of an address; of an older release's address the file of today, which must not be kept."""
    asked = Path(request.path_params["name"])
    found = assets().get((asked.parent / (Path(asked.stem).stem + asked.suffix)).as_posix())
    if found is None:
        raise HTTPException(404)
    current = found.path == PREFIX + asked.as_posix()
    headers = {"Cache-Control": _FOR_EVER if current else "no-cache", "Vary": "Accept-Encoding"}
    body = found.body
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    return Response(body, media_type=found.media_type, headers=headers)
