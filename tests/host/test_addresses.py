"""Passwords in the addresses of brokers and databases never come out again."""

from __future__ import annotations

import pytest

from hymio.addresses import parse_broker, without_password
from hymio.errors import Failure
from hymio.store import open_store

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
    ],
)
def test_an_address_that_is_refused_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(Failure) as failed:
        parse_broker(url)
    assert SECRET not in failed.value.message + failed.value.hint and "***" in failed.value.message


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
