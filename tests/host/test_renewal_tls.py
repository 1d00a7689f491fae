"""A terminal on the real VM whose certificate is about to end gets the next one through a real mosquitto over TLS."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hymio_process import hymio, service
from schema_check import check
from test_security import MOSQUITTO, VM, A, Site, collect_arguments, free_port
from test_terminal_tls import terminal

from hymio.common.errors import DONE, NO_SERVICE
from hymio.pki import certificates as certificates
from hymio.pki.authority import run_init, run_issue
from hymio.pki.files import PkiDirectory
from hymio.pki.listing import known_certificates
from hymio.pki.register import changing

pytestmark = [
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed"),
    pytest.mark.skipif(VM is None, reason="no micropython here"),
]
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A CA, a broker, an office, an operator, and a terminal whose certificate is good for ten days more."""
    site = Site(tmp_path_factory.mktemp("site"), free_port())
    run_init(site.pki, "hymio", 7300, True)
    site.issue(server="localhost")
    for collector in ("office", "god"):
        site.issue(collector=collector)
    site.issue(operator="renewals")
    run_issue(site.pki, A, None, None, None, 10, False, True)
    site.configure(["renewals"])
    site.start()
    yield site
    site.stop()


def as_operator(site: Site, name: str = "renewals") -> list[str]:
    files = site.files(name)
    arguments = ["--broker", f"mqtts://localhost:{site.port}", "--ca", str(site.pki / "ca.pem"), "--json"]
    return [*arguments, "--cert", str(files / "cert.pem"), "--key", str(files / "key.pem")]


def revoke_only(site: Site, serial: int) -> None:
    """Puts one certificate on the list, and leaves the name's others alone."""
    pki = PkiDirectory(site.pki)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    with changing(pki.register) as register:
        register.revoke(serial, now.timestamp())
        number = register.next_list_number(now.timestamp())
    crl = certificates.revocation_list(pki.authority(), [(serial, now)], number, now)
    pki.crl.write_bytes(certificates.pem(crl))


def test_a_terminal_renews_its_certificate_and_goes_on_with_it(site: Site, tmp_path: Path) -> None:
    device_files = tmp_path / "device"
    device_files.mkdir()
    for name in ("ca.der", "cert.der", "key.der"):
        (device_files / name).write_bytes((site.files(A) / name).read_bytes())
    (old,) = [entry for entry in known_certificates(site.pki) if entry.name == A]
    with (
        service(*collect_arguments(site, tmp_path / "votes.db")) as collector,
        terminal(tmp_path, device_files, site.port, "micropython", "press 4\n" + "wait 14\npress 3\n" * 3) as running,
    ):
        collector.wait_for("ready")
        first = running.wait_for("record")["seq"]
        while running.wait_for("acked")["seq"] < first:
            pass
        renewed = hymio(
            "pki", "renew", "--dir", str(site.pki), "--expiring", "30d", *as_operator(site), timeout_s=PATIENCE_S
        )
        assert renewed.returncode == DONE, renewed.stderr
        (said,) = check("pki-renew", renewed.stdout)["renewals"]
        assert said["device_id"] == A and said["outcome"] == "renewed" and int(said["serial"], 16) != old.serial
        # The broker lets the old one in no more; what the terminal shows from now on is the new one.
        revoke_only(site, old.serial)
        site.configure(["renewals"])
        site.stop()
        site.start()
        while not running.lines.empty():
            running.lines.get()
        last = running.wait_for("record", PATIENCE_S)["seq"]
        while running.wait_for("acked", PATIENCE_S)["seq"] < last:
            pass
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(said["not_after_utc"]))
        status = json.loads(hymio("status", "--port", str(tmp_path / "port"), "--json").stdout)
        assert status["cert_ends"] == until
        assert running.stop() == 0 and collector.stop() == 0
    states = {
        one["serial"]: one["state"]
        for one in check("pki-list", hymio("pki", "list", "--dir", str(site.pki), "--json").stdout)["certificates"]
        if one["name"] == A
    }
    assert states == {f"{old.serial:x}": "revoked", said["serial"]: "good"}
    assert not (site.files(A) / "offered.der").exists()
    again = hymio("pki", "renew", "--dir", str(site.pki), "--expiring", "30d", *as_operator(site))
    assert again.returncode == DONE and check("pki-renew", again.stdout) == {"renewals": []}


def test_who_is_no_operator_is_told_that_the_broker_refuses(site: Site) -> None:
    done = hymio("cmd", "till-b", "identify", "--wait", "5s", *as_operator(site, A))
    assert done.returncode == NO_SERVICE, done.stderr
    assert "does not let us give orders" in check("error", done.stderr.splitlines()[-1])["error"]["message"]
