"""`hymio pki` from outside: what it makes, refuses and remembers, and that nobody gets to see a key."""

from __future__ import annotations

import datetime
import os
import re
import shlex
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from hymio_process import hymio
from schema_check import check

from hymio.common.errors import DONE, WRONG_USE, Failure
from hymio.common.extras import install_command
from hymio.pki import certificates as certificates
from hymio.pki.authority import run_crl, run_init, run_issue, run_revoke
from hymio.pki.files import SECRET_MODE, PkiDirectory, write_file
from hymio.pki.listing import known_certificates, run_list, state_of
from hymio.pki.register import CertificateEntry
from hymio.pki.revocation import end_of_list, reminder

NOW = datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC)
DAY_S = 86400.0


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A CA."""
    directory = tmp_path / "pki"
    run_init(directory, "hymio", 7300, as_json=True)
    return directory


def issue(directory: Path, device_id: str | None = None, **more: Any) -> Path:
    """Issues a certificate and gives the directory of its files."""
    options = {"server": None, "collector": None, "operator": None, "days": None, "renew": False} | more
    run_issue(directory, device_id, as_json=True, **options)
    name = device_id or options["collector"] or options["operator"] or options["server"].split(",")[0]
    return PkiDirectory(directory).issued(name)


def refused(*arguments: str) -> str:
    """The message of a command that is wrong use; nothing but the two sentences comes out."""
    done = hymio(*arguments, "--json")
    assert done.returncode == WRONG_USE and done.stdout == ""
    message: str = check("error", done.stderr)["error"]["message"]
    return message


def test_the_story_of_a_terminal_on_the_command_line(tmp_path: Path) -> None:
    directory = str(tmp_path / "pki")
    made = hymio("pki", "init", "--dir", directory, "--json")
    assert made.returncode == DONE and check("pki-init", made.stdout)["name"] == "hymio"
    issued = check("pki-issue", hymio("pki", "issue", "--dir", directory, "till-1", "--json").stdout)
    assert issued["files"] == ["ca.der", "ca.pem", "cert.der", "cert.pem", "key.der", "key.pem"]
    revoked = hymio("pki", "revoke", "--dir", directory, "till-1", "--json")
    assert revoked.returncode == DONE and "restart mosquitto" in check("pki-revoke", revoked.stdout)["what_next"]
    listed = check("pki-list", hymio("pki", "list", "--dir", directory, "--json").stdout)
    assert [(one["name"], one["kind"], one["state"]) for one in listed["certificates"]] == [
        ("till-1", "device", "revoked")
    ]
    revocations = x509.load_pem_x509_crl(Path(directory, "crl.pem").read_bytes())
    assert [one.serial_number for one in revocations] == [int(issued["serial"], 16)]


@pytest.mark.parametrize("command", ["init", "issue", "revoke", "list", "crl"])
def test_every_command_helps_with_examples_and_takes_json(command: str) -> None:
    done = hymio("pki", command, "--help")
    assert done.returncode == DONE and "--json" in done.stdout and f"hymio pki {command}" in done.stdout


def test_a_second_ca_in_the_same_place_is_refused_and_harms_nothing(pki: Path) -> None:
    before = {path.name: path.read_bytes() for path in pki.glob("ca.*")}
    assert "a CA in" in refused("pki", "init", "--dir", str(pki))
    assert {path.name: path.read_bytes() for path in pki.glob("ca.*")} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Till_1",), "no device id"),
        (("ab",), "no device id"),
        (("--collector", "of fice"), "--collector"),
        (("--collector", "#"), "--collector"),
        (("--server", "a b"), "neither a host name nor an address"),
        (("--server", "*.example"), "neither a host name nor an address"),
        (("till-1", "--server", "a.example"), "one of DEVICE_ID"),
        ((), "one of DEVICE_ID"),
        (("till-1", "--days", "0"), "--days"),
    ],
)
def test_names_that_the_broker_could_misread_get_no_certificate(
    pki: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from hymio.cli.app import app
    from hymio.common.errors import run_cli

    assert run_cli(app, ["pki", "issue", "--dir", str(pki), *arguments]) == WRONG_USE
    assert said in capsys.readouterr().err
    assert known_certificates(pki) == []


def test_without_a_ca_everything_says_how_to_make_one(tmp_path: Path) -> None:
    for call in (
        lambda: issue(tmp_path, "till-1"),
        lambda: run_revoke(tmp_path, "till-1", True),
        lambda: run_crl(tmp_path, True),
    ):
        with pytest.raises(Failure) as failed:
            call()
        assert failed.value.exit_status == WRONG_USE and "hymio pki init" in failed.value.hint
    assert "There is no CA" in refused("pki", "list", "--dir", str(tmp_path))


def test_a_name_belongs_to_one_kind_for_ever(pki: Path) -> None:
    issue(pki, "office")
    run_revoke(pki, "office", True)
    with pytest.raises(Failure, match="would have its rights"):
        issue(pki, collector="office")


def test_a_good_certificate_is_replaced_only_on_purpose(pki: Path) -> None:
    files = issue(pki, "till-1")
    first = (files / "cert.pem").read_bytes()
    with pytest.raises(Failure, match="good still"):
        issue(pki, "till-1")
    assert (files / "cert.pem").read_bytes() == first
    issue(pki, "till-1", renew=True)
    assert (files / "cert.pem").read_bytes() != first
    run_revoke(pki, "till-1", True)
    assert all(entry.revoked_utc is not None for entry in known_certificates(pki)), "the old one is shut out as well"
    with pytest.raises(Failure, match="revoked or expired already"):
        run_revoke(pki, "till-1", True)
    issue(pki, "till-1")


def test_what_does_not_outlive_its_ca(tmp_path: Path) -> None:
    run_init(tmp_path, "short", 10, as_json=True)
    certificate = x509.load_der_x509_certificate((issue(tmp_path, "till-1") / "cert.der").read_bytes())
    ca = x509.load_der_x509_certificate((tmp_path / "ca.der").read_bytes())
    assert certificate.not_valid_after_utc == ca.not_valid_after_utc


@pytest.mark.parametrize(
    ("days_left", "revoked", "newer", "state"),
    [
        (31, False, False, "good"),
        (29, False, False, "expiring"),
        (-1, False, False, "expired"),
        (29, False, True, "renewed"),
        (29, True, True, "revoked"),
    ],
)
def test_the_list_says_what_is_to_be_done(days_left: int, revoked: bool, newer: bool, state: str) -> None:
    now_utc = NOW.timestamp()
    one = CertificateEntry(1, "till-1", "device", (), now_utc + days_left * DAY_S, now_utc if revoked else None)
    other = CertificateEntry(2, "till-2", "device", (), now_utc - DAY_S, None)
    entries = [
        one,
        other,
        *([CertificateEntry(3, "till-1", "device", (), now_utc + 900 * DAY_S, None)] if newer else []),
    ]
    assert state_of(one, entries, NOW) == state


def test_certificates_of_each_kind(pki: Path) -> None:
    ca = x509.load_pem_x509_certificate((pki / "ca.pem").read_bytes())
    for usage, files in (
        (ExtendedKeyUsageOID.CLIENT_AUTH, issue(pki, "till-1")),
        (ExtendedKeyUsageOID.CLIENT_AUTH, issue(pki, collector="office")),
        (ExtendedKeyUsageOID.SERVER_AUTH, issue(pki, server="broker.example,192.0.2.10")),
    ):
        certificate = x509.load_pem_x509_certificate((files / "cert.pem").read_bytes())
        certificate.verify_directly_issued_by(ca)
        assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
        one_day_before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        assert certificate.not_valid_before_utc <= one_day_before
        assert len(certificates.der(certificate)) < 400, "it goes over the air at every handshake"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    # Old mbedTLS compares DNS names only, so an address stands there in both forms.
    assert names.get_values_for_type(x509.DNSName) == ["broker.example", "192.0.2.10"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.10"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_keys_are_their_owners_business(pki: Path) -> None:
    issue(pki, "till-1")
    issue(pki, server="broker.example")
    run_issue(pki, None, None, "office", None, None, False, True)
    keys = [pki / "ca.key", *pki.glob("issued/*/key.*")]
    assert len(keys) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700
    assert stat.S_IMODE((pki / "register.db").stat().st_mode) == 0o600


def test_no_command_and_no_repr_shows_a_key(pki: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = issue(pki, "till-1")
    issue(pki, server="broker.example")
    issue(pki, collector="office")
    out = str(pki.parent / "broker")
    said = [hymio("broker", "config", "--out", out, "--pki", str(pki))]
    said += [hymio("pki", "list", "--dir", str(pki)), hymio("pki", "revoke", "--dir", str(pki), "till-1")]
    assert [one.returncode for one in said] == [DONE] * 3
    authority = PkiDirectory(pki).authority()
    issued = certificates.issue(authority, "device", "till-2", (), NOW, NOW - datetime.timedelta(days=3))
    shown = "".join(one.stdout + one.stderr for one in said) + repr(authority) + repr(issued)
    shown += "".join(capfd.readouterr())
    for path in [pki / "ca.key", files / "key.pem"]:
        secret = path.read_text().splitlines()[1]
        assert secret not in shown and "PRIVATE" not in shown
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        number = key.private_numbers().private_value  # type: ignore[union-attr]
        assert str(number) not in shown and f"{number:x}" not in shown
    assert not re.search(r"_key=|key=<", repr(authority) + repr(issued))


def list_that_ends_in(pki: Path, days: float) -> None:
    """Puts a revocation list into its place that was made so that it ends then."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days) + certificates.CLOCK_SKEW
    authority = PkiDirectory(pki).authority()
    written = certificates.revocation_list(authority, [], 1, now - certificates.LIST_LASTS)
    (pki / "crl.pem").write_bytes(certificates.pem(written))


def test_the_revocation_list_is_good_for_a_year_and_made_anew_on_demand(pki: Path) -> None:
    issue(pki, "till-1")
    run_revoke(pki, "till-1", True)
    before = x509.load_pem_x509_crl((pki / "crl.pem").read_bytes())
    year = datetime.timedelta(days=365)
    assert before.next_update_utc is not None and before.next_update_utc - before.last_update_utc == year
    list_that_ends_in(pki, -1)
    answer = check("pki-crl", hymio("pki", "crl", "--dir", str(pki), "--json").stdout)
    after = x509.load_pem_x509_crl((pki / "crl.pem").read_bytes())
    assert after.next_update_utc is not None and after.next_update_utc.timestamp() == answer["next_update_utc"]
    assert after.next_update_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=363)
    assert [one.serial_number for one in after] == [one.serial_number for one in before]


def test_a_ca_that_ends_sooner_has_a_list_that_ends_with_it(tmp_path: Path) -> None:
    run_init(tmp_path / "pki", "hymio", 90, as_json=True)
    ends = PkiDirectory(tmp_path / "pki").authority().certificate.not_valid_after_utc
    assert end_of_list(tmp_path / "pki" / "crl.pem") == ends


@pytest.mark.parametrize(
    ("days", "said"), [(31, None), (29.5, "29 more days"), (1.5, "1 more day;"), (-2, "has ended on")]
)
def test_who_is_told_that_the_revocation_list_ends(
    pki: Path, days: float, said: str | None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    list_that_ends_in(pki, days)
    capsys.readouterr()
    run_list(pki, as_json=True)
    out, err = capsys.readouterr()
    listed = check("pki-list", out)["crl"]
    assert abs(listed["next_update_utc"] - datetime.datetime.now(datetime.UTC).timestamp() - days * DAY_S) < 60
    found = reminder(pki / "crl.pem", datetime.datetime.now(datetime.UTC))
    assert (found is None and not err) if said is None else (said in str(found) and err == f"{found}\n")
    # The collector finds the list beside the CA's certificate; with nobody at that port it ends at once.
    where = ("--broker", "mqtts://127.0.0.1:9", "--ca", str(pki / "ca.pem"), "--db", str(tmp_path / "votes.db"))
    collected = hymio("collect", *where).stderr
    assert (said or "is not there") in collected and ("revocation list" in collected) == (said is not None)


def test_a_list_that_is_none_is_nobodys_business(tmp_path: Path) -> None:
    assert end_of_list(tmp_path / "crl.pem") is None
    (tmp_path / "crl.pem").write_bytes(b"noise")
    assert reminder(tmp_path / "crl.pem", NOW) is None


def test_a_broken_ca_is_told_as_such(pki: Path) -> None:
    (pki / "ca.key").write_bytes(b"nothing")
    with pytest.raises(Failure, match="not a certificate and a key"):
        issue(pki, "till-1")
    other = pki.parent / "other"
    run_init(other, "hymio", 10, as_json=True)
    (pki / "ca.key").write_bytes((other / "ca.key").read_bytes())
    with pytest.raises(Failure, match="don't belong together"):
        issue(pki, "till-1")
    assert known_certificates(pki) == []


def test_without_the_library_the_command_says_what_to_install(pki: Path) -> None:
    blocked = "import sys; sys.modules['cryptography'] = None; from hymio.cli.app import main; main()"
    command = [sys.executable, "-c", blocked, "pki", "issue", "--dir", str(pki), "till-1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == WRONG_USE and install_command("pki") in done.stderr and "Trace" not in done.stderr


def test_the_broker_gets_no_key_of_the_ca_and_no_rights_for_a_name_never_issued(pki: Path) -> None:
    out = pki.parent / "broker"
    config = ("broker", "config", "--out", str(out), "--pki", str(pki))
    assert "no certificate yet" in refused(*config)
    issue(pki, server="broker.example")
    assert "The collector office has no certificate" in refused(*config)
    issue(pki, collector="office")
    assert "--listen" in refused(*config, "--listen", "nowhere")
    assert not out.exists()
    done = hymio(*config, "--at", "/etc/mosquitto/hymio", "--json")
    assert done.returncode == DONE and check("broker-config", done.stdout)["port"] == 8883
    ca_key = (pki / "ca.key").read_bytes()
    assert all(path.read_bytes() != ca_key for path in out.rglob("*") if path.is_file())
    assert "certfile /etc/mosquitto/hymio/server.pem" in (out / "mosquitto.conf").read_text()


def test_what_made_the_brokers_files_stands_beside_them_to_be_run_again(pki: Path) -> None:
    out = pki.parent / "broker"
    issue(pki, server="broker.example")
    issue(pki, collector="office")
    issue(pki, operator="anna")
    where = ("--out", str(out), "--pki", str(pki))
    assert hymio("broker", "config", *where, "--listen", "8884", "--operator", "anna").returncode == DONE
    written = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    again = re.search(r"^    hymio (broker config .*)$", (out / "README.md").read_text(), re.MULTILINE)
    assert again is not None and "--operator anna" in again[1] and hymio(*shlex.split(again[1])).returncode == DONE
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == written


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such owners")
def test_what_root_writes_anew_still_belongs_to_the_brokers_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.append((Path(path).name, uid, gid)))
    write_file(tmp_path / "server.key", b"one", SECRET_MODE)
    write_file(tmp_path / "server.key", b"two", SECRET_MODE)
    assert given == []
    before = (tmp_path / "server.key").stat()
    monkeypatch.setattr(os, "geteuid", lambda: before.st_uid + 1)
    write_file(tmp_path / "server.key", b"three", SECRET_MODE)
    assert given == [(".server.key.new", before.st_uid, before.st_gid)]
    assert (tmp_path / "server.key").read_bytes() == b"three"


def test_strict_verifiers_load_it(pki: Path) -> None:
    files = issue(pki, "till-1")
    context = ssl.create_default_context(cafile=pki / "ca.pem")
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    assert context.cert_store_stats()["x509_ca"] == 1
