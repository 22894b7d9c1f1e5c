"""A signed-in person's browser, as far as a fault needs one: a session, the form's token, and how long an answer took."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from devservers.ports import LOOPBACK
from tenants.models import User
from tests.conftest import sign_in

FORM_TOKEN = "k" * 32
BOUNDARY = "between-the-fields"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where the connection broke first."""

    status: int
    seconds: float
    location: str = ""


class Visitor:
    """Asks the web process at ``port`` as this person; follows no redirect."""

    def __init__(self, port: int, user: User) -> None:
        self.port = port
        session = sign_in(Client(), user).cookies[settings.SESSION_COOKIE_NAME].value
        cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: FORM_TOKEN}
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())

    def get(self, path: str, *, timeout_s: float = 30) -> Answer:
        return self._ask("GET", path, None, timeout_s)

    def post(self, path: str, *, timeout_s: float = 30, **fields: str) -> Answer:
        return self._ask("POST", path, urlencode({"csrfmiddlewaretoken": FORM_TOKEN, **fields}), timeout_s)

    def upload(self, path: str, data: bytes, *, timeout_s: float = 30) -> Answer:
        """A file in the form's field of that name."""
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{FORM_TOKEN}\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="roster.csv"\r\n\r\n'
        )
        body = head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self._ask("POST", path, body, timeout_s, kind=f"multipart/form-data; boundary={BOUNDARY}")

    def _ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None,
        timeout_s: float,
        *,
        kind: str = "application/x-www-form-urlencoded",
    ) -> Answer:
        headers = {"Cookie": self._cookies, "Content-Type": kind}
        began = time.monotonic()
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, time.monotonic() - began)
        finally:
            connection.close()
        return Answer(response.status, time.monotonic() - began, response.headers.get("Location", ""))
