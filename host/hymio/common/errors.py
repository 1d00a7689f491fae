"""How a command fails: an exit status and two sentences for a person, never a traceback."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TextIO, cast

from hymio.common import hidden_passwords, interrupts
from hymio.common.hidden_passwords import hide_in_process_list, hide_passwords_in, without_secrets
from hymio.common.interrupts import INTERRUPTED as INTERRUPTED
from hymio.common.interrupts import wants_json

DONE: Final = 0
ANSWER_NO: Final = 1
"""The command worked and the answer is no: not balanced, self-test failed, image damaged."""
WRONG_USE: Final = 2
"""An option, a value or a configuration key is wrong; nothing was touched."""
NO_TERMINAL: Final = 3
"""There is no such port, it is in use, or what is on it is silent, at a prompt, or in a boot loop."""
NO_SERVICE: Final = 4
"""There is no broker, database or server, or it refused."""
ANSWERED_ERROR: Final = 5
"""The other side answered, but with an error or a newer format."""
BROKEN_OFF: Final = 6
"""The work was broken off half-way: what is done stands, and the command may be run again."""
BUG: Final = 70
"""A bug in hymio (EX_SOFTWARE of sysexits.h)."""

_DEBUG_VARIABLE: Final = "HYMIO_DEBUG"
_SEEN: Final = (
    "Everybody on this computer can read the password on the command line while this runs: give the address by"
    " HYMIO_BROKER, HYMIO_DB or HYMIO_SMTP, or as @FILE."
)


class Failure(Exception):
    """Ends a command with `exit_status`; `message` says what happened, and `hint` what to do next.

    Where a docstring says which failures a function raises, the number before each reason is the exit status.
    """

    def __init__(self, exit_status: int, message: str, hint: str) -> None:
        """Takes the exit status, and the two sentences for a person."""
        super().__init__(message)
        self.exit_status = exit_status
        self.message = message
        self.hint = hint

    def faults_as_values(self) -> list[dict[str, str | int]]:
        """The single faults for programs, where there may be many at once."""
        return []


def escaped(text: str) -> str:
    """The text, with escapes for bytes of a command line or a file name that are no UTF-8.

    Strict JSON can't hold such bytes.
    """
    return text.encode(errors="backslashreplace").decode()


def _shown(value: str | int) -> str | int:
    return escaped(without_secrets(value)) if isinstance(value, str) else value


def show_failure(failure: Failure, as_json: bool) -> None:
    """Writes the failure to stderr, as two sentences or as one line of JSON."""
    message, hint = (_shown(text) for text in (failure.message, failure.hint))
    if as_json:
        error = {"exit": failure.exit_status, "message": message, "hint": hint}
        faults = [{name: _shown(value) for name, value in fault.items()} for fault in failure.faults_as_values()]
        text = json.dumps({"error": error | ({"faults": faults} if faults else {})})
    else:
        text = f"{message}\n{hint}"
    with contextlib.suppress(OSError):  # perhaps nobody listens any more; the exit status still tells
        print(text, file=sys.stderr, flush=True)


class _Output:
    """Stdout, with a `Failure` for whatever is the matter with it, whoever prints: we, rich or the --help of typer."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._may_be_lost():
            return self._stream.write(text) if text != "" else 0  # click tries this, and hears no complaint

    def flush(self) -> None:
        with self._may_be_lost():
            self._stream.flush()

    @contextlib.contextmanager
    def _may_be_lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still in the buffer must not fail a second time when the interpreter closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if isinstance(error, BrokenPipeError):
                said, hint = "Whoever read the output has gone.", "Run it again without cutting it short."
            else:
                said = f"The output cannot be written: {error.strerror or error}."
                hint = "Make room where it goes, or send it elsewhere, and run it again."
            raise Failure(BROKEN_OFF, said, hint) from None


def _bug(error: BaseException) -> Failure:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(
        BUG,
        f"This is a bug in hymio ({said}).",
        f"Run the same command with {_DEBUG_VARIABLE}=1 to see where it happened, and report it with that output.",
    )


def as_failure(error: BaseException) -> Failure:
    """What `error`, caught at the very top of a command, means to the person who ran the command."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return Failure(INTERRUPTED, interrupts.MESSAGE, interrupts.HINT)
    # Typer has had its own copy of click since 0.26, so the class is told by what it can do.
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        message = str(error.format_message()).strip() or "Something is missing on the command line."
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", None) or "hymio"
        return Failure(WRONG_USE, message, f"`{command} --help` lists the options and shows examples.")
    return _bug(error)


def run_cli(app: Callable[..., Any], arguments: Sequence[str] | None = None, program: str = "hymio") -> int:
    """Runs a Typer `app`; every way to fail goes through `show_failure`.

    Args:
        app: the command.
        arguments: the command line; None: that of this process.
        program: the name that help and errors show.

    Returns:
        The exit status.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    hide_passwords_in([*given, *(os.environ.get(variable, "") for variable in hidden_passwords.VARIABLES)])
    if arguments is None and not hide_in_process_list(given):
        print(_SEEN, file=sys.stderr, flush=True)
    if not os.environ.get(_DEBUG_VARIABLE):
        # An MQTT client that is gone leaves futures behind, and asyncio writes their errors as tracebacks when it ends.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if arguments is None and sys.stdout is not None:
        sys.stdout = cast(TextIO, _Output(sys.stdout))
    try:
        interrupts.begin()
        status = app(args=given, prog_name=program, standalone_mode=False)
        print(end="", flush=True)
        interrupts.over()
    except SystemExit as leaving:
        interrupts.over()
        status = leaving.code
        if isinstance(status, str):
            show_failure(_bug(leaving), wants_json(given))
            return BUG
    except BaseException as error:
        interrupts.over()
        if type(error).__name__ == "NoArgsIsHelpError" and hasattr(error, "show"):
            error.show()  # it prints the whole help on stderr
            return WRONG_USE
        failure = as_failure(error)
        if failure.exit_status == INTERRUPTED and interrupts.is_end():
            return DONE
        if failure.exit_status == BUG and os.environ.get(_DEBUG_VARIABLE):
            print(without_secrets("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        show_failure(failure, wants_json(given))
        return failure.exit_status
    if status == INTERRUPTED:  # Typer has made an exit of the KeyboardInterrupt
        if interrupts.is_end():
            return DONE
        show_failure(as_failure(KeyboardInterrupt()), wants_json(given))
    return status if isinstance(status, int) else DONE
