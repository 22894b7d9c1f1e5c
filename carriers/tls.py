"""TLS towards a carrier: whom we trust, who we are, and in words why a connection was refused."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from carriers.errors import Misconfigured

PEM_LENGTH: Final = 40_000  # of a value that holds certificates, chains included
_PEM: Final = "-----BEGIN "
_NEVER_ASKED: Final = ""  # else OpenSSL would ask for a key's password on the terminal
# Alerts of RFC 8446 §6.2 by which a server says that it does not take us. No handshake was completed, so nothing was taken.
_CERTIFICATE_ALERTS: Final = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """An account's side of TLS. ``ca``, ``certificate`` and ``key`` are files, or what would stand in them (PEM).

    Files are opened by ``context`` and not before: only the process that connects has to have them.
    """

    ca: str = ""
    verify: bool = True
    certificate: str = ""
    key: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)

    def check(self) -> None:
        """What can be seen without a file. Raises ``Misconfigured``, naming the key and never its value."""
        if self.key and not self.certificate:
            raise Misconfigured("tls_key without tls_cert")
        for name, shown in (("tls_ca", self.ca), ("tls_cert", self.certificate)):
            if "PRIVATE KEY-----" in shown:
                raise Misconfigured(f"{name} holds a key: it belongs into the sealed tls_key")
        if _is_pem(self.ca):
            _trusting(self.ca)
        if _is_pem(self.certificate) and (not self.key or _is_pem(self.key)):
            self._show_ourselves(ssl.create_default_context())

    def context(self) -> ssl.SSLContext:
        """Raises ``Misconfigured``."""
        context = _trusting(self.ca)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            self._show_ourselves(context)
        return context

    def _show_ourselves(self, context: ssl.SSLContext) -> None:
        with tempfile.TemporaryDirectory(
            prefix="todoke-tls-"
        ) as folder:  # readable by us alone; the module takes files only
            certificate = _as_file(self.certificate, Path(folder) / "certificate.pem")
            key = _as_file(self.key, Path(folder) / "key.pem") if self.key else None
            try:
                context.load_cert_chain(certificate, key, password=lambda: self.key_password or _NEVER_ASKED)
            except ssl.SSLError as exc:
                if exc.reason == "KEY_VALUES_MISMATCH":
                    raise Misconfigured("tls_key does not belong to tls_cert") from None
                raise Misconfigured("tls_cert or tls_key is not usable") from None
            except OSError:
                raise Misconfigured("tls_cert or tls_key can't be read") from None


def certificate_trouble(exc: BaseException | None) -> str:
    """Why one side did not take the other's certificate, in words; "" where ``exc`` tells of something else.

    It looks at what caused ``exc`` too. Then no handshake was completed, and nothing of ours was taken.
    """
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {exc.verify_message}".rstrip(".")
        if isinstance(exc, ssl.SSLError):
            alert = next((name for name in _CERTIFICATE_ALERTS if f"ALERT_{name}" in (exc.reason or "")), None)
            if alert is not None:
                return f"the server refused our certificate: {alert.lower().replace('_', ' ')}"
        seen.add(id(exc))
        exc = exc.__cause__ or exc.__context__
    return ""


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        if _is_pem(ca):
            return ssl.create_default_context(cadata=ca)
        return ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError:
        raise Misconfigured("tls_ca holds no certificate") from None
    except (OSError, ValueError):
        raise Misconfigured("tls_ca can't be read") from None


def _is_pem(value: str) -> bool:
    return _PEM in value


def _as_file(value: str, path: Path) -> Path:
    if not _is_pem(value):
        return Path(value)
    path.touch(mode=0o600)
    path.write_text(value)
    return path
