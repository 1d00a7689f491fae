"""Sends invitations and reminders that are due, one after another, no more in a minute than is wished."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hymio.common.errors import Failure
from hymio.common.output import note
from hymio.locale.language import language_of
from hymio.office.invite_texts import InviteWords, invitation_mail, plain_message
from hymio.office.mail import MailServer, MailTrouble, send_mail
from hymio.pages.invited import PATH, STOP
from hymio.site.model import places_of
from hymio.store.database import Store
from hymio.store.invitations import (
    EMAIL,
    LINK,
    TRIES_MAX,
    Due,
    Links,
    bounced,
    claim,
    due,
    end_what_is_over,
    failed,
    put_back,
    went,
)
from hymio.store.sites import StoredSite, load_sites

RATE: Final = 60
"""Messages in a minute, where nothing else is wished: more from one sender is often taken for spam."""
ROUND_S: Final = 10.0
AT_ONCE: Final = 100
"""So many are read at a time."""
_AWAY_S: Final = 300.0
"""So long after nobody was there to take messages it is tried again."""
_AGAIN_S: Final = 300.0
"""So long after it failed the first time a message is tried again, and then four times as long each time."""
_END_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class InviteWays:
    """By what messages can go; mail: None is nobody, so those by e-mail wait."""

    mail: MailServer | None = None

    @property
    def names(self) -> Sequence[str]:
        """Of those that there are, as `Due.via` has them."""
        has_apprise = importlib.util.find_spec("apprise") is not None
        return [*([EMAIL] if self.mail else []), *([LINK] if has_apprise else [])]


@dataclass(frozen=True, slots=True)
class InviteOutcome:
    """What became of a message. trouble: why it did not go; None: it went. is_final: it is not tried again."""

    message: Due
    trouble: str | None = None
    is_final: bool = False


class NobodyThere(Exception):
    """Nobody takes any message now; args[0] says why."""


def send_invitations(
    store: Store,
    ways: InviteWays,
    rest: Callable[[float], object] = time.sleep,
    rate: float = RATE,
    now_utc: Callable[[], float] = time.time,
) -> Iterator[InviteOutcome]:
    """Sends what is due, the longest due first, until nothing is.

    Each message goes once: whoever sends it has taken it upon himself in the database before, and says there when it is
    gone. Only if one is killed between the moment when the other side has taken it and that word, it goes once more,
    under the same name.

    Args:
        store: the database.
        ways: by what messages go; others wait.
        rest: waits so many seconds.
        rate: messages in a minute, above 0.
        now_utc: the time.

    Raises:
        NobodyThere: the mail server takes nothing now; what was tried is tried again after a while.
    """
    while messages := _next(store, ways, now_utc()):
        with store.reading() as connection:
            sites = {stored.id: stored for stored in load_sites(connection)}
            links = Links.of(connection)
        for message in messages:
            with store.writing() as connection:
                claimed_utc = claim(connection, message, now_utc())
            if claimed_utc is not None:
                yield _sent(store, ways, message, _words(message, sites[message.organisation_id], links), claimed_utc,
                            now_utc)  # fmt: skip
                rest(60 / rate)


def _next(store: Store, ways: InviteWays, now_utc: float) -> list[Due]:
    with store.reading() as connection:
        if not due(connection, now_utc, 1, ways.names):
            return []
    with store.writing() as connection:
        end_what_is_over(connection, now_utc)
        return due(connection, now_utc, AT_ONCE, ways.names)


def _words(message: Due, stored: StoredSite, links: Links) -> InviteWords:
    site = stored.site
    address, language = f"{message.url}{PATH}/{links.secret(message.uid)}", f"?lang={message.locale}"
    survey = next(one for one in site.surveys if one.key == stored.survey_keys[message.survey_id])
    texts = next(one.texts for one in site.questions if one.key == survey.question)
    question = next(texts[locale] for locale in (message.locale, site.organisation.locale, *texts) if locale in texts)
    place = places_of(site).by_key[stored.node_keys[message.node_id]].name
    return InviteWords(
        message.name,
        place,
        site.organisation.name,
        question,
        address + language,
        address + STOP + language,
        message.is_reminder,
    )


def _sent(
    store: Store, ways: InviteWays, message: Due, words: InviteWords, claimed_utc: float, now_utc: Callable[[], float]
) -> InviteOutcome:
    try:
        _give(ways, message, words)
    except MailTrouble as error:
        trouble = str(error)
        with store.writing() as connection:
            if error.is_of_server:
                put_back(connection, message, claimed_utc, trouble, now_utc() + _AWAY_S)
            elif error.is_of_recipient:
                bounced(connection, message.uid, trouble, now_utc())
            else:
                pause_s = None if message.tries + 1 >= TRIES_MAX else _AGAIN_S * 4**message.tries
                failed(connection, message, claimed_utc, trouble, None if pause_s is None else now_utc() + pause_s)
        if error.is_of_server:
            raise NobodyThere(trouble) from error
        return InviteOutcome(message, trouble, error.is_of_recipient or message.tries + 1 >= TRIES_MAX)
    with store.writing() as connection:
        went(connection, message, claimed_utc, now_utc())
    return InviteOutcome(message)


def _give(ways: InviteWays, message: Due, words: InviteWords) -> None:
    language = language_of(message.locale)
    if message.via == EMAIL:
        assert ways.mail is not None, "it would wait"
        send_mail(
            ways.mail,
            invitation_mail(ways.mail, message.address, message.message_name, words, language, message.template),
        )
        return
    from hymio.office.deliver import notifier

    subject, text = plain_message(words, language, message.template)
    try:
        is_taken = notifier(message.address).notify(body=text, title=subject)
    except Exception as error:  # of a library for some service: this message must not stop the others
        raise MailTrouble(type(error).__name__) from error
    if not is_taken:
        raise MailTrouble("Apprise could not deliver it")


class InvitationRounds(threading.Thread):
    """Sends as long as `hymio serve` runs, from `start` to `end`."""

    def __init__(self, store: Store, ways: InviteWays, now_utc: Callable[[], float] = time.time) -> None:
        """Takes the database, and by what messages can go."""
        super().__init__(name="invitations", daemon=True)
        self._store, self._ways, self._now_utc = store, ways, now_utc
        self._is_over = threading.Event()
        self._told = ""

    def run(self) -> None:
        """Looks every `ROUND_S`."""
        while not self._is_over.is_set():
            try:
                for _outcome in send_invitations(self._store, self._ways, self._is_over.wait, now_utc=self._now_utc):
                    if self._is_over.is_set():
                        break
            except NobodyThere as error:
                self._tell(f"Invitations wait: {error}")
            except Failure:  # the database is away: those who ask for pages say so
                pass
            self._is_over.wait(ROUND_S)

    def end(self) -> None:
        """Has the one that is being sent finish within a while; whoever comes next sends it otherwise."""
        self._is_over.set()
        self.join(_END_S)

    def _tell(self, said: str) -> None:
        """Why nothing can go, once, as long as it is the same."""
        if said != self._told:
            self._told = said
            note(f"{said}.")
