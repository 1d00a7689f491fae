"""An answer that goes on: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class EventStream(StreamingResponse):
    """Leaves when it is over, however that comes: what is never begun has no end of its own."""

    media_type = "text/event-stream"

    def __init__(
        self, content: AsyncIterator[str], leave: Callable[[], None], headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends what `content` gives; `leave` is called once, at the end."""
        # nginx would hold events back.
        super().__init__(content, headers={**(headers or {}), "x-accel-buffering": "no"})
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
