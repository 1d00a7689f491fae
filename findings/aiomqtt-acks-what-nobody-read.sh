#!/usr/bin/env bash
# aiomqtt 2.5.1 (on paho-mqtt 2.1.0): QoS 1 messages are acknowledged when they come off the socket, not when your loop gets them.
#
# Behaviour: five QoS 1 messages wait for a persistent session. The client takes one out of `client.messages` and leaves
#   `async with`: the broker has been told that all five arrived, and none comes again. The same with bare paho and
#   manual_ack=True: only what was acknowledged is gone, the other four come again.
# Why it matters: "QoS 1 and a persistent session" reads as at least once. With aiomqtt it is at most once for everything
#   between the socket and your code: an exception, a cancelled task or a restart loses what was queued. What may not be
#   lost needs an acknowledgement of its own, sent after COMMIT, or paho with manual acknowledgements.
# Seen with the broker of iotcore 0.4.0 on loopback: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'aiomqtt==2.5.1' 'paho-mqtt==2.1.0' 'iotcore==0.4.0'
timeout 90 "$work/venv/bin/python" >"$work/came" <<'PY'
import asyncio
import socket
import time

import aiomqtt
import paho.mqtt.client as paho
from iotcore import Broker

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]


async def with_aiomqtt(most):
    got = []
    async with aiomqtt.Client("127.0.0.1", PORT, identifier="by-aiomqtt", clean_session=False) as client:
        await client.subscribe("by-aiomqtt/+", qos=1)
        try:
            async with asyncio.timeout(3):
                while len(got) < most:
                    got.append((await anext(client.messages)).payload.decode())
                await asyncio.sleep(1)
        except TimeoutError:
            pass
    return got


def with_paho(most):
    got = []
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id="by-paho", clean_session=False, manual_ack=True
    )

    def on_message(client, _, message):
        if len(got) < most:
            got.append(message.payload.decode())
            client.ack(message.mid, message.qos)

    client.on_message = on_message
    client.connect("127.0.0.1", PORT)
    client.subscribe("by-paho/+", qos=1)
    client.loop_start()
    time.sleep(3)
    client.disconnect()
    client.loop_stop()
    return got


async def publish(topic):
    async with aiomqtt.Client("127.0.0.1", PORT, identifier="publisher") as client:
        for number in range(5):
            await client.publish(f"{topic}/{number}", str(number), qos=1)


with Broker(port=PORT, listen="127.0.0.1"):
    asyncio.run(with_aiomqtt(0))
    asyncio.run(publish("by-aiomqtt"))
    print("aiomqtt reads", asyncio.run(with_aiomqtt(1)), "then", asyncio.run(with_aiomqtt(9)))
    with_paho(0)
    asyncio.run(publish("by-paho"))
    print("paho acknowledges", with_paho(1), "then", with_paho(9))
PY
diff - "$work/came" <<'SEEN'
aiomqtt reads ['0'] then []
paho acknowledges ['0'] then ['1', '2', '3', '4']
SEEN
echo "as described"
