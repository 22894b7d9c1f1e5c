"""Private servers with a migrated database, for a benchmark that is a process of its own, and its web process."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from devservers import environment as servers_environment
from devservers.ports import LOOPBACK

ROOT: Final = Path(__file__).resolve().parent.parent
UP_WITHIN_S: Final = 60


@contextmanager
def prepared_servers(**more: str) -> Iterator[dict[str, str]]:
    """Their environment and ``more``, which this process then has too; Django is set up. PostgreSQL has ``fsync`` on."""
    with servers_environment.servers(fsync=True, settings="config.settings.test") as environment:
        environment.update(more)
        os.environ.update(environment)  # noqa: TID251 - what config/env.py reads
        _manage("prepare_database")
        _manage("migrate", "--database=owner", "--no-input", "-v0")
        import django

        django.setup()
        yield environment


def _manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def wait_until_up(port: int, *, path: str) -> None:
    """Until the web process answers that address with 200. Raises ``TimeoutError``."""
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=UP_WITHIN_S)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except OSError:  # the socket is not there yet
            time.sleep(0.2)
        finally:
            connection.close()
    raise TimeoutError("the web process did not come up")


def session_cookie(user: Any) -> str:
    """The cookie of a browser in which this person passed password and second factor."""
    from django.conf import settings
    from django.test import Client

    from tenants.account.factors import PROOF

    browser = Client()
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    session = browser.session
    session[PROOF] = {"user": user.pk, "at": time.time()}
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
