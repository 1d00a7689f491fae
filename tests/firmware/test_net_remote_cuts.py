"""Configuration on trial: power cut between any two changes of a file, and in the middle of writing one."""

import itertools
import json

import pytest

from terminal import config as room
from terminal import net_remote, trial

OLD = {"device_id": "till-1", "wifi": {"ssid": "home"}, "mqtt": {"host": "good"}}
NEW_BROKER = {"version": 1, "config": {"mqtt": {"host": "new"}}}
NEW_LIGHT = {"version": 1, "config": {"thanks_ms": 500}}


class Cut(BaseException):
    pass


class CutFiles(net_remote.Files):
    """Files whose power goes at the n-th change: before it, or with half of a file written."""

    def __init__(self, folder, cut_at, is_torn):
        super().__init__(folder)
        self._left = cut_at
        self._is_torn = is_torn

    def _change(self, torn=lambda: None):
        self._left -= 1
        if self._left == 0:
            if self._is_torn:
                torn()
            raise Cut

    def write(self, name, value):
        def torn():
            with open(self._folder + name + ".new", "w") as file:
                file.write(json.dumps(value)[:7])

        self._change(torn)
        super().write(name, value)

    def rename(self, name, other):
        self._change()
        super().rename(name, other)

    def remove(self, name):
        self._change()
        super().remove(name)

    def put_aside(self, name, data):
        self._change()
        super().put_aside(name, data)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(OLD))
    return f"{tmp_path}/"


def boot(home):
    """(configuration, whether on trial) of a boot that goes well."""
    config, problem = room.begin(home, "esp32")
    assert not problem
    return config, config["on_trial"]


def cut(home, work):
    """Does `work(files)` once for each place where the power may go; ends when nothing was cut."""
    for step in itertools.count(2):
        cut_at, is_torn = step // 2, bool(step % 2)
        files = CutFiles(home, cut_at, is_torn)
        try:
            work(files)
        except Cut:
            yield f"cut at change {cut_at}{', torn' if is_torn else ''}"
            continue
        assert cut_at > 1
        return


def take(files, payload):
    if net_remote.put_aside(files, payload) is None:
        trial.boot(files, "esp32")


def put_back(home):
    files = net_remote.Files(home)
    for name in (net_remote.NEXT, net_remote.TRIAL, net_remote.OLD, net_remote.REFUSED):
        files.remove(name)
    files.write("config.json", OLD)


@pytest.mark.parametrize("message", [NEW_BROKER, NEW_LIGHT])
def test_a_cut_while_it_is_taken_leaves_the_old_one_or_the_new_one_on_trial(home, message):
    payload = json.dumps(message).encode()
    seen = set()
    for case in cut(home, lambda files: take(files, payload)):
        config, on_trial = boot(home)
        seen.add(config["version"])
        assert config["wifi"]["ssid"] == "home", case
        if config["version"] is None:
            assert config["mqtt"]["host"] == "good" and config["thanks_ms"] == 1000 and not on_trial, case
        else:
            assert on_trial == (message is NEW_BROKER), case
        # Retained: it comes again, and now it is taken.
        if config["version"] is None:
            assert net_remote.put_aside(net_remote.Files(home), payload) is None, case
            config, on_trial = boot(home)
        assert config["version"] == 1 and on_trial == (message is NEW_BROKER), case
        put_back(home)
    assert None in seen


def test_a_cut_while_a_trial_fails_brings_back_the_old_one_all_the_same(home):
    cases = 0
    for case in (
        cut(home, lambda files: net_remote.roll_back(files, "no ack in 10 minutes")) if begin_trial(home) else ()
    ):
        for _ in range(4):
            config, on_trial = boot(home)
        assert not on_trial and config["mqtt"]["host"] == "good", case
        refused = net_remote.put_aside(net_remote.Files(home), json.dumps(NEW_BROKER).encode())
        assert refused["ok"] is False and refused["error"].startswith("rolled back"), case
        put_back(home)
        begin_trial(home)
        cases += 1
    assert cases >= 6


def test_a_cut_while_a_boot_ends_a_trial(home):
    def fourth_boot(files):
        return trial.boot(files, "esp32")

    begin_trial(home)
    for _ in range(2):
        boot(home)
    for case in cut(home, fourth_boot):
        config, on_trial = boot(home)
        assert not on_trial and config["mqtt"]["host"] == "good", case
        put_back(home)
        begin_trial(home)
        for _ in range(2):
            boot(home)


def test_a_cut_while_a_trial_succeeds_loses_nothing_of_it(home):
    begin_trial(home)
    for case in cut(home, net_remote.confirm):
        config, on_trial = boot(home)
        assert config["mqtt"]["host"] == "new", case
        if on_trial:
            net_remote.confirm(net_remote.Files(home))
        for _ in range(5):
            config, on_trial = boot(home)
        assert config["mqtt"]["host"] == "new" and not on_trial, case
        put_back(home)
        begin_trial(home)


def begin_trial(home):
    assert net_remote.put_aside(net_remote.Files(home), json.dumps(NEW_BROKER).encode()) is None
    assert boot(home)[1]
    return True


def test_what_the_trial_files_hold_can_be_anything(home, tmp_path):
    for rubbish in ("", "{", "[]", "null", '{"version": 5}', '{"boots": "x"}', '{"version": null}'):
        (tmp_path / "trial.json").write_text(rubbish)
        assert boot(home)[0]["mqtt"]["host"] == "good"
        assert not (tmp_path / "trial.json").exists()
