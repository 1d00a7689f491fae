#!/usr/bin/env bash
# OpenSSL 3 under CPython's ssl (any server on OpenSSL, mosquitto too): when the server's revocation list has run out,
# every client is told that its own certificate has expired.
#
# Behaviour: a server asks for client certificates and checks them against a CRL (VERIFY_CRL_CHECK_LEAF). The certificates
#   of both sides are good for a year and not revoked; the CRL's next_update was yesterday. The server's own error says
#   "CRL has expired", but the alert on the wire is 45, certificate_expired, since TLS has no alert for a stale list. In TLS
#   1.3 the client's handshake has succeeded before, so the alert comes with its first read.
# Why it matters: a whole fleet falls silent in one second, each device logs "certificate expired", and whoever reads that
#   renews certificates in the field, which changes nothing. A list must be renewed well before its end, its end belongs in
#   the monitoring beside those of the certificates, and a client should read alert 45 as "mine, or the server's list".
# Seen: the lines behind SEEN below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cryptography==46.0.3'
cd "$work"
timeout 60 "$work/venv/bin/python" >"$work/came" <<'PY'
import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.now(timezone.utc)
DAY = timedelta(days=1)
ca_key = ec.generate_private_key(ec.SECP256R1())
ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a private CA")])


def certificate(name, key, extensions):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 365 * DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def write(name, *parts):
    with open(name, "wb") as file:
        file.write(b"".join(parts))


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


write("ca.pem", certificate(ca_name, ca_key, [(x509.BasicConstraints(True, None), True)]))
for who in ("localhost", "client"):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, who)])
    write(who + ".pem", private(key), certificate(name, key, [(x509.SubjectAlternativeName([x509.DNSName(who)]), False)]))


def revoked_nothing(until):
    made = x509.CertificateRevocationListBuilder().issuer_name(ca_name).last_update(NOW - 10 * DAY).next_update(until)
    return made.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def meet(list_until):
    write("trusted.pem", open("ca.pem", "rb").read(), revoked_nothing(list_until))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain("localhost.pem")
    server.load_verify_locations("trusted.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    client = ssl.create_default_context(cafile="ca.pem")
    client.load_cert_chain("client.pem")
    said = {}

    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            try:
                with server.wrap_socket(connection, server_side=True) as secure:
                    secure.sendall(b"welcome")
                    said["server"] = "fine"
            except ssl.SSLError as error:
                said["server"] = getattr(error, "verify_message", "") or error.reason

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with socket.create_connection(listener.getsockname(), timeout=10) as plain:
            try:
                with client.wrap_socket(plain, server_hostname="localhost") as secure:
                    said["client"] = secure.recv(100).decode()
            except ssl.SSLError as error:
                said["client"] = error.reason.split("ALERT_")[-1].lower().replace("_", " ")
        thread.join(10)
    return f"server: {said['server']}; client: {said['client']}"


print("list good for a day  ->", meet(NOW + DAY))
print("list ended yesterday ->", meet(NOW - DAY))
PY
cat >"$work/seen" <<'SEEN'
list good for a day  -> server: fine; client: welcome
list ended yesterday -> server: CRL has expired; client: certificate expired
SEEN
diff "$work/seen" "$work/came"
echo "still so: $(python3 -c 'import ssl; print(ssl.OPENSSL_VERSION)')"
