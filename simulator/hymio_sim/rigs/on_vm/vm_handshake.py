"""One handshake of the firmware with a real broker, on the real VM: `micropython vm_handshake.py HOST PORT`.

It runs in a folder with ca.der, cert.der and key.der, and prints `on` once the broker has accepted the connection.
"""

# mypy: ignore-errors

import asyncio
import sys

from terminal import net_tls
from terminal.app import KeptTls
from terminal.compat import ticks_ms
from terminal.net_mqtt import ON, Mqtt


def _nothing(*args):
    pass


async def main(host, port):
    """Shakes hands with the broker on that port of 127.0.0.1, whose certificate has to bear the name `host`."""
    mqtt = Mqtt("till-1", ("hymio/till-1/state", "off"), ("hymio/till-1/ack",), _nothing, _nothing)
    kept = KeptTls()
    net_tls.read_files(kept, {"ca": "ca.der", "cert": "cert.der", "key": "key.der"})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    mqtt.opened(0)
    reader, writer = await net_tls.shake(kept.context, reader, writer, host, mqtt.output(), _nothing, ticks_ms)
    mqtt.received(0, await reader.read(4))
    print("on" if mqtt.state == ON else mqtt.broken)
    writer.close()
    await writer.wait_closed()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
