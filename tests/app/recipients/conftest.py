"""Rosters for the tests of this app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recipients.models import Roster
from recipients.services import read_roster, upload_roster
from tests.conftest import NOON, Cast

DATA = Path(__file__).parents[2] / "data"
HEADER = "管理番号,氏名,生年月日,電話番号,SMS同意,療養終了日"


def make_csv(*rows: str, header: str = HEADER) -> bytes:
    """A roster as UTF-8 with a BOM."""
    return "\r\n".join((header, *rows, "")).encode("utf-8-sig")


def person(number: int, *, phone: str | None = None, name: str | None = None, consent: str = "有") -> str:
    """A row that gets a text unless told otherwise."""
    name, phone = name or f"港　{number}郎", phone or f"090{10000000 + number}"
    return f"A-{number:04},{name},1980/01/02,{phone},{consent},2022/08/20"


@pytest.fixture
def uploaded(acme: Cast, enqueued: list[Any]) -> Callable[..., Roster]:
    """Upload bytes or rows as acme's staff and read them; the roster as it stands then."""

    def upload(*rows: str, data: bytes | None = None, cast: Cast = acme, **options: Any) -> Roster:
        with cast.scope():
            content = data if data is not None else make_csv(*rows)
            roster = upload_roster(
                **{
                    "data": content,
                    "file_name": "名簿.csv",
                    "department": cast.department,
                    "by": cast.staff,
                    "now": NOON,
                    **options,
                }
            )
        read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=NOON)
        with cast.scope():
            return Roster.objects.get(pk=roster.pk)

    return upload
