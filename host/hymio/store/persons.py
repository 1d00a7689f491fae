"""Who is who without reading addresses: the same person has the same name in answers, contacts and invitations.

The name is the HMAC-SHA256 of an address as it is normally written, with a key of this database alone: who has a list
of addresses but not the key can't tell who is in it.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from hymio.store.server_keys import PERSONS, make_key, stored_key

ADDRESS_MAX: Final = 254
"""Characters of an e-mail address (RFC 5321, 4.5.3.1.3, less the brackets)."""
OTHER_WAY: Final = "://"
"""Is in the URL of another way to a person than mail and telephone, as Apprise has them."""
_TELEPHONE: Final = re.compile(r"(?:\+|00)?\d{5,15}", re.ASCII)
"""As E.164 has it, without what people write between the digits."""
_BETWEEN_DIGITS: Final = str.maketrans("", "", " \u00a0\u202f-()/.")


def normal_address(typed: str) -> str:
    """An e-mail address or a telephone number as it is the same for everybody who types it.

    Args:
        typed: by a person, in any case, with what people write between the digits of a number.

    Raises:
        ValueError: it is neither.
    """
    address = unicodedata.normalize("NFKC", typed).strip()
    if "@" not in address:
        digits = address.translate(_BETWEEN_DIGITS)
        if not _TELEPHONE.fullmatch(digits):
            raise ValueError(typed)
        return f"+{digits[2:]}" if digits.startswith("00") else digits
    before, _at, host = address.rpartition("@")
    is_plain = not any(sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Cs") for sign in address)
    if not (before and "@" not in before and is_plain and len(address) <= ADDRESS_MAX):
        raise ValueError(typed)
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        raise ValueError(typed) from None
    if "." not in host.strip("."):
        raise ValueError(typed)
    return f"{before.lower()}@{host.lower()}"


def person_of(connection: Connection, address: str, now_utc: float) -> str:
    """By which a person is known, 64 hexadecimal digits; `connection` comes from `Store.writing`.

    Raises:
        ValueError: it is no address.
    """
    return _name(make_key(connection, PERSONS, now_utc), normal_address(address))


def person_behind(connection: Connection, url: str, now_utc: float) -> str:
    """The same of somebody who is reached by a URL as Apprise has them (sms, chats): letter by letter the same one."""
    return _name(make_key(connection, PERSONS, now_utc), url)


def known_person(connection: Connection, address: str) -> str | None:
    """The same where nothing is written, of an address or a URL; None: nobody is known yet.

    Raises:
        ValueError: it is neither.
    """
    normal, key = address if OTHER_WAY in address else normal_address(address), stored_key(connection, PERSONS)
    return None if key is None else _name(key, normal)


def _name(key: bytes, normal: str) -> str:
    return hmac.digest(key, normal.encode(), sha256).hex()
