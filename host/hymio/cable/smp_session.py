"""A session with a terminal on a cable: it is asked, waited for and asked again, and what goes wrong is told in words.

firmware/spec/cable.md says what a terminal answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeVar

import serial  # type: ignore[import-untyped]
from pydantic import ValidationError
from smp import error as smp_error
from smp import message as smp_message
from smp.exceptions import SMPException
from smpclient import SMPClient
from smpclient.exceptions import SMPClientException
from smpclient.generics import SMPRequest, success
from smpclient.transport import SMPTransportDisconnected

from hymio.cable.ports import cannot_open
from hymio.cable.smp_messages import (
    AckWrite,
    ErrorV1,
    ErrorV2,
    RecordsRead,
    StatusAnswer,
    StatusRead,
    TerminalError,
    TextRead,
    TotalsRead,
)
from hymio.cable.smp_transport import SerialTransport
from hymio.common.errors import ANSWERED_ERROR, BROKEN_OFF, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.words import counted
from hymio.wire.batches import Batch, Totals, decode_batch
from hymio.wire.primitives import FormatError

FIRST_ANSWER_S: Final = (1.0, 1.5, 2.5)
"""Time-outs of the first request. Opening the port may reset a board, which is up again after two to four seconds."""
ANSWER_S: Final = (1.5, 1.5, 3.0)
"""Time-outs of later requests; a line that got lost is asked for again."""
_SHORTAGES: Final = 4
"""How often a terminal is asked whose heap is too small just now. It has done nothing then, and does with less each
time."""
_LISTEN_S: Final = 0.7
"""How long to wait for what a silent terminal says to Enter."""


_SENTENCES: Final = {
    TerminalError.NO_LOG: (
        "The terminal has no log: its flash has no partition `votes`, or none that it can use.",
        "`hymio status` shows why; the terminal does not count until this is mended.",
    ),
    TerminalError.WRONG_LOG: (
        "The terminal has begun another log meanwhile.",
        "Read it again; what was read before stands.",
    ),
}


@dataclass(frozen=True, slots=True)
class LogTotals:
    """The lifetime presses by button of a log, and the seqs that it holds."""

    log_id: int
    totals: Totals
    next_seq: int
    oldest_seq: int


def four_totals(totals: Sequence[int]) -> Totals:
    """The four totals of an answer.

    Raises:
        Failure: 5, they are not four.
    """
    if len(totals) != 4:
        raise _odd_answer(counted(len(totals), "total"))
    return totals[0], totals[1], totals[2], totals[3]


_Result = TypeVar("_Result")
_Answer = TypeVar("_Answer", bound=smp_message.ReadResponse | smp_message.WriteResponse)


class CableSession:
    """A terminal on a serial port, to be used in a `with` statement; every method may raise Failure 3, 5 or 6."""

    def __init__(self, port: str) -> None:
        """Prepares a session on `port`; the `with` statement opens it."""
        self._port = port
        self._runner = asyncio.Runner()
        self._transport: SerialTransport | None = None
        self._client: SMPClient | None = None
        self._answered = False
        # The library logs what it also raises; a person gets sentences instead.
        for name in ("smpclient", "smp"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def __enter__(self) -> CableSession:
        self._runner.__enter__()
        try:
            self._transport = self._run(self._open())
        except BaseException:
            self._runner.close()
            raise
        self._client = SMPClient(self._transport, self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._run(self._transport.disconnect())
        self._runner.__exit__(kind, error, trace)

    def status(self) -> StatusAnswer:
        """Asks how the terminal is."""
        return self._ask(StatusRead())

    def records(self, seq: int, device_id: str) -> tuple[Batch, bytes]:
        """The log of that terminal from `seq` on (or from the oldest seq held), as much as fits one answer.

        Returns:
            The batch, and its bytes.
        """
        answer = self._ask(RecordsRead(s=seq))
        try:
            return decode_batch(answer.d, device_id), answer.d
        except FormatError as error:
            raise _odd_answer(f"a batch that cannot be read: {error.reason}") from error

    def totals(self) -> LogTotals:
        """Asks for the lifetime presses by button."""
        answer = self._ask(TotalsRead())
        return LogTotals(answer.log, four_totals(answer.tot), answer.nxt, answer.old)

    def text(self, first: int) -> tuple[bytes, int]:
        """Lines of the text log from number `first` on, as much as fits one answer.

        Returns:
            The lines, and the number of the line after them.
        """
        answer = self._ask(TextRead(n=first))
        return answer.d, answer.n

    def ack(self, log_id: int, mark: int) -> int:
        """Tells the terminal that every seq below `mark` is settled; returns the cursor as it is then."""
        return self._ask(AckWrite(log=log_id, m=mark)).m

    def ask(
        self,
        request: SMPRequest[_Answer, Any, Any],
        refusals: Mapping[int, Failure] | None = None,
        timeouts_s: Sequence[float] | None = None,
    ) -> _Answer:
        """The answer to any request of any group.

        Args:
            request: what is asked.
            refusals: what the error numbers of the request's own group mean here.
            timeouts_s: how long to wait each time that it is asked; None: as usual.

        Raises:
            Failure: one of `refusals`; 2 the terminal refuses a value; 3, 5 or 6.
        """
        answer: Any = self._answer_to(request, timeouts_s)
        if success(answer):
            return answer
        if hasattr(answer, "err"):
            code = int(answer.err.rc)
            if refusals and code in refusals:
                raise refusals[code]
            raise _odd_answer(f"error {code} of group {int(answer.err.group)}")
        if answer.rc == smp_error.MGMT_ERR.EINVAL and answer.rsn:
            raise Failure(WRONG_USE, f"The terminal refuses it: {answer.rsn}.", "Nothing was changed; correct it.")
        if answer.rc == smp_error.MGMT_ERR.ENOTSUP:
            raise Failure(
                ANSWERED_ERROR,
                "The terminal does not know this request: its firmware is older than this hymio.",
                "`hymio status` shows its version, `hymio flash` or `hymio deploy` bring the newer one.",
            )
        raise _refusal(answer.rc)

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._runner.run(work)

    async def _open(self) -> SerialTransport:
        transport = SerialTransport(self._port)
        try:
            transport.open_once(self._port)
        except (serial.SerialException, OSError, ValueError) as error:
            raise cannot_open(self._port, error) from error
        return transport

    def _answer_to(self, request: SMPRequest[_Answer, Any, Any], timeouts_s: Sequence[float] | None = None) -> Any:
        assert self._client is not None, "use the cable in a with statement"
        try:
            for _ in range(_SHORTAGES):
                answer = self._run(self._exchange(request, timeouts_s))
                if getattr(answer, "rc", None) != smp_error.MGMT_ERR.ENOMEM:
                    break
            return answer
        except (SMPTransportDisconnected, serial.SerialException, OSError) as error:
            raise self._gone() from error

    def _ask(self, request: SMPRequest[_Answer, ErrorV1, ErrorV2]) -> _Answer:
        answer: _Answer | ErrorV1 | ErrorV2 = self._answer_to(request)
        if success(answer):
            return answer
        if isinstance(answer, ErrorV2):
            code = answer.err.rc
            message, hint = _SENTENCES.get(
                code,
                (
                    f"The terminal refused the request ({code.name.lower().replace('_', ' ')}).",
                    "Perhaps its firmware is older than this hymio: `hymio status` shows its version.",
                ),
            )
            raise Failure(ANSWERED_ERROR, message, hint)
        raise _refusal(answer.rc)

    async def _exchange(self, request: SMPRequest[_Answer, Any, Any], timeouts_s: Sequence[float] | None) -> Any:
        assert self._client is not None and self._transport is not None
        odd: Exception | None = None
        for timeout_s in timeouts_s or (ANSWER_S if self._answered else FIRST_ANSWER_S):
            # A new message each time: an answer to an earlier one that comes late must not be taken for the answer to
            # this one.
            again = type(request)(**_fields(request))
            try:
                answer = await self._client.request(again, timeout_s=timeout_s)
            except TimeoutError:
                continue
            except (SMPClientException, SMPException, ValidationError, ValueError) as error:
                odd = error
                await self._drain()
                continue
            self._answered = True
            return answer
        if odd is not None:
            raise _odd_answer(f"{type(odd).__name__}") from odd
        if self._answered:
            raise Failure(
                BROKEN_OFF,
                f"The terminal on {self._port} has stopped answering.",
                "Check the cable and run the command again.",
            )
        raise _silent(self._port, await self._listen())

    async def _drain(self) -> None:
        """Reads and drops whatever else the terminal has to say."""
        assert self._transport is not None
        try:
            while True:
                await asyncio.wait_for(self._transport.receive(), 0.2)
        except (TimeoutError, SMPException, ValueError):
            return

    async def _listen(self) -> bytes:
        """What the terminal has said that was no SMP, and what it says to Enter."""
        assert self._transport is not None
        said = await self._transport.read_serial()
        self._transport.type_enter()
        await asyncio.sleep(_LISTEN_S)
        return said + await self._transport.read_serial()

    def _gone(self) -> Failure:
        if self._answered:
            return Failure(
                BROKEN_OFF,
                f"The cable on {self._port} has come off.",
                "Plug it in and run the command again.",
            )
        return Failure(NO_TERMINAL, f"The port {self._port} went away.", "Check the cable and run the command again.")


def _fields(request: Any) -> dict[str, Any]:
    base = {"header", "version", "sequence", "smp_data"}
    return {name: getattr(request, name) for name in type(request).model_fields if name not in base}


def _refusal(code: smp_error.MGMT_ERR) -> Failure:
    if code == smp_error.MGMT_ERR.ENOMEM:
        return Failure(
            ANSWERED_ERROR,
            "The terminal is short of memory just now.",
            "Nothing was changed: try again, or restart it (its reset button, `hymio cmd DEVICE_ID reboot`) and then"
            " try again.",
        )
    return _odd_answer(f"error {code.name}")


def _odd_answer(what: str) -> Failure:
    return Failure(
        ANSWERED_ERROR,
        f"The terminal answered with {what}.",
        "Perhaps its firmware is newer than this hymio: take the newer hymio, or try again.",
    )


_BOOT_MESSAGES: Final = (b"rst:0x", b"ESP-ROM:", b"ets J", b"Guru Meditation", b"invalid header")
"""What the ROM's loader and the panic handler of an ESP32 print; two of one kind within seconds are a boot loop."""


def _silent(port: str, said: bytes) -> Failure:
    """Why a terminal has not answered, by what it has said instead."""
    if max(said.count(message) for message in _BOOT_MESSAGES) >= 2:
        return Failure(
            NO_TERMINAL,
            f"The board on {port} starts over and over (boot loop).",
            "Try another cable and power supply; if that does not help, flash it again.",
        )
    if said.rstrip(b" ").endswith((b">>>", b"...")) or b"\n>>> " in said:
        return Failure(
            NO_TERMINAL,
            f"The board on {port} shows the MicroPython prompt: no hymio firmware is running.",
            f"Start it: `mpremote connect {port} reset`, or its reset button; if it comes back here: `hymio deploy`.",
        )
    if said.strip():
        return Failure(
            NO_TERMINAL,
            f"What is on {port} talks, but not like a hymio terminal.",
            "Check that this is the right port (`hymio ports`) and that the board carries the hymio firmware.",
        )
    return Failure(
        NO_TERMINAL,
        f"Nothing on {port} answers.",
        "Check that the board has power and carries the hymio firmware; press its reset button and try again.",
    )
