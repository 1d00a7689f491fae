"""`hymio config push` and `show`: a whole configuration for a terminal far away, checked here first."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hymio.common.durations import parse_duration
from hymio.common.errors import ANSWERED_ERROR, NO_TERMINAL, WRONG_USE, Failure
from hymio.common.output import note, print_json, print_line
from hymio.common.text_files import read_utf8
from hymio.mqtt.broker_session import RETAINED_S, BrokerSession, Heard, checked_device_id, open_session
from hymio.mqtt.broker_tls import TlsFiles
from hymio.mqtt.client import access_to, run_on_loop
from hymio.settings.configuration_rules import HINT, check
from hymio.settings.provisioning_file import CERTIFICATES, OWN_KEYS, read_toml

MESSAGE_MAX_BYTES: Final = 2040
"""The most bytes of topic and payload together that a terminal takes (firmware/spec/mqtt.md "Topics")."""
WAIT_S: Final = 60.0
TRIAL_WAIT_S: Final = 720.0
"""How long to wait for a trial, which lasts 10 minutes and has a restart at both of its ends."""

_FIXED: Final = ("device_id", "pins")
"""Keys that can't be changed from afar and stay as they are."""
_ON_TRIAL: Final = ("wifi", "mqtt")


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What the terminal has said of a configuration; `ok` is None if it has said nothing yet."""

    ok: bool | None
    error: str = ""
    on_trial: bool = False


def read_config(path: Path, device_id: str) -> dict[str, Any]:
    """What a file asks of this terminal, less what can't be changed from afar.

    The file is laid out like config.json, in JSON or TOML, or is a provisioning file.

    Raises:
        Failure: 2, naming the key, what was expected and what came.
    """
    if path.suffix.lower() == ".toml":
        given = read_toml(path)
    else:
        try:
            given = json.loads(read_utf8(path))
        except OSError as error:
            raise Failure(WRONG_USE, f"{path}: {error.strerror}.", "Give the path of a .toml or .json file.") from error
        except ValueError as error:
            raise Failure(WRONG_USE, f"{path} is not JSON: {error}.", HINT) from error
    if not isinstance(given, dict):
        raise Failure(WRONG_USE, f"{path}: expected an object, came {json.dumps(given)}.", HINT)
    config = {key: value for key, value in given.items() if key not in OWN_KEYS}
    if "pki" in given and isinstance(config.get("mqtt"), dict):
        config["mqtt"].setdefault("tls", dict(CERTIFICATES))  # `hymio provision` has put them there
    check(config, str(path))
    if config.get("version") is not None:
        raise Failure(WRONG_USE, f"{path}: version: expected none, it is given with --version.", HINT)
    if config.get("device_id") not in (None, device_id):
        raise Failure(WRONG_USE, f"{path}: device_id: expected {device_id}, came {config['device_id']}.", HINT)
    left_out = [key for key in (*_FIXED, "board") if key in given]
    if left_out:
        note(f"Not sent, they stay as they are: {', '.join(left_out)}.")
    return {key: value for key, value in config.items() if key not in _FIXED}


def secrets_in(config: Any, prefix: str = "") -> Iterator[str]:
    """The keys of all passwords that are not empty."""
    items = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in items:
        if key == "password" and value:
            yield prefix + key
        else:
            yield from secrets_in(value, f"{prefix}{key}.")


def keys_in(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key that the file names."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from keys_in(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def run_push(
    broker: str,
    tls: TlsFiles,
    device_id: str,
    path: Path,
    version: str | None,
    with_secrets: bool,
    wait: str | None,
    as_json: bool,
) -> None:
    """Leaves the configuration on the broker for the terminal, and waits for what becomes of it.

    Raises:
        Failure: 2 wrong use, or a value that no terminal takes; 3 the terminal has not answered yet; 4 no broker; 5 the
            terminal refuses.
    """
    access = access_to(broker, tls)
    config = read_config(path, checked_device_id(device_id))
    found = list(secrets_in(config))
    if found and not with_secrets:
        raise Failure(
            WRONG_USE,
            f"{path}: {', '.join(found)} would lie on the broker until the terminal has answered.",
            "Leave sections wifi and mqtt out, then the terminal keeps its own; or say --with-secrets.",
        )
    version = _checked_version(version)
    payload = json.dumps({"version": version, "config": config}, ensure_ascii=False, separators=(",", ":")).encode()
    size = len(payload) + len(f"hymio/{device_id}/config")
    if size > MESSAGE_MAX_BYTES:
        raise Failure(WRONG_USE, f"{path}: expected {MESSAGE_MAX_BYTES} bytes at most as a message, came {size}.", HINT)
    may_try = any(key in config for key in _ON_TRIAL)
    wait_s = (TRIAL_WAIT_S if may_try else WAIT_S) if wait is None else parse_duration("--wait", wait) / 1000

    sessions: list[BrokerSession] = []

    async def work() -> PushOutcome:
        async with open_session(access, [device_id], ("state", "config/reported")) as session:
            sessions.append(session)
            outcome = await push(session, device_id, version, payload, wait_s, may_try)
            if found and outcome.ok is not None:
                await session.publish(device_id, "config", b"", is_retained=True)
            return outcome

    try:
        outcome = run_on_loop(work())
    except (Failure, KeyboardInterrupt):
        if any(session.has_published for session in sessions):
            note(_lies_there(version, bool(found)))
        raise
    _tell(device_id, version, outcome, list(keys_in(config)), bool(found), as_json)


def _checked_version(version: str | None) -> str:
    if version is None:
        # A new version each time: what a terminal has refused under one version it refuses again without looking at it.
        return f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}-{secrets.token_hex(2)}"
    if not 1 <= len(version.encode()) <= 64:
        raise Failure(WRONG_USE, f"--version {version!r} is not a text of 1 to 64 bytes.", "For example: --version 7")
    return version


async def push(
    session: BrokerSession, device_id: str, version: str, payload: bytes, wait_s: float, may_try: bool
) -> PushOutcome:
    """Leaves the configuration on the broker, and hears what becomes of this version."""
    loop = asyncio.get_running_loop()
    first = await session.heard(loop.time() + RETAINED_S)
    await session.publish(device_id, "config", payload, is_retained=True)
    if first is not None and first.topic == "state" and first.facts().get("state") == "offline":
        note(f"{device_id} is offline; it takes the configuration when it comes.")
    until_s = loop.time() + wait_s
    on_trial = False
    while (heard := await session.heard(until_s)) is not None:
        facts = heard.facts()
        if heard.topic == "config/reported" and facts.get("version") == version:
            return PushOutcome(facts.get("ok") is True, str(facts.get("error", "")), on_trial)
        if may_try and not on_trial and heard.topic == "state" and facts.get("config_version") == version:
            on_trial = True
            note(f"{device_id} runs with it on trial; it is kept once an ack has come, else it goes in 10 minutes.")
    return PushOutcome(None, "", on_trial)


def _lies_there(version: str, had_secrets: bool) -> str:
    passwords = " The passwords lie there, too, until another one is pushed." if had_secrets else ""
    return f"Version {version} lies on the broker for it.{passwords}"


def _tell(
    device_id: str, version: str, outcome: PushOutcome, keys: list[str], had_secrets: bool, as_json: bool
) -> None:
    if outcome.ok is None:
        state = "runs with it on trial" if outcome.on_trial else "has not said yet what it makes of it"
        raise Failure(
            NO_TERMINAL,
            f"{device_id} {state}. {_lies_there(version, had_secrets)}",
            f"Look later: hymio config show {device_id}",
        )
    if not outcome.ok:
        raise Failure(
            ANSWERED_ERROR,
            f"{device_id} refuses version {version}: {outcome.error}.",
            "It runs with the configuration that it had. Correct the file and push it again.",
        )
    if as_json:
        print_json({"device_id": device_id, "version": version, "ok": True, "on_trial": outcome.on_trial, "keys": keys})
        return
    tried = ", after a trial" if outcome.on_trial else ""
    print_line(f"{device_id} has version {version} in force{tried}: {', '.join(keys) or 'all defaults'}.")


def run_show(broker: str, tls: TlsFiles, device_id: str, as_json: bool) -> None:
    """Prints what the broker keeps of what the terminal has said of its configuration.

    Raises:
        Failure: 3 the broker knows nothing of the terminal, 4 no broker.
    """
    access = access_to(broker, tls)
    checked_device_id(device_id)

    async def work() -> dict[str, Heard]:
        kept: dict[str, Heard] = {}
        async with open_session(access, [device_id], ("state", "config/reported"), gives_orders=False) as session:
            until_s = asyncio.get_running_loop().time() + RETAINED_S
            while len(kept) < 2 and (heard := await session.heard(until_s)) is not None:
                kept[heard.topic] = heard
        return kept

    kept = run_on_loop(work())
    if not kept:
        raise Failure(
            NO_TERMINAL,
            f"The broker has never heard of {device_id}, or keeps it from us.",
            "Look at its name and its network, and whether we may hear it: `hymio broker config --operator ID`.",
        )
    state = kept["state"].facts() if "state" in kept else {}
    reported = kept["config/reported"].facts() if "config/reported" in kept else None
    if as_json:
        print_json(
            {
                "device_id": device_id,
                "state": state.get("state"),
                "config_version": state.get("config_version"),
                "reported": reported,
            }
        )
        return
    version = state.get("config_version")
    print_line(
        f"{device_id} is {state.get('state', 'not known')}; version in force: {'none' if version is None else version}"
    )
    if reported is not None:
        said = "taken" if reported.get("ok") else f"refused: {reported.get('error')}"
        print_line(f"last pushed: {reported.get('version')}, {said}")
