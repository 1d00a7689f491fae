"""Passwords in the addresses of brokers and databases never come out again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hymio_process import hymio, service
from schema_check import check

from hymio.common.addresses import parse_broker
from hymio.common.errors import NO_SERVICE, WRONG_USE, Failure, run_cli
from hymio.common.hidden_passwords import without_password
from hymio.office.collect import check_collector_id
from hymio.store.database import database_url, open_store
from hymio.store.database_errors import shown

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"http://office:{SECRET}@broker.example",
        f"mqtt://office:{SECRET}@broker.example/path",
        f"mqtt://office:{SECRET}@broker.example:port",
        f"mqtt://office:a/{SECRET}@broker.example",
        f"mqtt://office:a@{SECRET}@broker.example/x",
        f"mqtt://:{SECRET}@",
        f"office:{SECRET}@broker.example/path",
        f"mqtt://office:2024#{SECRET}@127.0.0.1:1883",
        f"mqtt://office:2024?{SECRET}@127.0.0.1:1883",
        f"mqtt://office:20/{SECRET}@127.0.0.1:1883",
        f"mqtt://office:2024[{SECRET}@127.0.0.1:1883",
        f"mqtt://office:20\t24{SECRET}@127.0.0.1:1883",
        f"mqtt://office:{SECRET}%FF@127.0.0.1:1883",
        f"mqtt://office:{SECRET}@127.0.0.1:0",
        f"mqtt://of/fice:{SECRET}@127.0.0.1",
        f"mqtt://office:{SECRET}",
        f"office:{SECRET}",
    ],
)
def test_an_address_that_is_refused_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(Failure) as failed:
        parse_broker(url)
    assert failed.value.exit_status == WRONG_USE and "is not the address of a broker" in failed.value.message
    assert SECRET not in failed.value.message + failed.value.hint and "***" in failed.value.message
    if "@" in url:
        assert "%23, %3F, %2F" in failed.value.hint


@pytest.mark.parametrize("url", ["mqtt://broker.example/#", "mqtt://broker.example?x=1", "mqtt://h#", "a\nb"])
def test_an_address_with_more_behind_it_is_none(url: str) -> None:
    with pytest.raises(Failure, match="is not the address of a broker"):
        parse_broker(url)


def test_a_password_may_hold_every_sign_as_its_number() -> None:
    address = parse_broker("mqtt://of%2Ffice:a%23b%3Fc%2Fd%40e%25f%20g@broker.example")
    assert (address.username, address.password) == ("of/fice", "a#b?c/d@e%f g")
    url = database_url("postgresql://of%2Ffice:a%23b%3Fc%2Fd%40e%25f%20g@db.example/votes")
    assert (url.username, url.password, url.host) == ("of/fice", "a#b?c/d@e%f g", "db.example")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://odd:p@{SECRET}%w#/:?rd@127.0.0.1/odd",
        f"postgresql://odd:p@{SECRET}@127.0.0.1/odd",
        f"postgresql://o/dd:{SECRET}@127.0.0.1/odd",
        f"postgresql://odd:x?{SECRET}@y@127.0.0.1/odd",
        f"postgresql://odd:{SECRET}",
    ],
)
def test_a_database_whose_password_would_be_misread_is_refused(url: str) -> None:
    with pytest.raises(Failure) as failed:
        open_store(url)
    assert failed.value.exit_status == WRONG_USE
    assert SECRET not in failed.value.message + failed.value.hint and "***" in failed.value.message


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
@pytest.mark.parametrize("address", ["odd:{}@127.0.0.1:9/odd", "127.0.0.1:9/odd?password={}&user=odd"])
def test_a_database_is_shown_as_people_write_it(scheme: str, address: str) -> None:
    url = f"{scheme}://{address.format(SECRET)}"
    with pytest.raises(Failure) as failed:
        open_store(url)
    assert failed.value.exit_status == NO_SERVICE and SECRET not in failed.value.message
    assert "The database postgresql://" in failed.value.message
    assert shown(database_url(url)) == f"postgresql://{address.format('***')}"


@pytest.mark.parametrize("scheme", ["postgre", "mysql", "http"])
def test_a_database_that_is_refused_is_shown_without_its_password(scheme: str) -> None:
    with pytest.raises(Failure, match="names no database") as failed:
        open_store(f"{scheme}://office:{SECRET}@db.example/votes")
    assert SECRET not in failed.value.message + failed.value.hint and "***" in failed.value.message


def test_an_address_that_is_taken_hides_it_from_repr_and_str() -> None:
    address = parse_broker(f"mqtts://office:{SECRET}@broker.example")
    assert address.password == SECRET
    assert SECRET not in repr(address) + str(address)


@pytest.mark.parametrize("url", ["mqtt://broker.example:1883", "broker.example:1883", "mqtts://[::1]:8883"])
def test_what_holds_no_password_is_shown_as_it_is(url: str) -> None:
    assert without_password(url) == url


@pytest.mark.parametrize(
    ("url", "shown_as"),
    [
        ("mqtt://office:a@b:c/d#e@broker.example", "mqtt://office:***@broker.example"),
        ("office:abc@broker.example", "office:***@broker.example"),
        ("mqtt://office@broker.example", "mqtt://office@broker.example"),
        ("postgresql://db/x?user=x&password=a&sslpassword=b", "postgresql://db/x?user=x&password=***&sslpassword=***"),
    ],
)
def test_only_the_password_is_hidden(url: str, shown_as: str) -> None:
    assert without_password(url) == shown_as


@pytest.mark.parametrize("name", ["x y", " office", "office ", "a/b", "a+b", "#", "", "x" * 33, "a\tb", "a\u00a0b"])
def test_a_collector_that_no_broker_and_no_topic_can_name_is_refused(name: str) -> None:
    with pytest.raises(Failure, match="--collector-id") as failed:
        check_collector_id(name)
    assert failed.value.exit_status == WRONG_USE


def test_an_address_in_a_file_is_read_from_there(tmp_path: Path) -> None:
    file = tmp_path / "broker"
    file.write_text(f"mqtt://office:{SECRET}@broker.example\nsecond line\n")
    assert parse_broker(f"@{file}").password == SECRET
    file.write_text(f"postgresql://office:{SECRET}@db.example/votes")
    assert database_url(f"@{file}").password == SECRET
    file.write_text(f"mqtt://office:{SECRET}@broker.example\r\n", encoding="utf-8-sig")  # as Notepad saves it
    assert parse_broker(f"@{file}").host == "broker.example"
    for content, said in ((b"", "is empty"), (b"\xff", "not UTF-8"), (None, "No such file")):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(Failure, match=said) as failed:
            parse_broker(f"@{file}")
        assert failed.value.exit_status == WRONG_USE


def test_addresses_come_from_the_environment_and_help_does_not_show_them(tmp_path: Path) -> None:
    broker, db = f"mqtt://office:{SECRET}@127.0.0.1:9", f"postgresql://office:{SECRET}@127.0.0.1:9/votes"
    environment = {"HYMIO_BROKER": broker, "HYMIO_DB": db, "COLUMNS": "200"}
    for command in (("ledger",), ("report",), ("replay",), ("collect",)):
        done = hymio(*command, environment=environment)
        assert done.returncode == NO_SERVICE and "postgresql://office:***@127.0.0.1:9/votes" in done.stderr, command
        assert SECRET not in done.stdout + done.stderr
    done = hymio("collect", "--db", str(tmp_path / "votes.db"), environment=environment)
    assert done.returncode == NO_SERVICE and "mqtt://127.0.0.1:9 is not there" in done.stderr
    for command in (("cmd", "till-1", "identify"), ("config", "show", "till-1")):
        done = hymio(*command, environment=environment)
        assert done.returncode == NO_SERVICE and "mqtt://127.0.0.1:9 is not there" in done.stderr
    for words, variables in (
        (("ledger",), ("HYMIO_DB",)),
        (("collect",), ("HYMIO_BROKER", "HYMIO_DB")),
        (("cmd",), ("HYMIO_BROKER", "HYMIO_DB")),
        (("config", "push"), ("HYMIO_BROKER",)),
        (("retire",), ("HYMIO_DB",)),
    ):
        shown_help = hymio(*words, "--help", environment=environment).stdout
        assert all(one in shown_help for one in variables) and SECRET not in shown_help


def test_whatever_goes_wrong_repeats_no_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_options: object) -> None:
        raise ValueError(f"cannot parse mqtt://office:{SECRET}@broker.example")

    monkeypatch.setenv("HYMIO_DEBUG", "1")
    for more in ((), ("--json",)):
        assert run_cli(fails, ["collect", "--broker", f"mqtt://office:{SECRET}@broker.example", *more]) == 70
        said = capsys.readouterr().err
        assert "Traceback" in said and "office:***@broker.example" in said and SECRET not in said
    # Typer repeats what it does not understand.
    done = hymio("ledger", "--db", "votes.db", f"mqtt://office:{SECRET}@broker.example", "--json")
    assert done.returncode == WRONG_USE and SECRET not in done.stdout + done.stderr
    check("error", done.stderr.splitlines()[-1])


def test_sentences_stay_readable_where_the_password_is_a_word_of_them() -> None:
    done = hymio("ledger", "--db", "postgresql://hymio:hymio@127.0.0.1:9/hymio")
    assert "The database postgresql://hymio:***@127.0.0.1:9/hymio cannot be used" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_password_on_the_command_line_goes_from_the_list_of_processes(tmp_path: Path) -> None:
    pytest.importorskip("setproctitle")
    db = str(tmp_path / "votes.db")
    with service("broker", "--listen", "127.0.0.1:0", "--json") as broker:
        port = broker.wait_for("ready")["port"]
        address = f"mqtt://office:{SECRET}@127.0.0.1:{port}"
        with service("collect", "--broker", address, "--db", db, "--json") as collector:
            collector.wait_for("ready")
            line = Path(f"/proc/{collector.process.pid}/cmdline").read_bytes().decode()
            assert f"collect --broker 'mqtt://office:***@127.0.0.1:{port}' --db" in line.replace("\0", " ")
            assert SECRET not in line


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_new_database_is_its_owners_alone_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    before = os.umask(0o022)
    try:
        opened = open_store(str(path), create=True)
        with opened.writing():
            found = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
        opened.close()
    finally:
        os.umask(before)
    assert found == {"votes.db": 0o600, "votes.db-wal": 0o600, "votes.db-shm": 0o600}
    path.chmod(0o664)
    open_store(str(path), create=True).close()
    assert path.stat().st_mode & 0o777 == 0o664
