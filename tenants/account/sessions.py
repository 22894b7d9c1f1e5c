"""Sessions in a table of ours: 30 minutes idle, 12 hours in all, listed and ended by their owner.

The table keeps a hash of the key that the browser holds, so that a dump of the database opens no session.
"""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from tenants import keys
from tenants.models import Session, User
from tenants.sealing import SealBroken

TABLE: Final = "tenants_session"
SEEN_EVERY: Final = timedelta(minutes=1)
STARTED, ADDRESS, DEVICE = "started_at", "address", "device"
POLL_HEADER: Final = "X-Todoke-Poll"
"""Sent by what asks by itself (components/poll.html): a page left open keeps nobody signed in."""


def idle_limit() -> timedelta:
    return timedelta(seconds=settings.SESSION_IDLE_S)


def at_rest(session_key: str | None) -> str:
    """What the table knows a session by. The key is 32 random characters, so a plain hash cannot be guessed."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's sessions in PostgreSQL, with an end that does not move and another that idleness brings."""

    _started_at: datetime | None = None
    _seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        row = live_sessions().filter(session_key=at_rest(self.session_key)).first()
        if row is None:
            self._session_key = None
            return None
        self._started_at, self._seen_at = row.started_at, row.seen_at
        return row

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Sealed: messages to the person who is signed in may name residents, and Django's own form only signs."""
        data = self.serializer().dumps(session_dict)
        return base64.b64encode(keys.service().seal(TABLE, data)).decode()

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Empty for what was altered, or sealed with a master key that is not here: the person signs in again."""
        try:
            data = keys.service().open(TABLE, base64.b64decode(session_data))
        except (SealBroken, ValueError):
            return {}
        opened: dict[str, Any] = self.serializer().loads(data)
        return opened

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=at_rest(session_key)).exists()

    def create(self) -> None:
        self._started_at = None
        super().create()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        now = timezone.now()
        signed_in_at = data.get(STARTED)
        started_at = datetime.fromtimestamp(signed_in_at, UTC) if signed_in_at else self._started_at or now
        self._started_at = started_at
        return Session(
            session_key=at_rest(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=started_at + timedelta(seconds=settings.SESSION_COOKIE_AGE),
            user_id=data.get(SESSION_KEY),
            started_at=started_at,
            seen_at=self._seen_at or now,
            address=data.get(ADDRESS),
            device=data.get(DEVICE, ""),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=at_rest(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        now = timezone.now()
        Session.objects.filter(Q(expire_date__lt=now) | Q(seen_at__lt=now - idle_limit())).delete()

    def mark_seen(self, *, now: datetime) -> None:
        """A person did something. Written once a minute at most: every page asks for it."""
        if self.session_key is not None and (self._seen_at is None or now - self._seen_at >= SEEN_EVERY):
            self._seen_at = now
            Session.objects.filter(session_key=at_rest(self.session_key)).update(seen_at=now)


def live_sessions() -> QuerySet[Session]:
    """Those that are neither over nor idle for too long."""
    now = timezone.now()
    return Session.objects.filter(expire_date__gt=now, seen_at__gt=now - idle_limit())


def mark_seen(request: HttpRequest) -> None:
    """Keep this session from idling away, unless the page asked by itself."""
    if POLL_HEADER not in request.headers and isinstance(request.session, SessionStore):
        request.session.mark_seen(now=timezone.now())


def begin(request: HttpRequest, *, address: str | None) -> None:
    """Note when, from where and by what somebody signed in: the list of their sessions shows it."""
    request.session[STARTED] = time.time()
    request.session[ADDRESS] = address
    request.session[DEVICE] = request.headers.get("User-Agent", "")[:200]


def sessions_of(user: User) -> list[Session]:
    """The live sessions of a person, the one used last on top."""
    return list(live_sessions().filter(user_id=user.pk).order_by("-seen_at"))


def is_current(request: HttpRequest, session: Session) -> bool:
    return session.session_key == at_rest(request.session.session_key)


def end_sessions(user_id: int, *, only: str | None = None, but: str | None = None) -> int:
    """End the sessions of a person: all, ``only`` one, or all ``but`` one (both as the table knows them)."""
    ended = Session.objects.filter(user_id=user_id)
    if only is not None:
        ended = ended.filter(session_key=only)
    if but is not None:
        ended = ended.exclude(session_key=but)
    return ended.delete()[0]
