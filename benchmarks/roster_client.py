"""Who uploads: a client with an API key and a browser's session, over HTTP."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Self

from benchmarks.serving import session_cookie
from devservers.ports import LOOPBACK

TIMEOUT_S: Final = 600
ASKS_EVERY_S: Final = 0.5  # the page asks less often


class NotRead(Exception):
    """The roster did not become ready; the text says what the service answered."""


@dataclass(slots=True)
class Client:
    """A member of staff of a tenant that the benchmark makes."""

    port: int
    key: str
    cookie: str
    _marks: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of_a_new_tenant(cls, *, port: int) -> Self:
        from django.utils import timezone

        from tenants.context import tenant_scope
        from tenants.models import Department
        from tenants.permissions import Role
        from tenants.services import create_member, create_tenant, issue_api_key

        now = timezone.now()
        tenant = create_tenant(
            name="bench", office_name="みなと市保健所", requires_consent=True, sms_age_limit=60, now=now
        )
        with tenant_scope(tenant.pk):
            department = Department.objects.create(name="健康課")
            user = create_member(
                email="b@bench.example", name="bench", password=None, role=Role.STAFF, department=department
            )
            key = issue_api_key(owner=user, name="bench", role=Role.STAFF, department=department, by=None, now=now)
        return cls(port=port, key=key.token, cookie=session_cookie(user))

    def upload_and_see(self, data: bytes) -> dict[str, float]:
        """Seconds after which the upload was answered, reading began, the first and the last rows were stored, the
        roster was ready, and its page answered."""
        began = time.monotonic()
        marks: dict[str, float] = {}
        status, body = self._ask("POST", "/api/v1/rosters", *_multipart(data), key=True)
        marks["the upload was answered"] = time.monotonic() - began
        if status != HTTPStatus.ACCEPTED:
            raise NotRead(body.decode()[:500])
        path = json.loads(body)["id"]
        self._wait_until_ready(path, marks, began)
        status, page = self._ask("GET", f"/rosters/{path}")
        if status != HTTPStatus.OK or "equation" not in page.decode():
            raise NotRead(f"the page answered {status}")
        marks["the page answered"] = time.monotonic() - began
        return marks

    def _wait_until_ready(self, public_id: str, marks: dict[str, float], began: float) -> None:
        while True:
            _status, body = self._ask("GET", f"/api/v1/rosters/{public_id}", key=True)
            roster: dict[str, Any] = json.loads(body)
            passed = time.monotonic() - began
            if passed > TIMEOUT_S or roster["state"] == "failed":
                raise NotRead(str(roster["problems"])[:500])
            if roster["rows"]:
                marks.setdefault("the file was understood", passed)
            if roster["rows_read"]:
                marks.setdefault("the first rows were stored", passed)
                if roster["rows_read"] == roster["rows"]:
                    marks.setdefault("the last rows were stored", passed)
            if roster["state"] == "ready":
                marks["the roster was ready"] = passed
                return
            time.sleep(ASKS_EVERY_S)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", *, key: bool = False
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.key}"} if key else {"Cookie": self.cookie}
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, headers | ({"Content-Type": kind} if kind else {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _multipart(data: bytes) -> tuple[bytes, str]:
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="roster.csv"\r\n\r\n'.encode()
    return head + data + f"\r\n--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"
