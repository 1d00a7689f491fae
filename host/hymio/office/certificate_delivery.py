"""Certificates on their way to terminals: each is sent when its terminal is there, and what becomes of it is heard.

firmware/spec/mqtt.md "Certificates" describes the terminal's side.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hymio.common.errors import Failure
from hymio.mqtt.broker_session import BrokerSession, Heard
from hymio.office.order import answer_to

AT_ONCE: Final = 20
"""How many terminals may be on trial at a time: all of a site may have been issued on one day, and each makes two
handshakes."""
ORDER_LASTS_S: Final = 60.0
ANSWER_S: Final = 90.0
"""How long to wait for the first answer, which a finger on a button holds up."""
TRIAL_S: Final = 900.0
"""How long to wait for the end of a trial, which lasts 10 minutes and has a restart at both of its ends."""


@dataclass(slots=True)
class Renewal:
    """One certificate, and what became of it."""

    device_id: str
    serial: int
    not_after_utc: float
    der: bytes
    outcome: str = "away"
    """`renewed`; `refused` (by the terminal, or it has come back to the old one); `silent` (it was sent, and no answer
    came); or `away` (the terminal did not come, so nothing was sent)."""
    error: str = ""


@dataclass(slots=True)
class _Sent:
    renewal: Renewal
    until_s: float
    """The moment of the loop's clock after which other terminals need not wait for this one."""


class Round:
    """One round of renewals, over a session that hears `state` and `reply` of the terminals."""

    def __init__(self, session: BrokerSession, renewals: Sequence[Renewal], told: Callable[[Renewal], None]) -> None:
        """Prepares the round.

        Args:
            session: hears the terminals.
            renewals: what is to be sent.
            told: is called with each renewal as soon as it has come to an end.
        """
        self._session = session
        self._told = told
        self._waiting = {renewal.device_id: renewal for renewal in renewals}
        self._there: list[str] = []
        self._sent: dict[str, _Sent] = {}
        self._now_s = asyncio.get_running_loop().time

    async def run(self, wait_s: float) -> None:
        """Runs until all renewals have come to an end, or `wait_s` seconds are over."""
        until_s = self._now_s() + wait_s
        while self._waiting or self._sent:
            await self._send()
            heard = await self._session.heard(min([until_s, *(sent.until_s for sent in self._sent.values())]))
            if heard is not None:
                await self._take(heard)
            for order_id, sent in list(self._sent.items()):
                if self._now_s() >= sent.until_s:
                    self._end(order_id, "silent", "no answer")
            if self._now_s() >= until_s:
                break
        for order_id in list(self._sent):
            self._end(order_id, "silent", "no answer yet")
        for renewal in self._waiting.values():
            self._told(renewal)

    async def _send(self) -> None:
        while self._there and len(self._sent) < AT_ONCE:
            await self._offer(self._there.pop(0))

    async def _offer(self, device_id: str) -> None:
        renewal = self._waiting.pop(device_id, None)
        if renewal is not None:
            cert = base64.b64encode(renewal.der).decode()
            order_id = await self._session.order(device_id, ORDER_LASTS_S, do="renew", cert=cert)
            self._sent[order_id] = _Sent(renewal, self._now_s() + ANSWER_S)

    async def _take(self, heard: Heard) -> None:
        if heard.topic == "state":
            word = heard.facts().get("state")
            if word == "asleep" and not heard.is_retained:
                await self._offer(heard.device_id)  # the terminal takes it now or at its next upload
            elif word == "online":
                self._there.append(heard.device_id)
            elif word == "offline" and heard.device_id in self._there:
                self._there.remove(heard.device_id)
            return
        for order_id, sent in list(self._sent.items()):
            if sent.renewal.device_id != heard.device_id:
                continue
            try:
                if answer_to(order_id, heard) is not None:
                    self._end(order_id, "renewed", "")
                elif heard.facts().get("id") == order_id and not heard.is_retained:
                    sent.until_s = self._now_s() + TRIAL_S
            except Failure as failure:
                self._end(order_id, "refused", str(heard.facts().get("error") or failure.message))

    def _end(self, order_id: str, outcome: str, error: str) -> None:
        renewal = self._sent.pop(order_id).renewal
        renewal.outcome, renewal.error = outcome, error
        self._told(renewal)
