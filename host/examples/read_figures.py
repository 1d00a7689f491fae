"""Prints what Home Assistant is told: each terminal's figures of the day, as they change.

    hymio collect --broker mqtt://broker.example --db votes.db --home-assistant homeassistant     # somewhere
    python read_figures.py broker.example 1883
    python read_figures.py broker.example 8883 ca.pem cert.pem key.pem      # with a certificate of `pki issue`

The collector publishes `hymio/<device_id>/figures`, retained, so the newest figures come at once. Whoever reads them
sees no single vote. Home Assistant itself needs no program: it finds the terminals by MQTT discovery.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys

import aiomqtt


async def read(host: str, port: int, files: list[str]) -> None:
    """Prints a line for each message until the connection ends. files: CA, certificate and key, or none."""
    context = None
    if files:
        ca, certificate, key = files
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(certificate, key)
    async with aiomqtt.Client(host, port, tls_context=context) as client:
        await client.subscribe("hymio/+/figures", qos=1)
        async for message in client.messages:
            device_id = message.topic.value.split("/")[1]
            print(line(device_id, bytes(message.payload)), flush=True)


def line(device_id: str, payload: bytes) -> str:
    """What a message says, for a person."""
    if not payload:
        return f"{device_id}: retired"
    figures = json.loads(payload)
    faces = " ".join(f"{figures[f'face_{face}']}" for face in (1, 2, 3, 4))
    index = figures["happy_index"]  # null before the first vote of a day
    return f"{device_id}: {figures['votes']} votes today ({faces}), Happy Index {'-' if index is None else index}"


def main() -> None:
    if len(sys.argv) not in (3, 6):
        sys.exit("usage: read_figures.py HOST PORT [CA.pem CERT.pem KEY.pem]")
    host, port, *files = sys.argv[1:]
    # The MQTT library watches its socket, which Windows' own event loop can't.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(read(host, int(port), files))
        except aiomqtt.MqttError as error:
            sys.exit(f"{host}:{port}: {error}")


if __name__ == "__main__":
    main()
