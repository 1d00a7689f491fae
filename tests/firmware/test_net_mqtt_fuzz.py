"""50,000 broken, cut and mixed-up byte streams: the MQTT client raises nothing and keeps little. `make soak WHAT=mqtt`
runs millions."""

import pytest

from hymio.common.firmware_files import firmware_module
from hymio_sim.rigs.broken import Broken
from hymio_sim.rigs.mqtt_fuzz import fuzz

PART = 12_500


@pytest.mark.parametrize("part", range(4))
def test_nothing_that_comes_upsets_it(part):
    broken, messages = fuzz(range(part * PART, (part + 1) * PART))
    assert PART // 3 < broken < PART, "some streams are found out, and some are good"
    assert messages > PART // 2, "many streams get far enough to bring messages"


def _take_everything(room, patch):
    patch.setattr(room, "_RECEIVE_MAX", 1 << 28)


def _trust_topics(room, patch):
    patch.setattr(room.Mqtt, "_take_publish", lambda self, now_ms, head, body: str(bytes(body), "utf-8"))


def _go_on_after_nonsense(room, patch):
    def received(self, now_ms, data):
        self._input.extend(data)
        while size := self._packet_size():
            head, body = self._input[0], self._input[size[0] : size[1]]
            self._input = self._input[size[1] :]
            self._take(now_ms, head, body)

    patch.setattr(room.Mqtt, "received", received)


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        (_take_everything, "bytes of input are kept"),
        (_trust_topics, "UnicodeDecodeError"),
        (_go_on_after_nonsense, "broken|CONNACK|kept"),
    ],
)
def test_planted_bugs_are_caught(planted, says, monkeypatch):
    planted(firmware_module("net_mqtt"), monkeypatch)
    with pytest.raises(Broken, match=says):
        fuzz(range(PART))
