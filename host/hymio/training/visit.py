"""One visitor of a terminal on the screen: what he does goes to the terminal, until he leaves."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from hymio.common.errors import Failure
from hymio.store.database import Store
from hymio.training.life import TerminalLife
from hymio.training.scenes import SCENES, history
from hymio.training.stands import Stand
from hymio.training.terminal_process import TerminalProcess
from hymio.training.wishes import BadWish, Play, Renew, StopScene, Tell, Wish, parse

WISHES_PER_S: Final = 40.0
WISHES_AT_ONCE: Final = 80
"""Whoever says more is heard later: nothing is thrown away, and nothing piles up here."""

SCENE_ENDS_S: Final = 1.0
"""A scene is over when its last press has had time to be judged."""


class Gone(Exception):
    """The visitor has left."""


class Page(Protocol):
    """The other end of the visit."""

    async def hear(self) -> str:
        """The next message of the visitor.

        Raises:
            Gone: the visitor has left.
        """
        ...

    async def say(self, message: dict[str, Any]) -> None:
        """Sends a message to the page.

        Raises:
            Gone: the visitor has left.
        """
        ...


class Pace:
    """Lets `WISHES_AT_ONCE` through at a time, and `WISHES_PER_S` in the long run."""

    def __init__(self, now_s: float) -> None:
        """Begins at that moment, with room for all at once."""
        self._room = float(WISHES_AT_ONCE)
        self._at_s = now_s

    def pause_s(self, now_s: float) -> float:
        """Counts one message more; gives for how long the next one has to wait."""
        self._room = min(WISHES_AT_ONCE, self._room + (now_s - self._at_s) * WISHES_PER_S) - 1
        self._at_s = now_s
        return max(0.0, -self._room / WISHES_PER_S)


class Visit:
    """A visit, from the moment when there is a place for it."""

    def __init__(self, page: Page, stand: Stand, store: Store, broker: str, runtime: str, idle_s: float) -> None:
        """Takes who visits which terminal, its far end, and after how long without a word the visit is over."""
        self._page = page
        self._stand = stand
        self._store = store
        self._idle_s = idle_s
        self._terminal = TerminalProcess(stand.device_id, stand.flash, broker, runtime)
        self._wanted: Renew | None = None
        self._scene: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Lasts until the visitor leaves, is idle for too long, or the terminal ends by itself; then all is gone."""
        parts = [asyncio.create_task(self._listen()), asyncio.create_task(self._live())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(Gone):
                await self._page.say({"kind": "over", **done.pop().result()})
        except Failure as failure:
            with contextlib.suppress(Gone):
                await self._page.say({"kind": "over", "why": "failed", "message": f"{failure.message} {failure.hint}"})
        finally:
            self._play(None)
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._terminal.end()

    async def _listen(self) -> dict[str, Any]:
        """Does what the visitor wants; gives why it is over."""
        pace = Pace(time.monotonic())
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    text = await self._page.hear()
            except TimeoutError:
                return {"why": "idle", "after_s": self._idle_s}
            try:
                await self._do(parse(text))
            except BadWish as error:
                await self._page.say({"kind": "refused", "message": str(error)})
            await asyncio.sleep(pace.pause_s(time.monotonic()))

    async def _do(self, wish: Wish) -> None:
        match wish:
            case Tell(line):
                await self._terminal.tell(line)
            case Play(name):
                self._play(self._perform(name))
            case StopScene():
                self._play(None)
            case Renew() if self._wanted is None:
                self._play(None)
                self._wanted = wish
                await self._terminal.tell("quit")

    def _play(self, scene: Coroutine[Any, Any, None] | None) -> None:
        if self._scene is not None:
            self._scene.cancel()
        self._scene = None if scene is None else asyncio.create_task(scene)

    async def _perform(self, name: str) -> None:
        began_s = time.monotonic()
        with contextlib.suppress(Gone):
            await self._page.say({"kind": "scene", "name": name, "on": True})
            try:
                for at_s, lines in SCENES[name](random.Random()):
                    await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
                    await self._terminal.tell(lines)
                await asyncio.sleep(SCENE_ENDS_S)
            finally:
                await self._page.say({"kind": "scene", "name": name, "on": False})

    async def _live(self) -> dict[str, Any]:
        """Lets one terminal after another live, as the visitor wants new ones; gives why it is over."""
        while True:
            wanted, self._wanted = self._wanted, None
            has_history = wanted is not None and wanted.history
            await self._page.say({"kind": "starting", "history": has_history})
            if wanted is not None:
                self._stand.renew()
            if has_history:
                await self._terminal.make_history(history(random.Random()), secrets.randbits(32))
            await self._terminal.start()
            if has_history:
                # It comes from where there is no network, and the visitor is to see what happens when there is one.
                await self._terminal.tell("wifi off")
            if self._wanted is not None:
                await self._terminal.tell("quit")  # another one has been wanted before this one ran
            await TerminalLife(self._stand, self._terminal, self._store, self._page.say).run()
            if self._wanted is None:
                return {"why": "ended"}
