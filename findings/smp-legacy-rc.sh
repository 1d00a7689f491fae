#!/usr/bin/env bash
# smp 4.2.0 (under smpclient and smpmgr): a successful answer that also says "rc": 0 is refused, but for image upload.
#
# Behaviour: every answer is a pydantic model that forbids keys it does not know. Servers of before Zephyr 3.3, of Mynewt, and
#   of newer Zephyr with CONFIG_MCUMGR_SMP_LEGACY_RC_BEHAVIOUR put "rc": 0 into an answer without error. Only the answers to
#   image upload know the key; file upload, parameters, date and time, echo raise ValidationError, as for any new key.
# Why it matters: image upload works with such a device, so the client seems to fit it; the first file upload or question
#   for its parameters then ends in an error that names pydantic. And a server that adds a key of its own to an answer of
#   a standard group locks these clients out: it belongs into a group of one's own.
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'smp==4.2.0'
timeout 60 "$work/venv/bin/python" 2>/dev/null >"$work/came" <<'PY'
import struct

import cbor2
from pydantic import ValidationError
from smp.file_management import FileUploadResponse
from smp.image_management import ImageUploadWriteResponse
from smp.os_management import DateTimeReadResponse, EchoWriteResponse, MCUMgrParametersReadResponse

READ_ANSWER, WRITE_ANSWER = 1, 3
CASES = (
    (ImageUploadWriteResponse, WRITE_ANSWER, 1, 1, {"off": 64}),
    (FileUploadResponse, WRITE_ANSWER, 8, 0, {"off": 64}),
    (MCUMgrParametersReadResponse, READ_ANSWER, 0, 6, {"buf_size": 384, "buf_count": 2}),
    (DateTimeReadResponse, READ_ANSWER, 0, 4, {"datetime": "2026-11-28T10:00:00"}),
    (EchoWriteResponse, WRITE_ANSWER, 0, 0, {"r": "hello"}),
)


def is_taken(answer, operation, group, command, said):
    body = cbor2.dumps(said)
    head = struct.pack(">BBHHBB", operation, 0, len(body), group, 1, command)
    try:
        answer.loads(head + body)
    except ValidationError:
        return "refused"
    return "taken"


for answer, operation, group, command, said in CASES:
    plain = is_taken(answer, operation, group, command, said)
    legacy = is_taken(answer, operation, group, command, {"rc": 0} | said)
    print(f"{answer.__name__}: {plain}, with rc {legacy}")
PY
diff - "$work/came" <<'SEEN'
ImageUploadWriteResponse: taken, with rc taken
FileUploadResponse: taken, with rc refused
MCUMgrParametersReadResponse: taken, with rc refused
DateTimeReadResponse: taken, with rc refused
EchoWriteResponse: taken, with rc refused
SEEN
echo "as described"
