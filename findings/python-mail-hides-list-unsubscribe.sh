#!/usr/bin/env bash
# Python's email package (CPython 3.11.7 here, EmailMessage with its default policy; received by aiosmtpd 1.4.6): a List-Unsubscribe
# header with a link of 78 characters or more is sent as RFC 2047 encoded words, which RFC 2047 (5) does not allow there.
#
# Behaviour: message["List-Unsubscribe"] = "<https://.../i/SECRET/unsubscribe>" is put on the wire as it is up to 77 characters,
#   and as "=?utf-8?q?=3Chttps=3A//...?=" from 78 on, though all of it is ASCII. Message-ID, of the same length, is not.
# Why it matters: a personal link has a secret, so it is longer. RFC 8058's one-click needs a URI between angle brackets; a mail
#   service that reads the header as it stands finds none, and bulk mail without it goes to spam. Tests don't notice: the same
#   package decodes it again when it parses. message.policy.clone(max_line_length=998) before sending keeps it whole.
# Seen: "78: =?utf-8?q?=3Chttps=3A//votes=2Eexample=2Eorg/i/...", "parsed again: <https://votes.example.org/i/...", as behind SEEN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'aiosmtpd==1.4.6'
cat >"$work/unsubscribe.py" <<'PY'
import smtplib
import socket
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller

received = []


class Keeps:
    async def handle_DATA(self, server, session, envelope):
        received.append(envelope.content)
        return "250 OK"


def header(content):
    lines = content.split(b"\r\n")
    first = next(at for at, line in enumerate(lines) if line.startswith(b"List-Unsubscribe:"))
    end = next(at for at in range(first + 1, len(lines)) if not lines[at].startswith(b" "))
    return b"".join(lines[first:end]).decode().partition(":")[2].strip()


with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = Controller(Keeps(), hostname="127.0.0.1", port=port)
server.start()
for length, wide in ((77, False), (78, False), (78, True)):
    link = "<https://votes.example.org/i/{}/unsubscribe>"
    link = link.format("7" * (length - len(link) + 2))
    message = EmailMessage(policy.SMTP.clone(max_line_length=998) if wide else policy.SMTP)
    message["From"], message["To"] = "survey@example.org", "anna@example.org"
    message["List-Unsubscribe"] = link
    message["Message-ID"] = f"<{'7' * (length - 2)}>"
    message.set_content("How was it?")
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.send_message(message)
    content = received.pop()
    assert message["Message-ID"].encode() in content
    told, parsed = header(content), message_from_bytes(content, policy=policy.default)["List-Unsubscribe"]
    short = " (wide lines)" if wide else ""
    print(f"{length}{short}: {told[:51]}..., as it was: {told == link}; parsed again: {parsed.strip()[:29]}..., as it was: {parsed.strip() == link}")
server.stop()
PY
timeout 60 "$work/venv/bin/python" "$work/unsubscribe.py" | tee "$work/out"
cat >"$work/seen" <<'SEEN'
77: <https://votes.example.org/i/7777777777777777777777..., as it was: True; parsed again: <https://votes.example.org/i/..., as it was: True
78: =?utf-8?q?=3Chttps=3A//votes=2Eexample=2Eorg/i/7777..., as it was: False; parsed again: <https://votes.example.org/i/..., as it was: True
78 (wide lines): <https://votes.example.org/i/7777777777777777777777..., as it was: True; parsed again: <https://votes.example.org/i/..., as it was: True
SEEN
diff "$work/seen" "$work/out"
echo "as described"
