"""A server that speaks HTTP/2 alone, over TLS with a certificate of its own, for tests.

    python http2_server.py FOLDER BODY

Writes its certificate to FOLDER/certificate.pem, prints `listening on PORT` once it answers at https://localhost:PORT, and runs until its standard
input ends. Every request, which has no body, is answered with BODY as JSON; FOLDER/log has a line for each connection and each request.

HTTP/2 as far as it is needed: RFC 9113 frames, and of RFC 7541 what a response with two headers takes. Requests are not decoded.
"""

import datetime
import ipaddress
import pathlib
import socket
import ssl
import struct
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field that goes into no table, without Huffman's code."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def exactly(source, count):
    found = b""
    while len(found) < count:
        more = source.recv(count - len(found))
        if not more:
            raise ConnectionError("the client is gone")
        found += more
    return found


def serve(connection, body, note):
    if connection.selected_alpn_protocol() != "h2":
        return note("no HTTP/2")
    note("connection")
    if exactly(connection, len(PREFACE)) != PREFACE:
        return
    connection.sendall(frame(SETTINGS, 0, 0))
    while True:
        head = exactly(connection, 9)
        length, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
        payload = exactly(connection, length)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            return
        elif kind == HEADERS:
            note("request")
            fields = b"\x88" + literal(b"content-type", b"application/json")  # 0x88 is ":status: 200"
            connection.sendall(frame(HEADERS, END_HEADERS, stream, fields) + frame(DATA, END_STREAM, stream, body))


def main():
    folder, body = pathlib.Path(sys.argv[1]), sys.argv[2].encode()
    folder.mkdir(parents=True, exist_ok=True)
    make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.set_alpn_protocols(["h2"])
    lock = threading.Lock()

    def note(text):
        with lock, open(folder / "log", "a") as log:
            log.write(text + "\n")

    def accept(connection):
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                serve(secure, body, note)
        except (OSError, ConnectionError) as error:
            note(f"lost: {type(error).__name__}")

    listener = socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            threading.Thread(target=accept, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    print(f"listening on {listener.getsockname()[1]}", flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
