"""A certificate is renewed from afar: on trial, and the present one comes back if the broker won't have it."""

import datetime
import json
from base64 import b64encode

import pytest
from test_remote import RESTART_S, Far, boots, in_force

from hymio.pki import certificates as certificates
from hymio_sim.run.virtual import START_UTC, VirtualTerminal
from hymio_sim.run.virtual_link import Air

NOW = datetime.datetime.fromtimestamp(START_UTC, datetime.UTC)
DAY = datetime.timedelta(days=1)
OURS = certificates.make_authority("hymio", NOW + 9000 * DAY, NOW)
ISSUED = certificates.issue(OURS, "device", "till-1", (), NOW + 20 * DAY, NOW)
OLD = certificates.der(ISSUED.certificate)


def renewed(days=3650, old=ISSUED):
    return certificates.der(certificates.reissue(OURS, "device", old.certificate, NOW + days * DAY, NOW))


class Site:
    """The far end, with a broker that looks at certificates."""

    def __init__(self, home, power="mains"):
        self.home = home
        self.refused = set()
        self.shown = []
        for name, content in (("ca.der", b"ca"), ("cert.der", OLD), ("key.der", b"key")):
            (home / name).write_bytes(content)
        tls = {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}
        config = {"mqtt": {"host": "broker", "tls": tls}, "power": {"profile": power, "uploads_per_day": 96}}
        self.terminal = VirtualTerminal(network=True, home=home, config=config, make_air=self._air)
        self.far = Far(self.terminal)

    def _air(self, _clock, utc):
        air = Air(utc)
        connect = air.broker._connect

        def look(connection, body):
            cert = (self.home / self.terminal.machine._app.uplink.tls["cert"]).read_bytes()
            self.shown.append(cert)
            if cert in self.refused:
                connection.drop()
            else:
                connect(connection, body)

        air.broker._connect = look  # type: ignore[method-assign]
        return air

    @property
    def present(self):
        return (self.home / "cert.der").read_bytes()

    def renew(self, cert, seconds=RESTART_S, **more):
        self.far.command(id="r", do="renew", cert=b64encode(cert).decode(), seconds=seconds, **more)

    def vote(self):
        """True if one more vote arrives and is acknowledged."""
        self.terminal.press(4)
        self.terminal.run(30)
        return self.terminal.machine._app.log.unsent == 0


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path)
    with site.terminal as terminal:
        terminal.run(20)
        yield site


def test_a_new_one_that_the_broker_takes_is_kept_and_reported(site):
    new = renewed()
    before = in_force(site.home)
    site.renew(new, 60)
    assert site.far.replies == [{"id": "r", "trial": True}, {"id": "r", "ok": True}]
    assert site.shown[-1] == site.present == new and boots(site.far) == 2
    assert sorted(path.name for path in site.home.iterdir() if path.is_file()) == [
        "ca.der", "cert.der", "config.json", "key.der",
    ]  # fmt: skip
    assert in_force(site.home) == before and site.vote()
    site.terminal.run(3600)
    assert boots(site.far) == 2
    site.renew(new)
    assert site.far.replies[-1] == {"id": "r", "ok": True} and boots(site.far) == 2, "it is there already"


def test_a_second_renewal_follows_the_first_without_a_restart_between(site):
    site.renew(renewed(100), 60)
    second = renewed(200)
    site.far.command(id="s", do="renew", cert=b64encode(second).decode(), seconds=60)
    assert site.far.replies[-1] == {"id": "s", "ok": True} and site.present == second


def test_one_that_the_broker_refuses_goes_and_the_old_one_comes_back(site):
    new = renewed()
    site.refused.add(new)
    site.renew(new, 500)
    assert site.shown[-1] == new and site.present == OLD
    site.terminal.press(1)
    site.terminal.run(160)
    assert site.far.replies == [
        {"id": "r", "trial": True},
        {"id": "r", "ok": False, "error": "rolled back: no ack in 10 minutes"},
    ]
    assert site.shown[-1] == site.present == OLD and boots(site.far) == 3
    assert site.vote(), "what was pressed meanwhile has arrived, too"
    assert not (site.home / "cert.next").exists() and not (site.home / "trial.json").exists()


def test_a_collector_that_does_not_answer_is_no_proof_either(site):
    site.terminal.air.office.heard = lambda message: None
    site.renew(renewed(), 700)
    assert site.far.replies[-1]["ok"] is False and site.present == OLD


def test_power_cuts_in_the_trial_end_it_after_three_boots(site):
    new = renewed()
    site.refused.add(new)
    site.renew(new)
    for _ in range(3):
        assert site.shown[-1] == new
        site.terminal.obey("power off")
        site.terminal.run(1)
        site.terminal.obey("power on")
        site.terminal.run(60)
    assert site.shown[-1] == site.present == OLD
    assert site.far.replies[-1] == {"id": "r", "ok": False, "error": "rolled back: no ack in 3 boots"}


def test_power_cuts_at_any_moment_leave_a_certificate_that_works(site):
    for cut_ms in range(0, 1500, 100):
        new = renewed(100 + cut_ms)
        site.far.command(id=cut_ms, do="renew", cert=b64encode(new).decode(), seconds=cut_ms / 1000)
        site.terminal.obey("power off")
        site.terminal.run(1)
        site.terminal.obey("power on")
        site.terminal.run(30)
        assert site.shown[-1] == site.present and site.vote(), cut_ms
        assert not (site.home / "trial.json").exists()
    assert site.present == new, "the later cuts came when it was on trial"


@pytest.mark.parametrize(
    ("cert", "error"),
    [
        ("", "cert: expected a certificate in DER"),
        ("!", "cert: "),
        (None, "cert: "),
        (b64encode(b"rubbish" * 40).decode(), "cert: expected a certificate in DER"),
        (b64encode(renewed()[:-1]).decode(), "cert: expected a certificate in DER"),
        (
            b64encode(renewed(old=certificates.issue(OURS, "device", "till-1", (), NOW + DAY, NOW))).decode(),
            "cert: expected one for this terminal's name and key",
        ),
        (b64encode(renewed(-0.5)).decode(), "cert: expected one that has not expired"),
        (b64encode(b"0\x82\x04\x10" + bytes(1040)).decode(), "cert: expected a"),
    ],
    ids=["empty", "no base64", "none", "garbage", "cut short", "another key", "expired", "too long"],
)
def test_what_will_not_do_is_refused_at_once(site, cert, error):
    site.far.command(id=1, do="renew", cert=cert)
    assert site.far.replies[0]["ok"] is False and site.far.replies[0]["error"].startswith(error)
    site.terminal.run(60)
    assert boots(site.far) == 1 and site.present == OLD and site.vote()


def test_a_retained_or_late_one_does_nothing(site):
    site.renew(renewed(), expires_utc=START_UTC - 1)
    assert site.far.replies[0]["error"] == "expired"
    request = {"id": 2, "do": "renew", "cert": b64encode(renewed()).decode(), "expires_utc": 4e9}
    site.far.broker.retained["hymio/till-1/cmd"] = json.dumps(request).encode()
    site.terminal.obey("power off")
    site.terminal.run(1)
    site.terminal.obey("power on")
    site.terminal.run(60)
    assert len(site.far.replies) == 1 and site.present == OLD


def test_a_terminal_that_shows_no_certificate_refuses_one(tmp_path):
    with VirtualTerminal(network=True, home=tmp_path) as terminal:
        terminal.run(20)
        far = Far(terminal)
        far.command(id=1, do="renew", cert=b64encode(renewed()).decode())
        assert far.replies == [
            {"id": 1, "ok": False, "error": "there is no certificate here that it could follow"}
        ]  # fmt: skip


def test_a_terminal_that_sleeps_takes_it_when_it_uploads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, "deep")
    new = renewed()
    with site.terminal as terminal:
        terminal.run(120)
        assert terminal.hardware.rtc.is_asleep
        states = len(site.far.all("state"))
        terminal.press(4)
        assert terminal.run_until(lambda: len(site.far.all("state")) > states, 2000)
        site.renew(new, 100)
        assert site.far.replies == [{"id": "r", "trial": True}, {"id": "r", "ok": True}] and site.present == new
        assert terminal.hardware.rtc.is_asleep
