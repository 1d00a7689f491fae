"""`hymio sim terminal` as a child process, used as its contract describes it: commands in, events out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from hymio.common.child_processes import die_with_parent
from hymio.common.errors import BROKEN_OFF, Failure

_QUIT_S: Final = 3.0
"""How long a terminal may take to switch itself off before it is killed."""
_HISTORY_S: Final = 180.0
_LAST_WORDS_S: Final = 1.0


async def run_hymio(
    *arguments: str, errors: Path, stdin: int = DEVNULL, stdout: int = PIPE, environment: dict[str, str] | None = None
) -> Process:
    """Starts a command of this very hymio, which does not outlive this process; what it says on stderr goes to a file.

    Ctrl-C in the terminal window does not reach it: whoever starts it ends it.
    """
    with errors.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hymio",
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=file,
            env=environment,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


async def kill(process: Process) -> None:
    """Sees to it that a process is gone, if it is not yet, and nothing of it is left open."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
    if process.stdout is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await process.stdout.read()


def failure_told(errors: Path, what: str) -> Failure:
    """Why a command of hymio has ended: as it said itself on the last line of stderr, or that it has not said it."""
    with contextlib.suppress(OSError, ValueError, KeyError, IndexError, TypeError):
        said = json.loads(errors.read_text(encoding="utf-8", errors="replace").splitlines()[-1])["error"]
        return Failure(int(said["exit"]), str(said["message"]), str(said["hint"]))
    return Failure(BROKEN_OFF, f"{what} has ended by itself.", f"See {errors}.")


class TerminalProcess:
    """One simulated terminal, from `start` to `end`."""

    def __init__(self, device_id: str, flash: Path, broker: str, runtime: str) -> None:
        """Takes what its command line says; broker: HOST:PORT."""
        self._flash = flash
        self._errors = flash.with_suffix(".log")
        self._arguments = ("sim", "terminal", "--device-id", device_id, "--flash", str(flash), "--json")
        self._real_time = ("--mqtt", broker, "--runtime", runtime)
        self._process: Process | None = None

    async def make_history(self, script: str, seed: int) -> None:
        """Has the firmware live through a script in virtual time, into the flash of the terminal, before `start`.

        seed: has to be another one each time, because a log is named by it.

        Raises:
            Failure: it could not.
        """
        file = self._flash.with_suffix(".txt")
        file.write_text(script, encoding="utf-8")
        how = ("--clock", "virtual", "--seed", str(seed), "--script", str(file))
        process = await run_hymio(*self._arguments, *how, errors=self._errors, stdout=DEVNULL)
        try:
            status = await asyncio.wait_for(process.wait(), _HISTORY_S)
        finally:
            await kill(process)
            file.unlink()
        if status:
            raise failure_told(self._errors, "The simulator")

    async def start(self) -> None:
        """Starts the terminal; what it says is in `events`."""
        self._errors.unlink(missing_ok=True)
        self._process = await run_hymio(*self._arguments, *self._real_time, errors=self._errors, stdin=PIPE)

    async def tell(self, lines: str) -> None:
        """Gives it command lines; a terminal that does not run does not hear them."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(lines.encode() + b"\n")
            await self._process.stdin.drain()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Its events, one after another, until it ends.

        Raises:
            Failure: it ended without a last word.
        """
        assert self._process is not None and self._process.stdout is not None, "it has been started"
        event: dict[str, Any] = {}
        async for line in self._process.stdout:
            event = json.loads(line)
            yield event
        if event.get("event") != "exit":
            await self._process.wait()
            raise failure_told(self._errors, "The terminal")

    async def end(self) -> None:
        """Switches it off; it is gone afterwards, whatever happens."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_QUIT_S):
                    process.stdin.write(b"quit\n")
                    await process.stdin.drain()
                    await process.stdout.read()  # what it still has to say must not hold it up
                    await process.wait()
        finally:
            await kill(process)
