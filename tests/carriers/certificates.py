"""Certificates for tests: an authority, what it signs, and servers that show it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key(self) -> str:
        return self.key_with("")

    def key_with(self, password: str) -> str:
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption(),
        ).decode()


def sign(name: str, *, by: Signed | None = None, address: str = "127.0.0.1", until: datetime.timedelta = DAY) -> Signed:
    """A certificate for ``address``, signed by an authority, or an authority's own; over after ``until``."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=0 if by is None else None), critical=True)
    )
    return Signed(builder.sign(by.private if by else private, hashes.SHA256()), private)


class Files:
    """PEM texts as files for a while."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def __enter__(self) -> list[Path]:
        self.folder = tempfile.TemporaryDirectory()
        paths = [Path(self.folder.name) / str(number) for number in range(len(self.texts))]
        for path, text in zip(paths, self.texts, strict=True):
            path.write_text(text)
        return paths

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


def server_tls(server: Signed, *, wants: Signed | None = None) -> ssl.SSLContext:
    """A server's side of TLS; ``wants`` is whom its customers' certificates must be signed by."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with Files(server.pem, server.key) as (certificate, key):
        context.load_cert_chain(certificate, key)
    if wants is not None:
        context.load_verify_locations(cadata=wants.pem)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def asking_server(server: Signed, *, wants: Signed) -> Iterator[int]:
    """The port of a TLS server that takes nobody without a certificate, and says so before it hangs up (asyncio's does not)."""
    context = server_tls(server, wants=wants)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                raw = connection.dup()
                with raw, context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
                    with suppress(OSError):
                        secured.do_handshake()
                    with suppress(OSError):
                        while raw.recv(4096):  # a close with octets unread would reset, and the alert be lost
                            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
