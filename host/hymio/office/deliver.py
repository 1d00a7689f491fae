"""Sends what is to be told: by e-mail, to programs over HTTP, over MQTT, and by whatever else Apprise knows.

`hymio serve` does so all the time (`Sender`), `hymio deliver run` once.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from hymio import __version__
from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.hidden_passwords import without_secrets
from hymio.common.output import note, print_json, print_line
from hymio.common.webhooks import Webhook, WebhookTrouble, send_webhook
from hymio.mqtt.client import CONNECTION_ERRORS, BrokerAccess, run_on_loop
from hymio.office.mail import MailServer, MailTrouble, message_to, send_mail
from hymio.store.care_cases import is_any_late, tell_overdue
from hymio.store.channels import Channel, ChannelKind, channel_of_id
from hymio.store.database import Store, open_store
from hymio.store.deliveries import EVENTS, Delivery, claim, failed, forget_old, is_any_due, taken, waiting_kinds

LOOK_S: Final = 0.5
"""How often it is looked whether anything is to be told; that is all that a message waits for."""
AT_A_TIME: Final = 8
"""So many channels are spoken to at the same time."""
FORGET_S: Final = 3600.0
_END_S: Final = 5.0
HOME_ASSISTANT: Final = "homeassistant"
"""Below this Home Assistant looks for what there is (MQTT discovery)."""


@dataclass(frozen=True, slots=True)
class Ways:
    """By what messages can go. mail, broker: None is nobody; such messages wait.

    may_be_inside: whether webhooks that were made on a page may lead into our own network, too.
    """

    mail: MailServer | None = None
    broker: BrokerAccess | None = None
    may_be_inside: bool = False

    @property
    def kinds(self) -> Collection[ChannelKind]:
        """Of the channels that can be reached."""
        has = {
            ChannelKind.EMAIL: self.mail is not None,
            ChannelKind.WEBHOOK: True,
            ChannelKind.MQTT: self.broker is not None,
            ChannelKind.APPRISE: importlib.util.find_spec("apprise") is not None,
        }
        return [kind for kind in has if has[kind]]


class Untaken(Exception):
    """A message was not taken; args[0] says why, for people, without anything secret. See `WebhookTrouble`."""

    def __init__(self, why: str, is_gone: bool = False, retry_after_s: float | None = None) -> None:
        """Takes why, and what it means for the next one."""
        super().__init__(why)
        self.is_gone, self.retry_after_s = is_gone, retry_after_s


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a delivery. trouble: why it was not taken; None: it was."""

    delivery: Delivery
    channel: Channel
    trouble: str | None

    def as_json(self) -> dict[str, Any]:
        """As the contract has it."""
        one = self.delivery
        return {
            "id": one.id,
            "uid": one.uid,
            "channel": self.channel.name,
            "event": one.event,
            "subject": one.subject,
            "tries": one.tries,
            "trouble": self.trouble,
        }


def tell(ways: Ways, channel: Channel, delivery: Delivery, now_utc: float) -> None:
    """Sends one message; the other side has taken it when this returns.

    Raises:
        Untaken: it has not.
    """
    try:
        match channel.kind:
            case ChannelKind.EMAIL:
                _mail(ways, channel, delivery)
            case ChannelKind.WEBHOOK:
                may_be_inside = channel.may_be_inside or ways.may_be_inside
                webhook = Webhook(channel.target, channel.secret or "", may_be_inside)
                send_webhook(webhook, delivery.uid, json.dumps(body(delivery)).encode(), int(now_utc))
            case ChannelKind.MQTT:
                _publish(ways, channel, delivery)
            case ChannelKind.APPRISE:
                _notify(channel, delivery)
    except WebhookTrouble as error:
        raise Untaken(str(error), error.is_gone, error.retry_after_s) from error
    except MailTrouble as error:
        raise Untaken(str(error)) from error


def body(delivery: Delivery) -> dict[str, Any]:
    """What programs get: `type`, `timestamp` and `data` as Standard Webhooks has them, and words for people."""
    more = {key: value for key, value in delivery.payload.items() if key not in ("title", "text")}
    return {
        "type": delivery.event,
        "timestamp": datetime.fromtimestamp(delivery.created_utc, UTC).isoformat(timespec="milliseconds"),
        "title": delivery.payload["title"],
        "text": delivery.payload["text"],
        "data": more,
    }


def tell_late(store: Store, now_utc: float) -> None:
    """Queues what is to be told because time has passed: cases whose time limit is over."""
    with store.reading() as connection:
        if not is_any_late(connection, now_utc):
            return
    with store.writing() as connection:
        tell_overdue(connection, now_utc)


def forget(store: Store, now_utc: float) -> None:
    """Deletes messages that have gone, or were given up, long ago."""
    with store.writing() as connection:
        forget_old(connection, now_utc)


def send_due(store: Store, ways: Ways, now_utc: Callable[[], float] = time.time) -> Iterator[Tried]:
    """Sends what is due and what `ways` reach, one after another, and gives what became of each."""
    while (claimed := _claimed(store, ways, (), now_utc())) is not None:
        yield _sent(store, ways, *claimed, now_utc)


def run_deliver(db: str, ways: Ways, as_json: bool) -> None:
    """Sends what is due, once; for a timer (cron, systemd).

    Raises:
        Failure: 6, something could not go: it is tried again later.
    """
    store = open_store(db)
    try:
        tell_late(store, time.time())
        told = list(send_due(store, ways))
        forget(store, time.time())
        with store.reading() as connection:
            waiting = {kind: n for kind, n in waiting_kinds(connection, time.time()).items() if kind not in ways.kinds}
    finally:
        store.close()
    troubles = [one for one in told if one.trouble is not None]
    if as_json:
        print_json({
            "sent": [one.as_json() for one in told if one.trouble is None],
            "failed": [one.as_json() for one in troubles],
            "waiting": sum(waiting.values()),
        })  # fmt: skip
    else:
        for one in told:
            if one.trouble is None:
                print_line(f"{one.delivery.event} ({one.delivery.subject}): {one.channel.name}")
        if not told:
            note("Nothing is to be told.")
    if troubles:
        first = troubles[0]
        raise Failure(
            BROKEN_OFF,
            f"{len(troubles)} of {len(told)} messages could not go. {first.channel.name}: {first.trouble}.",
            "Mend that; they are tried again later, and after the last time `hymio serve` shows them as given up.",
        )
    if waiting:
        kinds = ", ".join(f"{count} by {kind}" for kind, count in waiting.items())
        raise Failure(
            BROKEN_OFF,
            f"There is no way for some messages: {kinds}.",
            "Give --smtp for e-mail, --broker for mqtt, and install the extra `notify` for apprise.",
        )


class Sender(threading.Thread):
    """Sends as long as `hymio serve` runs, from `start` to `end`."""

    def __init__(self, store: Store, ways: Ways, now_utc: Callable[[], float] = time.time) -> None:
        """Takes the database, and by what messages can go."""
        super().__init__(name="deliveries", daemon=True)
        self._store, self._ways, self._now_utc = store, ways, now_utc
        self._is_over = threading.Event()
        self._wake = threading.Event()
        self._busy: set[int] = set()
        self._pool = ThreadPoolExecutor(AT_A_TIME, "deliver")

    def run(self) -> None:
        """Looks, and sends."""
        forgot_utc = 0.0
        while not self._is_over.is_set():
            with contextlib.suppress(Failure):  # the database is away: those who ask for pages say so
                self._round()
                if self._now_utc() - forgot_utc > FORGET_S:
                    forget(self._store, self._now_utc())
                    forgot_utc = self._now_utc()
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def wake(self) -> None:
        """Has it look at once: something is to be told."""
        self._wake.set()

    def end(self) -> None:
        """Has what is being sent finish within a while; whoever comes next sends it otherwise."""
        self._is_over.set()
        self._wake.set()
        until_s = time.monotonic() + _END_S
        self.join(_END_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._busy and time.monotonic() < until_s:
            time.sleep(0.05)

    def _round(self) -> None:
        tell_late(self._store, self._now_utc())
        while len(self._busy) < AT_A_TIME and not self._is_over.is_set():
            with self._store.reading() as connection:
                if not is_any_due(connection, self._ways.kinds, self._now_utc()):
                    return
            claimed = _claimed(self._store, self._ways, self._busy.copy(), self._now_utc())
            if claimed is None:
                return
            self._busy.add(claimed[1].id)
            self._pool.submit(self._send, *claimed)

    def _send(self, delivery: Delivery, channel: Channel) -> None:
        try:
            _sent(self._store, self._ways, delivery, channel, self._now_utc)
        except Failure:  # the database went meanwhile: it is sent again
            pass
        finally:
            self._busy.discard(channel.id)
            self._wake.set()


def _claimed(store: Store, ways: Ways, busy: Collection[int], now_utc: float) -> tuple[Delivery, Channel] | None:
    with store.writing() as connection:
        delivery = claim(connection, ways.kinds, busy, now_utc)
        channel = None if delivery is None else channel_of_id(connection, delivery.channel_id)
    return None if delivery is None or channel is None else (delivery, channel)


def _sent(store: Store, ways: Ways, delivery: Delivery, channel: Channel, now_utc: Callable[[], float]) -> Tried:
    try:
        tell(ways, channel, delivery, now_utc())
    except Untaken as error:
        trouble, is_gone, pause_s = str(error), error.is_gone, error.retry_after_s
    except Exception as error:  # of a library for some service: this message must not stop the others
        trouble, is_gone, pause_s = f"{type(error).__name__}", False, None
    else:
        with store.writing() as connection:
            taken(connection, delivery, now_utc())
        return Tried(delivery, channel, None)
    with store.writing() as connection:
        failed(connection, delivery, trouble, now_utc(), pause_s, is_gone)
    return Tried(delivery, channel, trouble)


def _mail(ways: Ways, channel: Channel, delivery: Delivery) -> None:
    if ways.mail is None:
        raise Untaken("there is no mail server: --smtp")
    said = delivery.payload
    send_mail(ways.mail, message_to(ways.mail, channel.target, said["title"], said["text"], f"event.{delivery.uid}"))


def _publish(ways: Ways, channel: Channel, delivery: Delivery) -> None:
    access = ways.broker
    if access is None:
        raise Untaken("there is no broker: --broker")
    event = {"id": delivery.uid, "event_type": delivery.event, **body(delivery)}

    async def publish() -> None:
        try:
            async with access.connect() as connection:
                topic, entity = home_assistant_event(channel)
                await connection.publish(topic, json.dumps(entity).encode(), is_retained=True)
                await connection.publish(channel.target, json.dumps(event).encode())
        except CONNECTION_ERRORS as error:
            raise Untaken(without_secrets(await access.why(error))) from error

    run_on_loop(publish())


def home_assistant_event(channel: Channel) -> tuple[str, dict[str, Any]]:
    """The topic and the content by which Home Assistant knows a channel: https://www.home-assistant.io/integrations/event.mqtt/."""
    name = f"hymio_channel_{channel.id}"
    return f"{HOME_ASSISTANT}/event/{name}/config", {
        "name": channel.name,
        "unique_id": name,
        "state_topic": channel.target,
        "event_types": list(EVENTS),
        "icon": "mdi:emoticon-sad",
        "device": {"ids": ["hymio_channels"], "name": "hymio", "mf": "hymio"},
        "origin": {"name": "hymio", "sw": __version__},
        "qos": 1,
    }


def _notify(channel: Channel, delivery: Delivery) -> None:
    service = notifier(channel.target)
    if not service.notify(body=delivery.payload["text"], title=delivery.payload["title"]):
        raise Untaken("Apprise could not deliver it")


def notifier(url: str) -> Any:
    """Apprise, ready for one address.

    Raises:
        Failure: 2, the extra is not installed, or Apprise knows no such address.
    """
    try:
        import apprise
    except ModuleNotFoundError as error:
        raise missing_extra("notify", error) from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it tells addresses, which hold secrets
    service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, app_id="hymio"))
    if not service.add(url):
        raise Failure(
            WRONG_USE,
            f"--apprise: Apprise knows no address that begins with {url.partition('://')[0][:20]}:// and goes on so.",
            "How they are written: https://github.com/caronc/apprise/wiki.",
        )
    return service
