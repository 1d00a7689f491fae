"""Where pages ended, for clients that go on by `offset` alone: remembered for a while, in bounded memory."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from hymio.serve.feedbacks import Bookmark
from hymio.store.time_order import Position

PAGES_MAX: Final = 10_000
KEPT_S: Final = 3600.0
RUN_S: Final = 300.0
"""For so long whoever asks for the same anew joins who asked before."""
_NAME: Final = re.compile(r"[!-~]{1,36}")


@dataclass(frozen=True, slots=True)
class Paging:
    """All that the next page has to know."""

    watermark: int
    """What came by later transactions is on no page, so that nothing moves to and fro between them."""
    began_utc: float
    """When the first page was asked for: its today is that of all pages."""
    end: Bookmark | None
    """Of the page before; None: this is the first one."""

    def text(self) -> str:
        """As it stands in an address."""
        end = None if self.end is None else [*self.end.position, self.end.given]
        packed = json.dumps([self.watermark, self.began_utc, end], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def paging_of(text: str) -> Paging:
    """What `Paging.text` gave.

    Raises:
        ValueError: it is something else.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        watermark, began_utc, end = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        bookmark = None
        if end is not None:
            utc, name, log_id, seq, given = end
            if not _NAME.fullmatch(name):
                raise ValueError(name)
            bookmark = Bookmark(Position(_utc(utc), name, _number(log_id), _number(seq)), _number(given))
        return Paging(_number(watermark), _utc(began_utc), bookmark)
    except (TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise ValueError("no cursor of ours") from error


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise ValueError(value)
    return value


def _utc(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < 1 << 33:
        raise ValueError(value)
    return float(value)


@dataclass(slots=True)
class _Run:
    """Pages of one question from the first on."""

    began_s: float
    paging: Paging
    is_shared: bool = False


class PageMemory:
    """Of every page the next one's beginning, by who asked, what was asked, and the offset."""

    def __init__(self, pages_max: int = PAGES_MAX, kept_s: float = KEPT_S) -> None:
        """Forgets the oldest beyond `pages_max`, and what is older than `kept_s` seconds."""
        self._pages_max, self._kept_s = pages_max, kept_s
        self._pages: OrderedDict[tuple[Hashable, int], tuple[float, Paging]] = OrderedDict()
        self._runs: OrderedDict[Hashable, _Run] = OrderedDict()
        self._lock = Lock()

    def begin(self, asked: Hashable, paging: Paging, now_s: float) -> Paging:
        """Begins to page, as `paging` says, or as those do who have begun with the same lately and may be amid it.

        Who goes on by offset can't be told from another one who asks the same: both see the same moment.
        """
        with self._lock:
            run = self._runs.get(asked)
            if run is not None and now_s - run.began_s <= RUN_S:
                run.is_shared = True
                return run.paging
            self._runs.pop(asked, None)
            self._runs[asked] = _Run(now_s, paging)
            while len(self._runs) > self._pages_max:
                self._runs.popitem(last=False)
            return paging

    def end(self, asked: Hashable, paging: Paging) -> None:
        """Notes that somebody has had the last page: if he was alone the next one begins anew."""
        with self._lock:
            run = self._runs.get(asked)
            if run is not None and not run.is_shared and run.paging == replace(paging, end=None):
                del self._runs[asked]

    def keep(self, asked: Hashable, offset: int, paging: Paging, now_s: float) -> None:
        """Remembers how the page at an offset begins."""
        with self._lock:
            self._pages.pop((asked, offset), None)
            self._pages[asked, offset] = now_s, paging
            while len(self._pages) > self._pages_max:
                self._pages.popitem(last=False)

    def find(self, asked: Hashable, offset: int, now_s: float) -> Paging | None:
        """How it begins; None: nobody has asked for the page before, or that was long ago."""
        with self._lock:
            kept_s, paging = self._pages.get((asked, offset), (0.0, None))
            return paging if paging is not None and now_s - kept_s <= self._kept_s else None
