"""What goes wrong with a request: a status and two sentences, in the shape of every other failure of hymio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, hint: str, headers: Mapping[str, str] | None = None) -> None:
        """Of an HTTP status; what was expected and what came, and what to do."""
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The JSON that answers the request."""
        return {"error": {"status": self.status, "message": self.message, "hint": self.hint}}


def bad_request(name: str, expected: str, came: str) -> ApiError:
    """400: a parameter is not what it must be.

    Args:
        name: of the parameter.
        expected: what it takes, as a part of a sentence.
        came: its value.
    """
    shown = came if len(came) <= 60 else f"{came[:57]}..."
    return ApiError(400, f"{name} is {shown!r}, not {expected}.", "Mend or leave out that parameter.")


def forbidden(name: str, number: int) -> ApiError:
    """403: what a parameter names is not there for whoever asks, or not there at all: which of both is not said."""
    return ApiError(403, f"{name} {number} is not within what this token may read.", "Its lists name all that is.")
