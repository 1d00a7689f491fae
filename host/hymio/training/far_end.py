"""The far end of the terminals on the screen: a broker and a collector of our own, kept running."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from hymio.common.addresses import parse_broker
from hymio.common.backoff import Backoff
from hymio.common.errors import WRONG_USE, Failure
from hymio.training.terminal_process import failure_told, kill, run_hymio

LOGS_A_DAY: Final = 10_000
_START_S: Final = 60.0
_STOP_S: Final = 3.0


def plain_broker(url: str) -> str:
    """HOST:PORT of a broker that lets everybody in, for the terminals on the screen.

    Raises:
        Failure: 2, it is no address, or one with TLS or a password.
    """
    address = parse_broker(url)
    if address.tls or address.username is not None:
        raise Failure(
            WRONG_USE,
            "The terminals on the screen have neither certificates nor passwords for a broker.",
            "Give --broker HOST:PORT of one that lets them in, or leave it out: they have one of their own then.",
        )
    return f"{address.host}:{address.port}"


@contextlib.asynccontextmanager
async def own_far_end(db: str, folder: Path) -> AsyncIterator[str]:
    """A broker on 127.0.0.1, and a collector from there into the database `db`; gives HOST:PORT.

    On a screen a new terminal, and so a new log, is there whenever somebody wants one.

    Either is started again when it ends by itself, on the same port; both are gone after the block.

    Raises:
        Failure: one of them can't start at all.
    """
    async with _kept_running("broker", ("--listen", "127.0.0.1:0"), folder) as ready:
        broker = f"127.0.0.1:{ready['port']}"
        # By the environment: the list of processes would show a password to everybody.
        environment = os.environ | {"HYMIO_DB": db, "HYMIO_BROKER": f"mqtt://{broker}"}
        async with _kept_running("collect", ("--logs-a-day", str(LOGS_A_DAY)), folder, environment):
            yield broker


@contextlib.asynccontextmanager
async def _kept_running(
    command: str, options: tuple[str, ...], folder: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Runs a service of hymio during the block; gives its event `ready`."""
    ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    keeping = asyncio.create_task(_keep(command, options, folder / f"{command}.log", environment, ready))
    try:
        try:
            async with asyncio.timeout(_START_S):
                event = await ready
        except TimeoutError:
            raise failure_told(folder / f"{command}.log", f"`hymio {command}`") from None
        yield event
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _keep(
    command: str,
    options: tuple[str, ...],
    errors: Path,
    environment: dict[str, str] | None,
    ready: asyncio.Future[dict[str, Any]],
) -> None:
    backoff = Backoff()
    while True:
        process = await run_hymio(command, *options, "--json", errors=errors, environment=environment)
        assert process.stdout is not None, "it is a pipe"
        try:
            async for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "ready":
                    backoff.succeeded()
                    if not ready.done():
                        ready.set_result(event)
                        # It has to be found at the same address when it is started again.
                        if "--listen" in options:
                            options = ("--listen", f"{event['host']}:{event['port']}")
            await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                if process.returncode is None:
                    process.terminate()
                    await asyncio.wait_for(process.wait(), _STOP_S)
            await kill(process)
        if not ready.done():
            ready.set_exception(failure_told(errors, f"`hymio {command}`"))
            return
        await asyncio.sleep(backoff.pause_s)
        backoff.failed()
