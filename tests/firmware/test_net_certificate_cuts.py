"""A certificate on trial: power cut between any two changes of a file, and in the middle of writing one."""

import datetime
import json
from base64 import b64encode
from types import SimpleNamespace

import pytest
from test_net_remote_cuts import cut

from hymio.pki import certificates as certificates
from terminal import config as room
from terminal import net_certificate, net_remote

NOW = datetime.datetime(2026, 3, 15, 12, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
OURS = certificates.make_authority("hymio", NOW + 9000 * DAY, NOW)
ISSUED = certificates.issue(OURS, "device", "till-1", (), NOW + 20 * DAY, NOW)
OLD = certificates.der(ISSUED.certificate)
NEW = certificates.der(certificates.reissue(OURS, "device", ISSUED.certificate, NOW + 3650 * DAY, NOW))
CONFIG = {
    "device_id": "till-1",
    "mqtt": {"host": "broker", "tls": {"ca": "ca.der", "cert": "cert.der", "key": "key.der"}},
}
REQUEST = {"id": "r", "cert": b64encode(NEW).decode()}


class Uplink:
    def __init__(self, cert, is_heard=False):
        self.tls = {"ca": "ca.der", "cert": cert, "key": "key.der"}
        self.outbox = SimpleNamespace(is_heard=is_heard)
        self.wants_restart = False

    def restart(self):
        self.wants_restart = True

    def renewed(self, cert):
        self.tls["cert"] = cert


def begin(files):
    uplink, clock = Uplink("cert.der"), SimpleNamespace(utc_ms=lambda: NOW.timestamp() * 1000)
    assert net_certificate.begin(REQUEST, files, uplink, clock) and uplink.wants_restart


def boot(home):
    """(the certificate that is shown to the broker, whether on trial, report) of a boot that goes well."""
    config, problem = room.begin(home, "esp32")
    assert not problem
    with open(config["mqtt"]["tls"]["cert"], "rb") as file:
        return file.read(), config["on_trial"], config["report"]


def end(files, is_heard):
    trial = files.read(net_remote.TRIAL)
    if "id" in trial:
        return net_certificate.end(Uplink(net_certificate.NEXT, is_heard), files, trial)
    return None


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "cert.der").write_bytes(OLD)
    return f"{tmp_path}/"


def put_back(home):
    files = net_remote.Files(home)
    files.remove(net_remote.TRIAL)
    files.remove(net_certificate.NEXT)
    files.put_aside("cert.der", OLD)


def on_trial(home):
    begin(net_remote.Files(home))
    assert boot(home) == (NEW, True, None)


def test_a_cut_while_it_is_taken_leaves_the_old_one_or_the_new_one_on_trial(home):
    seen = set()
    for case in cut(home, begin):
        cert, is_trial, report = boot(home)
        assert (cert, is_trial, report) in ((OLD, False, None), (NEW, True, None)), case
        seen.add(is_trial)
        put_back(home)
    assert seen == {False}, "the last change of a file is what begins the trial"
    assert boot(home) == (NEW, True, None)


def test_a_cut_while_the_trial_succeeds_leaves_it_on_trial_or_in_its_place(home):
    seen = set()
    on_trial(home)
    for case in cut(home, lambda files: end(files, True)):
        cert, is_trial, report = boot(home)
        assert cert == NEW, case
        assert report == (None if is_trial else {"id": "r", "ok": True}), case
        seen.add(is_trial)
        if is_trial:
            assert end(net_remote.Files(home), True) == {"id": "r", "ok": True}
        for _ in range(5):
            assert boot(home) == (NEW, False, None), case
        put_back(home)
        on_trial(home)
    assert seen == {True, False}


def test_a_cut_while_the_trial_fails_brings_back_the_old_one_all_the_same(home):
    cases = 0
    on_trial(home)
    for case in cut(home, lambda files: end(files, False)):
        reports = []
        for _ in range(4):
            cert, is_trial, report = boot(home)
            reports += [report] if report else []
        assert (cert, is_trial) == (OLD, False), case
        assert reports == [{"id": "r", "ok": False, "error": "rolled back: no ack in 3 boots"}], case
        put_back(home)
        on_trial(home)
        cases += 1
    assert cases == 4, "one change, and the moment in which the file takes its place"
    assert boot(home) == (OLD, False, {"id": "r", "ok": False, "error": "rolled back: no ack in 10 minutes"})
    assert boot(home) == (OLD, False, None)


def test_a_cut_while_a_boot_ends_the_trial(home):
    def last_boot(files):
        trial = files.read(net_remote.TRIAL)
        if trial:
            net_certificate.boot(files, trial)

    on_trial(home)
    boot(home), boot(home)
    for case in cut(home, last_boot):
        boot(home)
        assert boot(home) == (OLD, False, None), case
        put_back(home)
        on_trial(home)
        boot(home), boot(home)


def test_what_the_trial_file_holds_can_be_anything(home, tmp_path):
    for rubbish in (
        '{"id": 1}',
        '{"id": 1, "boots": 0}',
        '{"id": 1, "cert": 5, "boots": "x"}',
        '{"id": null, "error": 3}',
    ):
        for is_there in (True, False):
            if is_there:
                (tmp_path / "cert.next").write_bytes(NEW)
            (tmp_path / "trial.json").write_text(rubbish)
            for _ in range(4):
                cert, is_trial, _ = boot(home)
            assert (cert, is_trial) == (OLD, False) and not (tmp_path / "trial.json").exists()
