"""The way to the collector: when to connect, what to publish, where to pass on what comes back."""

import json
from binascii import crc32

from .compat import const, ticks_add, ticks_diff
from .net_mqtt import OFF, ON, Mqtt
from .net_outbox import Outbox

_BACKOFF_MS = const(1000)
_BACKOFF_MAX_MS = const(300000)
_STATE_EVERY_MS = const(3600000)
_BAD_LOGIN = (4, 5)  # return codes of CONNACK: to try again and again would only lock the account
_MOST = const(4)  # orders from afar that may wait, and answers that may wait
_LOST_ACKS = const(2)  # after so many missing acks it may be the subscription that is lost
_DEAF = const(5)  # after so many attempts without a byte from the far end the radio is to blame


class Uplink:
    """Owns the MQTT state machine and the outbox; `run` (or the simulator) moves the bytes."""

    def __init__(self, config, device_id, wifi, log, clock, random32, facts):
        """config: the section `mqtt`; facts(): a dict of what a state message says."""
        self.target = config["host"], config["port"]
        self.tls = tls = config["tls"]
        self.problem = ""  # why there is no connection, without secrets
        if tls:
            from .net_tls import missing

            self.problem = missing(tls)
            if self.problem:
                self.target = "", 0
        self._was_refused = False
        self._silent = 0  # attempts in a row without a byte from the far end
        self._wifi = wifi
        self._clock = clock
        self._facts = facts
        self._base = base = "hymio/" + device_id + "/"
        self.outbox = Outbox(log, clock, random32, device_id, config["collector_id"], config["pace"])
        will = (base + "state", json.dumps({"state": "offline"}))
        login = config["username"], config["password"]
        topics = [base + name for name in ("ack", "config", "cmd")]
        self._mqtt = Mqtt(device_id, will, topics, self._message, self._delivered, login)
        self.orders = []  # (True for a configuration or False for a command, payload) from afar, for the app
        self.config_crc = None  # CRC-32 of the configuration that has been dealt with
        self.wants_restart = False
        self._said = []  # (topic, payload, is_retained) to be published
        self._is_votes = False  # the publish on its way is a batch
        self._state_at = None  # ticks of the last state message in this connection
        self._leaves = False
        self.since_ms = 0  # uptime at the beginning of this connection
        self._attempt_at = None  # ticks before which there is no new attempt
        self._backoff_ms = _BACKOFF_MS
        self._jitter = crc32(device_id.encode()) % 256  # so that not all terminals come at once after a power cut

    @property
    def state(self):
        """OFF, CONNECTING or ON, of `net_mqtt`."""
        return self._mqtt.state

    def wants(self, now_ms):
        """Gives (host, port) when a connection should be opened now, else None."""
        if not self.target[0] or self._mqtt.state != OFF or self._wifi.state != ON:
            return None
        if self._attempt_at is not None and ticks_diff(now_ms, self._attempt_at) < 0:
            return None
        return self.target

    def hurry(self):
        """Makes the next attempt due now, since somebody waits for it."""
        self._attempt_at = None

    def opened(self, now_ms):
        """Tells that there is a connection."""
        self.since_ms = self._clock.uptime_ms()
        self._state_at = None
        self._is_votes = False
        self.outbox.connected()
        self._mqtt.opened(now_ms)

    @property
    def is_settled(self):
        """True if in this connection everything has been said, and the collector has everything."""
        return self._state_at is not None and self.is_quiet and self.outbox.is_settled

    @property
    def is_quiet(self):
        """True if nothing from afar waits to be done or answered."""
        return self._mqtt.is_free and not (self.orders or self._said)

    def say(self, topic, payload, is_retained):
        """Publishes soon, before any more votes. What finds too many messages waiting is left out.

        topic: below that of the terminal; payload: bytes.
        """
        if len(self._said) < _MOST:
            self._said.append((topic, payload, is_retained))

    def leave(self, now_ms):
        """Ends the connection in good order. True once there is none any more."""
        self._mqtt.leave(now_ms)
        self._leaves = self._mqtt.state == ON
        return not self._leaves

    def restart(self):
        """Has the app start the terminal anew. What has been ordered meanwhile is not obeyed."""
        self.wants_restart = True
        self.orders.clear()

    def dealt_with(self, payload):
        """Tells that this configuration has been dealt with: another copy of it is no news."""
        self.config_crc = crc32(payload)

    def renewed(self, cert):
        """Tells that our certificate is in the file of that name from now on."""
        self.tls["cert"] = cert

    def cannot(self, order):
        """Answers that memory or file system had no room for what was ordered."""
        is_config, payload = order
        if is_config:
            self.dealt_with(payload)
        topic = "config/reported" if is_config else "reply"
        self.say(topic, b'{"ok": false, "error": "no room for it in memory or file system"}', is_config)

    def give_up(self):
        """Has the connection closed: the heap is too small for what was to be said."""
        self._mqtt.broken = "no memory"

    def move(self):
        """Makes its buffers and texts anew. To be called while there is no connection, before a handshake.

        What was made while the heap was full may lie where the heap has grown, and would keep that memory from TLS.
        """
        self._mqtt.closed()
        self.problem = "%s" % self.problem

    def closed(self, now_ms, problem="", is_refused=False):
        """Tells that the connection is gone, or none came about: the next attempt waits 1..300 s, longer each time.

        problem: why, if the caller knows; is_refused: the far end is there, but TLS has failed.
        """
        mqtt = self._mqtt
        self.problem = problem or mqtt.broken or "the broker has closed the connection"
        if mqtt.refused in _BAD_LOGIN:
            if self._was_refused:  # refused only once, it may have been a damaged answer
                self._backoff_ms = _BACKOFF_MAX_MS
            self._was_refused = True
        mqtt.closed()
        if self._leaves:
            self._leaves = False
            self.problem = ""
            self._attempt_at = None
            return
        if not is_refused and self._wifi.state == ON:
            self._silent += 1
            if self._silent >= _DEAF:
                self._silent = 0
                self._wifi.restart(now_ms)
        self._attempt_at = ticks_add(now_ms, self._backoff_ms + (self._backoff_ms * self._jitter >> 10))
        self._backoff_ms = min(2 * self._backoff_ms, _BACKOFF_MAX_MS)

    def received(self, now_ms, data):
        """Takes bytes from the broker."""
        self._silent = -1  # the end of this connection is not counted as a silent attempt
        self._clock.advance(now_ms)
        self._mqtt.received(now_ms, data)

    def output(self):
        """Gives the bytes for the broker and forgets them; b"" when there are none."""
        return self._mqtt.output()

    @property
    def has_output(self):
        """True if there are bytes for the broker."""
        return self._mqtt.has_output

    @property
    def is_broken(self):
        """True if the connection must be closed."""
        return self._mqtt.broken != "" or self._wifi.state != ON

    def step(self, now_ms, may_work):
        """Does what is due. may_work: no finger is on a button. Gives the ms until it wants to be called again."""
        mqtt = self._mqtt
        outbox = self.outbox
        wait_ms = mqtt.step(now_ms)
        if mqtt.state != ON:
            # Without Wi-Fi no attempt is due, however late it is: `net_wifi` looks for it often enough.
            if mqtt.state == OFF and self._attempt_at is not None and self._wifi.state == ON:
                wait_ms = min(wait_ms, max(0, ticks_diff(self._attempt_at, now_ms)))
            return wait_ms
        self._backoff_ms = _BACKOFF_MS
        self.problem = ""
        self._was_refused = False
        outbox.step(now_ms)
        if outbox.missed >= _LOST_ACKS:
            self.leave(now_ms)
        if mqtt.is_free and may_work:
            if self._state_at is None or ticks_diff(now_ms, self._state_at) >= _STATE_EVERY_MS:
                self._state_at = now_ms
                self._is_votes = False
                mqtt.publish(now_ms, self._base + "state", True, *self._state_message())
            elif self._said:
                self._is_votes = False
                topic, payload, is_retained = self._said.pop(0)
                mqtt.publish(now_ms, self._base + topic, is_retained, payload)
            else:
                batch = outbox.batch(now_ms)
                if batch is not None:
                    self._is_votes = True
                    mqtt.publish(now_ms, self._base + "votes", False, batch)
        return min(wait_ms, outbox.wait_ms(now_ms)) if mqtt.is_free else wait_ms

    def _state_message(self):
        facts = self._facts()
        facts["state"] = "online" if facts["power"] == "mains" else "asleep"
        text = memoryview(json.dumps(facts).encode())[:-1]
        return text, b', "crc": %d}' % crc32(text)

    def _delivered(self, now_ms):
        if self._is_votes:
            self.outbox.delivered(now_ms)

    def _message(self, now_ms, topic, payload, is_retained):
        if topic == self._base + "ack":
            self.outbox.acked(now_ms, payload, is_retained)
        elif not payload or self.wants_restart or len(self.orders) >= _MOST:
            pass  # a configuration is retained, so it will come again
        elif topic == self._base + "config":
            if crc32(payload) != self.config_crc:
                self.orders.append((True, bytes(payload)))
        elif not is_retained:
            self.orders.append((False, bytes(payload)))
