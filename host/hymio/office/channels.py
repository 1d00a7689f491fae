"""`hymio channel`: ways to tell people and programs, made, shown, tried and ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from hymio.common.addresses import address_in
from hymio.common.errors import BROKEN_OFF, WRONG_USE, Failure
from hymio.common.hidden_passwords import hide
from hymio.common.output import console, note, print_json, print_line
from hymio.locale.language import language_of
from hymio.locale.sentence import _
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import access_to
from hymio.office.deliver import Untaken, Ways, notifier, tell
from hymio.office.numbered import numbered_or_named
from hymio.office.report_rounds import MailOptions
from hymio.office.site import chosen_place, chosen_site
from hymio.store.audit import record
from hymio.store.channels import (
    Channel,
    ChannelError,
    ChannelKind,
    ChannelWish,
    channel_values,
    end_channel,
    make_channel,
    stored_channels,
)
from hymio.store.database import open_store
from hymio.store.deliveries import Delivery, counts_of
from hymio.store.sites import StoredSite, load_sites


def ways_of(mail: MailOptions, broker: str | None, broker_tls: TlsFiles) -> Ways:
    """By what messages can go, of the options of a command line.

    Raises:
        Failure: 2, they can't be used.
    """
    return Ways(mail.server(), None if broker is None else access_to(broker, broker_tls))


def run_add(
    db: str,
    name: str,
    targets: Mapping[str, str | None],
    events: Sequence[str],
    place: str | None,
    language: str,
    organisation: str | None,
    as_json: bool,
) -> None:
    """Makes a channel; of a webhook its secret is printed alone on stdout, what is to be said of it on stderr.

    Args:
        db: the database.
        name: who or what is told.
        targets: by kind, of which one is given.
        events: of what it tells.
        place: key; None: all of the organisation.
        language: of what people read.
        organisation: key; None: the only one.
        as_json: for programs.

    Raises:
        Failure: 2, there is no such organisation or place, or something about it is not as it has to be.
    """
    given = {kind: target for kind, target in targets.items() if target is not None}
    if len(given) != 1:
        came = " and ".join(f"--{kind}" for kind in given) or "none of them"
        raise Failure(
            WRONG_USE,
            f"Expected one of --email, --webhook, --mqtt and --apprise, came {came}.",
            "A channel is one way; make another one for the other.",
        )
    [(kind_name, target)] = given.items()
    kind = ChannelKind(kind_name)
    if kind in (ChannelKind.WEBHOOK, ChannelKind.APPRISE):
        target = address_in(target, f"--{kind}")
        hide(target)
    if kind is ChannelKind.APPRISE:
        notifier(target)
    wish = ChannelWish(name, kind, target, events, language, may_be_inside=True)
    store = open_store(db)
    try:
        with store.writing() as connection:
            stored = chosen_site(load_sites(connection), organisation)
            node_id = chosen_place(stored, place, "--place")
            try:
                channel = make_channel(connection, stored.id, node_id, wish, None, time.time())
            except ChannelError as error:
                raise Failure(WRONG_USE, str(error), "`hymio channel add --help` shows examples.") from None
    finally:
        store.close()
    if as_json:
        print_json({**_line(channel, stored, (0, 0, 0)), "secret": channel.secret})
    elif channel.secret is not None:
        print_line(channel.secret)
        note(f"By it the messages of channel {channel.id} ({channel.name}) are signed. It is shown this once.")
    else:
        print_line(f"Channel {channel.id} ({channel.name}): {channel.shown_target}.")


def run_list(db: str, as_json: bool) -> None:
    """Shows all channels that there ever were, with the beginnings of their addresses."""
    store = open_store(db)
    try:
        with store.reading() as connection:
            sites = {stored.id: stored for stored in load_sites(connection)}
            counts = counts_of(connection)
            found = [
                _line(one, sites[one.organisation_id], counts.get(one.id, (0, 0, 0)))
                for one in stored_channels(connection)
            ]
    finally:
        store.close()
    if as_json:
        print_json({"channels": found})
        return
    if not found:
        note("There are no channels. `hymio channel add` makes one.")
        return
    from rich.table import Table

    table = Table("id", "name", "of", "kind", "to", "tells of", "taken", "waiting", "given up", "state", box=None)
    for row in found:
        table.add_row(
            str(row["id"]), row["name"], row["place"] or row["organisation"], row["kind"], row["target"],
            ", ".join(row["events"]), str(row["taken"]), str(row["waiting"]), str(row["dead"]),
            "ended" if row["ended_utc"] else "in use",
        )  # fmt: skip
    console().print(table)


def run_test(db: str, wanted: str, ways: Ways, as_json: bool) -> None:
    """Sends a message that says that it is a test.

    Raises:
        Failure: 2, there is no such channel, or it has ended; 6, the message was not taken.
    """
    store = open_store(db)
    try:
        with store.reading() as connection:
            channel = _wanted(list(stored_channels(connection)), wanted)
    finally:
        store.close()
    if channel.ended_utc is not None:
        raise Failure(WRONG_USE, f"Channel {channel.id} ({channel.name}) has ended.", "Make another one.")
    language = language_of(channel.locale)
    payload = {
        "title": language.say(_("A test of the channel %(name)s", name=channel.name)),
        "text": language.say(_("Nothing has happened. Somebody wanted to know whether this arrives.")),
    }
    now = time.time()
    uid, subject = str(uuid.uuid4()), f"channel {channel.id}"
    delivery = Delivery(0, uid, channel.id, "channel.test", subject, payload, now, None, 1, None, None, None)
    try:
        tell(ways, channel, delivery, now)
    except Untaken as error:
        raise Failure(
            BROKEN_OFF, f"{channel.shown_target} has not taken the message: {error}.", "Mend that and try again."
        ) from error
    if as_json:
        print_json({"id": channel.id, "name": channel.name, "uid": delivery.uid})
    else:
        print_line(f"{channel.shown_target} has taken the message.")


def run_remove(db: str, wanted: str, as_json: bool) -> None:
    """Ends a channel.

    Raises:
        Failure: 2, there is none of that number or name, or there are several.
    """
    now = time.time()
    store = open_store(db)
    try:
        with store.writing() as connection:
            channel = _wanted(list(stored_channels(connection)), wanted)
            if channel.ended_utc is None:
                end_channel(connection, channel.id, now)
                record(connection, "channel.remove", {"id": channel.id, "name": channel.name})
    finally:
        store.close()
    if as_json:
        print_json({"id": channel.id, "name": channel.name, "ended_utc": channel.ended_utc or now})
    else:
        print_line(f"Channel {channel.id} ({channel.name}) tells nobody any more.")


def _wanted(channels: Sequence[Channel], wanted: str) -> Channel:
    return numbered_or_named(channels, wanted, lambda one: one.ended_utc is None, "channel")


def _line(channel: Channel, stored: StoredSite, counts: tuple[int, int, int]) -> dict[str, Any]:
    """Of one that may have ended, too."""
    return {**channel_values(channel, stored, counts), "ended_utc": channel.ended_utc}
