"""Log-in by OpenID Connect: an issuer that the organisation has already says who somebody is.

Authorization code with PKCE, and a nonce; what the issuer says is believed once its signature, audience and time are
right. It makes no accounts: whoever is to come in this way has one here, by the address that the issuer has verified.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hymio.common.clients import is_loopback_name
from hymio.common.errors import WRONG_USE, Failure
from hymio.common.extras import missing_extra
from hymio.common.hidden_passwords import hide

BACK: Final = "/login/oidc/back"
"""Where the issuer sends people back to; it has to be told of this address of ours."""
LASTS_S: Final = 600.0
"""How long somebody may take to log in there."""
_TIMEOUT_S: Final = 10.0
_METADATA_S: Final = 3600.0
"""How long what an issuer tells of itself is believed."""
_AGAIN_S: Final = 5.0
"""How long an issuer that has failed is not asked again."""
_LEEWAY_S: Final = 60
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the issuer can make; with the others our own secret could."""
_FILE_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """What a file for --oidc says."""

    issuer: str
    client_id: str
    client_secret: str
    url: str
    """Our own address, as people type it: the beginning of where the issuer sends them back to."""
    name: str
    """What it is called on the button."""
    ca: str | None
    """A PEM file of the CA of the issuer's certificate; None: one that the computer knows."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the issuer has vouched for."""

    issuer: str
    subject: str
    email: str | None
    """Only if the issuer has verified it."""


class OidcRefused(Exception):
    """The issuer does not vouch for whoever came, or can't be believed; the reason is for who runs this."""


def read_oidc(path: Path) -> OidcSettings:
    """The settings in a file.

    Raises:
        Failure: 2, it can't be read, or something in it is wrong.
    """
    hint = "host/spec/pages.md shows a whole file."
    try:
        with path.open("rb") as file:
            said = tomllib.loads(file.read(_FILE_MAX).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise Failure(WRONG_USE, f"--oidc: {path} can't be read: {what}.", hint) from error
    wanted = {"issuer", "client_id", "client_secret", "url"}
    for key in said.keys() - wanted - {"name", "ca"}:
        raise Failure(WRONG_USE, f"{path}: {key} is no key of it.", hint)
    for key in sorted(wanted | said.keys()):
        if not isinstance(said.get(key), str) or not said[key].strip():
            raise Failure(WRONG_USE, f"{path}: {key}: expected a text, came {said.get(key)!r}.", hint)
    hide(said["client_secret"])
    for key in ("issuer", "url"):
        parts = urlsplit(said[key])
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_name(parts.hostname or "")):
            raise Failure(WRONG_USE, f"{path}: {key}: expected an address with https://, came {said[key]!r}.", hint)
    if "ca" in said and not Path(said["ca"]).is_file():
        raise Failure(WRONG_USE, f"{path}: ca: there is no file {said['ca']}.", hint)
    return OidcSettings(
        said["issuer"],
        said["client_id"],
        said["client_secret"],
        said["url"].rstrip("/"),
        said.get("name", urlsplit(said["issuer"]).hostname or said["issuer"]),
        said.get("ca"),
    )


class Oidc:
    """Asks one issuer."""

    def __init__(self, settings: OidcSettings, now_utc: Callable[[], float] = time.time) -> None:
        """Asks nothing yet.

        Raises:
            Failure: 2, the extra `serve` is not installed.
        """
        try:
            from authlib.integrations.requests_client import OAuth2Session
        except ModuleNotFoundError as error:
            raise missing_extra("serve", error) from error
        self._sessions = OAuth2Session
        self.settings, self._now_utc = settings, now_utc
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._lock, self._ask_again_utc = threading.Lock(), 0.0

    def begin(self, next_page: str) -> tuple[str, str]:
        """Where somebody logs in, and what the browser keeps meanwhile (signed by whoever sets the cookie)."""
        metadata = self._about()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(18)
        with self._session() as session:
            url, state = session.create_authorization_url(
                metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
        kept = {"state": state, "verifier": verifier, "nonce": nonce, "next": next_page, "at": int(self._now_utc())}
        return url, json.dumps(kept)

    def finish(self, kept: str, query: Mapping[str, str]) -> tuple[Vouched, str]:
        """Who has come back, and which page was wanted.

        Args:
            kept: what `begin` gave the browser.
            query: of the address at which it came back.

        Raises:
            OidcRefused: it was too long ago, was not begun here, or the issuer does not vouch for anybody.
        """
        begun = json.loads(kept)
        if not 0 <= self._now_utc() - begun["at"] <= LASTS_S:
            raise OidcRefused("it took too long")
        if query.get("state") != begun["state"] or "code" not in query:
            raise OidcRefused(f"came back with {query.get('error', 'another state')}"[:200])
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError
        from requests.exceptions import RequestException

        try:
            metadata = self._about()
            with self._session() as session:
                token = session.fetch_token(
                    metadata["token_endpoint"],
                    code=query["code"],
                    code_verifier=begun["verifier"],
                    timeout=_TIMEOUT_S,
                )
                claims = self._claims(session, metadata, token, begun["nonce"])
        except (AuthlibBaseError, JoseError, RequestException, ValueError, KeyError, TypeError) as error:
            raise OidcRefused(f"{type(error).__name__}: {error}"[:200]) from error
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Vouched(self.settings.issuer, str(claims["sub"]), email), str(begun["next"])

    def _claims(self, session: Any, metadata: Mapping[str, Any], token: Any, nonce: str) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        found = session.get(metadata["jwks_uri"], withhold_token=True, timeout=_TIMEOUT_S)
        found.raise_for_status()
        registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
        decoded = jwt.decode(token["id_token"], KeySet.import_key_set(found.json()), registry=registry)
        wanted = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
        }
        given = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": token.get("access_token")}
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, given)
        claims.validate(now=int(self._now_utc()), leeway=_LEEWAY_S)
        return dict(claims)

    def _session(self) -> Any:
        session = self._sessions(
            self.settings.client_id,
            self.settings.client_secret,
            scope="openid email",
            redirect_uri=self.settings.url + BACK,
            code_challenge_method="S256",
            response_type="code",
        )
        session.verify = self.settings.ca or True
        return session

    def _about(self) -> Mapping[str, Any]:
        """What the issuer tells of itself.

        Raises:
            OidcRefused: nothing, or it is somebody else.
        """
        if self._metadata is not None and self._now_utc() - self._metadata[0] < _METADATA_S:
            return self._metadata[1]
        # One asks at a time, and not again at once: an issuer that is away must not hold up everything else.
        if self._now_utc() < self._ask_again_utc or not self._lock.acquire(blocking=False):
            raise OidcRefused("it did not answer a moment ago")
        try:
            self._ask_again_utc = self._now_utc() + _AGAIN_S
            metadata = self._fetched()
            self._metadata, self._ask_again_utc = (self._now_utc(), metadata), 0.0
            return metadata
        finally:
            self._lock.release()

    def _fetched(self) -> Mapping[str, Any]:
        from requests.exceptions import RequestException

        try:
            with self._session() as session:
                url = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = session.get(url, withhold_token=True, timeout=_TIMEOUT_S)
                found.raise_for_status()
                metadata = dict(found.json())
        except (RequestException, ValueError, TypeError) as error:
            raise OidcRefused(f"{type(error).__name__}: {error}"[:200]) from error
        if metadata.get("issuer") != self.settings.issuer:
            raise OidcRefused(f"it calls itself {metadata.get('issuer')!r}"[:200])
        missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - metadata.keys()
        if missing:
            raise OidcRefused(f"it does not tell its {min(missing)}")
        return metadata
