"""`hymio pki renew` at the office's side: which terminals are due, what is made for them, what the register keeps."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from schema_check import check
from test_orders import ScriptedSession, online
from test_pki import issue

from hymio.common.errors import ANSWER_NO, ANSWERED_ERROR, DONE, NO_TERMINAL, WRONG_USE, Failure
from hymio.mqtt.broker_tls import TlsFiles
from hymio.office import renew
from hymio.pki.authority import now_utc, run_init, run_revoke
from hymio.pki.files import PkiDirectory
from hymio.pki.listing import known_certificates, state_of


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A CA; the certificates of till-1 and till-2 end in ten days, that of till-3 in a year."""
    directory = tmp_path / "pki"
    run_init(directory, "hymio", 7300, as_json=True)
    for name, days in (("till-1", 10), ("till-2", 10), ("till-3", 365)):
        issue(directory, name, days=days)
    return directory


class Office:
    """Runs the command, with terminals that answer as they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.session = ScriptedSession()
        self._capsys = capsys

        @contextlib.asynccontextmanager
        async def open_session(*_: Any) -> AsyncIterator[ScriptedSession]:
            asyncio.get_running_loop().time = lambda: self.session.now_s  # type: ignore[method-assign]
            yield self.session

        monkeypatch.setattr(renew, "open_session", open_session)

    def renew(
        self, pki: Path, device_id: str | None = None, broker: str | None = "mqtt://broker", **answers: dict[str, Any]
    ) -> tuple[int, dict[str, str]]:
        """(exit status, outcome by terminal) of a round in which these terminals are there (with _ for -)."""
        names = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.session = ScriptedSession(*(online(name) for name in names))
        self.session.answers = {name: [(1, answer)] for name, answer in names.items() if answer}
        self._capsys.readouterr()
        expiring = None if device_id else "30d"
        status = renew.run_renew(pki, device_id, expiring, broker, TlsFiles(), None, "15m", True)
        said = check("pki-renew", self._capsys.readouterr().out)["renewals"]
        return status, {one["device_id"]: one["outcome"] for one in said}


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(monkeypatch, capsys)


def states(pki: Path, name: str) -> list[str]:
    entries = known_certificates(pki)
    return [state_of(entry, entries, now_utc()) for entry in entries if entry.name == name]


def certificate(pki: Path, name: str, file: str = "cert.der") -> x509.Certificate:
    return x509.load_der_x509_certificate((PkiDirectory(pki).issued(name) / file).read_bytes())


OK = {"ok": True}


def test_those_that_are_due_get_one_for_the_key_that_they_have(pki: Path, office: Office) -> None:
    old = certificate(pki, "till-1")
    key = (PkiDirectory(pki).issued("till-1") / "key.der").read_bytes()
    assert office.renew(pki, till_1=OK, till_2=OK) == (DONE, {"till-1": "renewed", "till-2": "renewed"})
    new = certificate(pki, "till-1")
    assert new.public_key() == old.public_key() and new.subject == old.subject
    assert new.serial_number != old.serial_number and new.not_valid_after_utc > old.not_valid_after_utc
    new.verify_directly_issued_by(x509.load_pem_x509_certificate((pki / "ca.pem").read_bytes()))
    assert x509.load_pem_x509_certificate((PkiDirectory(pki).issued("till-1") / "cert.pem").read_bytes()) == new
    assert (PkiDirectory(pki).issued("till-1") / "key.der").read_bytes() == key
    assert states(pki, "till-1") == ["renewed", "good"]
    assert office.renew(pki) == (DONE, {}), "nobody is due any more"
    sent = json.dumps([order for _, _, order in office.session.orders])
    assert "PRIVATE" not in sent


def test_what_was_not_answered_for_is_offered_again_and_no_other_is_made(pki: Path, office: Office) -> None:
    old = certificate(pki, "till-1")
    assert office.renew(pki, till_1={}, till_2=OK) == (NO_TERMINAL, {"till-1": "silent", "till-2": "renewed"})
    assert certificate(pki, "till-1") == old, "nobody knows which one it has"
    assert states(pki, "till-1") == ["expiring", "offered"]
    offered = certificate(pki, "till-1", "offered.der")
    assert office.renew(pki) == (NO_TERMINAL, {"till-1": "away"})
    refusal = {"ok": False, "error": "rolled back: no ack in 10 minutes"}
    assert office.renew(pki, till_1=refusal) == (ANSWERED_ERROR, {"till-1": "refused"})
    assert states(pki, "till-1") == ["expiring", "refused"]
    assert office.renew(pki, till_1=OK) == (DONE, {"till-1": "renewed"})
    assert certificate(pki, "till-1") == offered and states(pki, "till-1") == ["renewed", "good"]


def test_one_that_was_only_offered_can_be_revoked_with_the_others(pki: Path, office: Office) -> None:
    office.renew(pki, till_1={})
    run_revoke(pki, "till-1", True)
    assert states(pki, "till-1") == ["revoked", "revoked"]
    assert office.renew(pki, till_2=OK) == (DONE, {"till-2": "renewed"}), "and is not due any more"


def test_what_is_wrong_with_one_keeps_no_other_from_its_own(pki: Path, office: Office) -> None:
    (PkiDirectory(pki).issued("till-1") / "cert.pem").unlink()
    assert office.renew(pki, till_2=OK) == (ANSWER_NO, {"till-1": "failed", "till-2": "renewed"})


def test_others_that_are_due_are_named(pki: Path, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    issue(pki, collector="office", days=5)
    capsys.readouterr()
    renew.run_renew(pki, None, "20d", None, TlsFiles(), None, "1s", False)
    said = capsys.readouterr()
    assert "office" in said.err and "till-1" in said.out and "till-3" not in said.out


def test_without_a_broker_it_is_made_for_the_cable(pki: Path, office: Office) -> None:
    old = certificate(pki, "till-3")
    assert office.renew(pki, "till-3", broker=None) == (DONE, {"till-3": "issued"})
    assert certificate(pki, "till-3").public_key() == old.public_key()
    assert states(pki, "till-3") == ["renewed", "good"]


def test_what_can_not_be_renewed(pki: Path, tmp_path: Path, office: Office) -> None:
    with pytest.raises(Failure, match="has no certificate that could be renewed") as caught:
        office.renew(pki, "till-9")
    assert caught.value.exit_status == WRONG_USE
    short = tmp_path / "short"
    run_init(short, "short", 20, as_json=True)
    issue(short, "till-1")
    with pytest.raises(Failure, match="would end no later"):
        office.renew(short, "till-1")
    with pytest.raises(Failure, match="either DEVICE_ID or --expiring"):
        renew.run_renew(pki, "till-1", "30d", None, TlsFiles(), None, "1s", True)
