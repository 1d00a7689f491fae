"""When the uplink wants to be called again, and when it keeps still."""  # portable

from logs import Dice, boot, mounted, press

from terminal.config import build
from terminal.net_uplink import Uplink
from terminal.net_wifi import OFF, ON


class Air:
    state = ON


LOG = mounted(sectors=4)  # one for all: on the VM there is no room for many


def test_without_wifi_a_missed_attempt_does_not_keep_the_processor_awake():
    log, clock, _ = LOG
    air = Air()
    config = build({"mqtt": {"host": "broker"}})["mqtt"]
    uplink = Uplink(config, "till-1", air, log, clock, Dice(), dict)
    uplink.opened(0)
    uplink.closed(1000)
    air.state = OFF
    assert uplink.step(500000, True) > 0
    assert uplink.wants(500000) is None
    air.state = ON
    assert uplink.step(500500, True) == 0
    assert uplink.wants(500500) == ("broker", 1883)


class Radio(Air):
    restarts = 0

    def restart(self, now_ms):
        self.restarts += 1


def facts():
    return {"power": "mains"}


def uplink_on(radio, **mqtt):
    log, clock, _ = LOG
    return Uplink(build({"mqtt": dict(mqtt, host="broker")})["mqtt"], "till-1", radio, log, clock, Dice(), facts)


def attempt(uplink, now_ms, *answers, **how):
    uplink.opened(now_ms)
    for answer in answers:
        uplink.received(now_ms, answer)
        uplink.step(now_ms, True)
    uplink.closed(now_ms, **how)


def test_five_attempts_without_a_word_start_the_radio_anew():
    radio = Radio()
    uplink = uplink_on(radio)
    for i in range(4):
        attempt(uplink, i)
    attempt(uplink, 4, b"\x20\x02\x00\x00")
    assert radio.restarts == 0, "somebody has answered"
    for i in range(4):
        attempt(uplink, 5 + i)
    assert radio.restarts == 0
    attempt(uplink, 9)
    assert radio.restarts == 1
    for i in range(20):
        attempt(uplink, 10 + i, problem="TLS: not of our CA", is_refused=True)
    assert radio.restarts == 1, "who refuses us is there"
    radio.state = OFF
    for i in range(20):
        attempt(uplink, 30 + i)
    assert radio.restarts == 1, "no wonder without Wi-Fi"


def test_attempts_come_later_and_later_up_to_five_minutes():
    uplink = uplink_on(Radio())
    now_ms = 0
    waits = []
    for _ in range(12):
        uplink.closed(now_ms, "TLS: no", True)
        since_ms = now_ms
        while not uplink.wants(now_ms):
            now_ms += 100
        waits.append(now_ms - since_ms)
    assert waits[0] <= 1300 and waits == sorted(waits)
    assert 300000 <= waits[-1] <= 375000


def test_a_login_refused_twice_waits_for_five_minutes():
    for code, least_ms in ((3, 0), (4, 300000), (5, 300000)):
        uplink = uplink_on(Radio())
        answer = bytes((0x20, 2, 0, code))
        attempt(uplink, 0, answer)
        assert "code %d" % code in uplink.problem
        assert uplink.wants(2000), "one answer may have been damaged"
        attempt(uplink, 2000, answer)
        assert bool(uplink.wants(10000)) == (least_ms == 0)
        assert uplink.wants(377001)


def test_two_refusals_with_a_welcome_between_them_are_two_first_ones():
    uplink = uplink_on(Radio())
    for now_ms in (0, 10000):
        attempt(uplink, now_ms, b"\x20\x02\x00\x05")
        attempt(uplink, now_ms + 5000, b"\x20\x02\x00\x00")
        assert uplink.wants(now_ms + 9000)


def test_a_second_ack_that_fails_to_come_ends_the_connection():
    log, clock, _ = LOG
    boot(log, clock)
    press(log, clock)
    uplink = uplink_on(Radio())
    uplink.opened(0)
    uplink.received(0, b"\x20\x02\x00\x00")
    uplink.received(0, b"\x90\x05\x00\x01\x01\x01\x01")
    uplink.output()
    batches, packet_id, goodbyes = 0, 1, 0
    for now_ms in range(0, 70000, 100):
        uplink.step(now_ms, True)
        sent = uplink.output()
        batches += sent.count(b"/votes")
        goodbyes += sent == b"\xe0\x00"
        if sent and sent[0] >> 4 == 3:
            packet_id += 1
            uplink.received(now_ms, bytes((0x40, 2, 0, packet_id)))
        if uplink.is_broken:
            break
    assert batches == 2 and 60000 < now_ms < 62000 and goodbyes == 1
    uplink.closed(now_ms)
    assert uplink.wants(now_ms), "at once"


def packet(topic, payload, first):
    body = bytes((0, len(topic))) + topic + (b"\x00\x01" if first & 6 else b"") + payload
    return bytes((first, len(body))) + body


def test_a_retained_order_is_not_obeyed_and_a_retained_configuration_is():
    uplink = uplink_on(Radio())
    uplink.opened(0)
    uplink.received(0, b"\x20\x02\x00\x00")
    uplink.received(0, b"\x90\x05\x00\x01\x01\x01\x01")
    for first, name, payload, expected in (
        (0x33, b"cmd", b"old", []),
        (0x31, b"cmd", b"old", []),
        (0x32, b"cmd", b"new", [(False, b"new")]),
        (0x32, b"cmd", b"", []),
        (0x33, b"config", b"kept", [(True, b"kept")]),
        (0x33, b"update", b"later", []),
    ):
        uplink.orders.clear()
        uplink.received(10, packet(b"hymio/till-1/" + name, payload, first))
        assert uplink.orders == expected, (first, name)
    assert not uplink.is_broken


def test_why_there_is_no_connection_is_told_until_there_is_one():
    uplink = uplink_on(Radio(), username="till", password="secret-4")
    assert uplink.problem == ""
    uplink.opened(0)
    assert b"\x00\x04till\x00\x08secret-4" in uplink.output()
    uplink.closed(0, "[Errno 111] ECONNREFUSED")
    assert uplink.problem == "[Errno 111] ECONNREFUSED"
    uplink.opened(5000)
    uplink.received(5000, b"\x20\x02\x00\x00")
    uplink.step(5000, True)
    assert uplink.problem == ""
    uplink.closed(6000)
    assert uplink.problem == "the broker has closed the connection"
    assert "secret-4" not in repr(uplink) + uplink.problem


def test_tls_without_its_files_is_no_tls_and_no_connection():
    uplink = uplink_on(Radio(), tls={"ca": "nowhere.der"})
    assert uplink.problem == "mqtt.tls.ca: no file nowhere.der on the board"
    assert uplink.wants(0) is None
    uplink.step(0, True)
    assert uplink.problem


def test_nothing_is_published_while_a_finger_is_on_a_button():
    log, clock, _ = LOG
    press(log, clock)
    uplink = uplink_on(Radio())
    uplink.opened(0)
    uplink.received(0, b"\x20\x02\x00\x00")
    uplink.received(0, b"\x90\x05\x00\x01\x01\x01\x01")
    uplink.output()
    uplink.say("reply", b"{}", False)
    for now_ms in range(0, 5000, 100):
        uplink.step(now_ms, False)
        assert not uplink.has_output, now_ms
    sent, packet_id = [], 1
    for now_ms in range(5000, 7000, 100):
        uplink.step(now_ms, True)
        data = uplink.output()
        if data:
            sent.append([topic for topic in (b"/state", b"/reply", b"/votes") if topic in data])
            packet_id += 1
            uplink.received(now_ms, bytes((0x40, 2, 0, packet_id)))
            for later_ms in range(now_ms, now_ms + 90, 10):
                uplink.step(later_ms, False)
                assert not uplink.has_output, later_ms
    assert sent == [[b"/state"], [b"/reply"], [b"/votes"]]
