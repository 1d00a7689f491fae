"""What an invitation says, in the language of whoever gets it: our own words, or those of a template."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from pathlib import Path
from typing import Any, Final

from hymio.common.errors import WRONG_USE, Failure
from hymio.common.text_files import SAVE_AS_UTF8
from hymio.locale.language import LOCALES, Language
from hymio.locale.sentence import Sentence, _
from hymio.office.mail import MailServer, message_to
from hymio.site.read import read_bounded

_WORDS: Final = ("name", "place", "organisation", "question", "link")
_KEYS: Final = ("subject", "text", "reminder_subject", "reminder_text")
_WORD: Final = re.compile(r"\{(\w+)\}")
_LENGTH_MAX: Final = {"subject": 150, "text": 5000, "reminder_subject": 150, "reminder_text": 5000}

Template = Mapping[str, Mapping[str, str]]
"""Texts (`subject`, `text`, and perhaps `reminder_subject`, `reminder_text`) by the code of a language."""


@dataclass(frozen=True, slots=True)
class InviteWords:
    """Who is asked what. name: of the person, None if nobody knows; link: where they answer; stop: and unsubscribe."""

    name: str | None
    place: str
    organisation: str
    question: str
    link: str
    stop: str
    is_reminder: bool


def read_template(path: Path) -> Template:
    """The texts of a TOML file.

    Raises:
        Failure: 2, it can't be read, or what is wrong with it: all of it at once.
    """
    text = read_bounded(path, SAVE_AS_UTF8)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Failure(WRONG_USE, f"{path} is not TOML: {error}.", "Mend it. Nothing was changed.") from error
    faults = [f"{path}: {said}" for said in _faults(values)]
    if faults:
        hint = "A template has a table for each language, [en], with subject and text, and {link} in the text."
        raise Failure(WRONG_USE, "\n".join(faults), hint)
    return values


def _faults(values: dict[str, Any]) -> list[str]:
    found = []
    if not values:
        found.append("expected a table for a language, came none.")
    for code, texts in values.items():
        if code not in LOCALES or not isinstance(texts, dict):
            found.append(f"{code}: expected a table named {', '.join(LOCALES)}, came {code!r}.")
            continue
        for key in _KEYS:
            text = texts.get(key)
            if text is None:
                if not key.startswith("reminder"):
                    found.append(f"{code}.{key}: expected a text, came nothing.")
            elif not isinstance(text, str) or not 1 <= len(text.strip()) <= _LENGTH_MAX[key]:
                found.append(f"{code}.{key}: expected a text of 1 to {_LENGTH_MAX[key]} characters, came another.")
            else:
                words = _WORD.findall(text)
                found += [
                    f"{code}.{key}: expected {{{'}, {'.join(_WORDS)}}}, came {{{word}}}."
                    for word in words
                    if word not in _WORDS
                ]
                if key.endswith("text") and "link" not in words:
                    found.append(f"{code}.{key}: expected {{link}} in it, came none.")
        found += [
            f"{code}.{key}: expected one of {', '.join(_KEYS)}, came {key!r}." for key in texts if key not in _KEYS
        ]
    return found


def said(words: InviteWords, language: Language, template: Template | None) -> tuple[str, str]:
    """Subject and text of a message, the text without how to unsubscribe."""
    own = (template or {}).get(language.code)
    if own is None:
        subject, text = _our_words(words)
        return language.say(subject), "\n\n".join(language.say(part) for part in text)
    kind = "reminder_" if words.is_reminder else ""
    return _filled(own.get(f"{kind}subject", own["subject"]), words), _filled(
        own.get(f"{kind}text", own["text"]), words
    )


def _filled(text: str, words: InviteWords) -> str:
    # Nobody is greeted by a blank.
    if words.name is None:
        text = re.sub(r" ?\{name\}", "", text)
    return _WORD.sub(lambda found: str(getattr(words, found[1])), text).strip()


def _our_words(words: InviteWords) -> tuple[Sentence, list[Sentence]]:
    hello = _("Hello,") if words.name is None else _("Hello %(name)s,", name=words.name)
    asks = _(
        "%(organisation)s would like to know: %(question)s", organisation=words.organisation, question=words.question
    )
    if words.is_reminder:
        subject = _("May we still ask you? %(organisation)s", organisation=words.organisation)
        why = _("A few days ago we asked you how it was at %(place)s. We do not ask again.", place=words.place)
    else:
        subject = _("How was it? %(organisation)s", organisation=words.organisation)
        why = _("You were with us lately: %(place)s.", place=words.place)
    answer = _("It takes a minute, and the link is yours alone: %(link)s", link=words.link)
    return subject, [hello, why, asks, answer]


def _goodbye(words: InviteWords, language: Language) -> str:
    return language.say(
        _(
            "This came from %(organisation)s. If you do not want to be asked any more: %(stop)s",
            organisation=words.organisation,
            stop=words.stop,
        )
    )


def plain_message(words: InviteWords, language: Language, template: Template | None) -> tuple[str, str]:
    """Subject and text for whatever else takes messages to people: SMS, chats."""
    subject, text = said(words, language, template)
    return subject, f"{text}\n\n{_goodbye(words, language)}"


class _WholeLink(EmailPolicy):
    """Writes List-Unsubscribe as it is.

    The default policy makes encoded words of a link that does not fit a line, which a mail service does not take for
    one (findings/python-mail-hides-list-unsubscribe.sh).
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Is called for each header."""
        if name == "List-Unsubscribe":
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def invitation_mail(
    server: MailServer, recipient: str, name: str, words: InviteWords, language: Language, template: Template | None
) -> EmailMessage:
    """The message, as text and as HTML; with one click a mail program unsubscribes (RFC 8058).

    Args:
        server: by which it will go.
        recipient: an e-mail address.
        name: by which it is told from all others.
        words: what it tells.
        language: in which.
        template: what it says; None: what we say.
    """
    subject, text = said(words, language, template)
    goodbye = _goodbye(words, language)
    message = message_to(server, recipient, subject, f"{text}\n\n-- \n{goodbye}\n", name)
    message.policy = _WholeLink()
    del message["From"]
    message["From"] = Address(words.organisation, addr_spec=server.sender)
    message["List-Unsubscribe"] = f"<{words.stop}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.add_alternative(_page(subject, text, goodbye, words, language), subtype="html")
    return message


def _page(subject: str, text: str, goodbye: str, words: InviteWords, language: Language) -> str:
    """No pictures, nothing from elsewhere: whether somebody reads it is theirs to tell."""
    paragraphs = "".join(
        f"<p>{_linked(part, words.link).replace(chr(10), '<br>')}</p>" for part in re.split(r"\n\s*\n", text)
    )
    return (
        f'<!doctype html><html lang="{language.code}"><head><meta charset="utf-8"><title>{html.escape(subject)}</title>'
        '</head><body style="font:16px/1.5 sans-serif;color:#1d2327;max-width:36em">'
        f'{paragraphs}<p style="font-size:13px;color:#55606a">{_linked(goodbye, words.stop)}</p></body></html>'
    )


def _linked(text: str, link: str) -> str:
    address = html.escape(link)
    return html.escape(text).replace(address, f'<a href="{address}">{address}</a>')
