#!/usr/bin/env bash
# standardwebhooks 1.1.0 (PyPI, the reference library of the Standard Webhooks specification for Python): sign() does not
# convert an aware datetime to UTC, it replaces the zone and keeps the digits of the clock.
#
# Behaviour: sign(id, moment, body) with a moment in any zone but UTC signs another second: 12:00+02:00 is signed as 12:00
#   UTC, two hours later. The same moment, given in UTC, has another signature. A naive datetime.now() is taken for UTC
#   too, so on a server whose clock shows local time it is wrong as well. No error, no warning.
# Why it matters: the header webhook-timestamp is made by the caller, int(moment.timestamp()), and that is right. So every
#   receiver, with this library or any other, refuses every message of that sender: "No matching signature found". Tests
#   on machines that keep UTC pass, and in London it works until the last Sunday of March. Convert first:
#   sign(id, moment.astimezone(timezone.utc), body).
# Seen: "signed at UTC+2: No matching signature found; the signature is that of +2 h", and the other lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'standardwebhooks==1.1.0'
cat >"$work/sign.py" <<'PY'
import base64
import hashlib
import hmac
from datetime import datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

SECRET, BODY = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode(), '{"type":"alert.raised"}'
webhook = Webhook(SECRET)


def by_the_specification(second):
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(key, f"msg_1.{second}.{BODY}".encode(), hashlib.sha256)).decode()


now = datetime.now(timezone.utc).replace(microsecond=0)
for hours in (0, 2, -5):
    moment = now.astimezone(timezone(timedelta(hours=hours)))
    assert moment == now
    second = int(moment.timestamp())
    signature = webhook.sign("msg_1", moment, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(second), "webhook-signature": signature}
    try:
        webhook.verify(BODY, headers)
        said = "verified"
    except WebhookVerificationError as error:
        said = str(error)
    off = next(off for off in range(-12, 13) if by_the_specification(second + 3600 * off) == signature)
    print(f"signed at UTC{hours:+d}: {said}; the signature is that of {off:+d} h")
PY
timeout 60 "$work/venv/bin/python" "$work/sign.py" | tee "$work/out"
cat >"$work/seen" <<'SEEN'
signed at UTC+0: verified; the signature is that of +0 h
signed at UTC+2: No matching signature found; the signature is that of +2 h
signed at UTC-5: No matching signature found; the signature is that of -5 h
SEEN
diff "$work/seen" "$work/out"
echo "as described"
