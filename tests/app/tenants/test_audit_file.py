"""The audit trail: searched, and written out for a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants import audit_file
from tenants.models import AuditEvent, Department
from tenants.permissions import Role
from tenants.selectors import AuditSearch, audit_events
from tenants.services import add_department, record
from tests.conftest import Cast

JAPAN = timezone.get_default_timezone()


def rows_of(response: Any, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode(encoding))))


def note(cast: Cast, *, at: datetime | None = None, action: str = "person.viewed", **details: Any) -> AuditEvent:
    with cast.scope():
        return record(
            action=action,
            by=cast.auditor,
            now=at or timezone.now(),
            kind="person",
            object_id="ab" * 16,
            details=details,
        )


class TestFile:
    def test_says_who_when_whom_and_why(self, acme: Cast, signed_in: Any) -> None:
        note(
            acme,
            at=datetime(2026, 1, 15, 9, 30, tzinfo=JAPAN),
            name="髙橋 花子",
            phone="+816010000001",
            view_reason="本人からの問い合わせ",
        )

        response = signed_in(acme.users[Role.ADMIN]).get("/audit/file?action=person.viewed")

        (row,) = rows_of(response)
        assert row["日時"] == "2026-01-15 09:30:00"
        assert (row["利用者"], row["メールアドレス"]) == ("acme auditor", "auditor@acme.example")
        assert row["操作"] == "個人の記録を見た"
        assert row["だれの"] == "髙橋 花子 / +816010000001"
        assert row["理由"] == "本人からの問い合わせ"

    def test_has_every_line_of_the_search_and_no_other(self, acme: Cast, globex: Cast, signed_in: Any) -> None:
        for day in range(1, 6):
            note(acme, at=datetime(2026, 1, day, 0, 0, tzinfo=JAPAN), name=f"患者{day}")
        note(globex, at=datetime(2026, 1, 3, tzinfo=JAPAN), name="カナリア")

        response = signed_in(acme.users[Role.ADMIN]).get("/audit/file?since=2026-01-02&until=2026-01-04")

        assert [row["だれの"] for row in rows_of(response)] == ["患者2", "患者3", "患者4"]

    @pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "　=1", "\r=1"])
    def test_is_harmless_in_a_spreadsheet(self, acme: Cast, signed_in: Any, cell: str) -> None:
        note(acme, name=cell)

        (row,) = rows_of(signed_in(acme.users[Role.ADMIN]).get("/audit/file?action=person.viewed"))

        assert row["だれの"].startswith("'")

    def test_opens_in_an_old_excel_too(self, acme: Cast, signed_in: Any) -> None:
        note(acme, name="髙橋①")

        response = signed_in(acme.users[Role.ADMIN]).get("/audit/file?action=person.viewed&encoding=cp932")

        assert rows_of(response, "cp932")[0]["だれの"] == "髙橋①"

    def test_that_it_was_made_is_written_down(self, acme: Cast, signed_in: Any) -> None:
        signed_in(acme.users[Role.AUDITOR]).get("/audit/file?action=api_key.issued")

        with acme.scope():
            written = AuditEvent.objects.get(action="audit.exported")
            assert written.user_id == acme.auditor.user_id
            assert written.personal == {"rows": len(Role), "action": "api_key.issued"}

    def test_too_many_lines_are_refused_with_a_sentence(
        self, acme: Cast, signed_in: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit_file, "MOST_LINES", 2)

        response = signed_in(acme.users[Role.ADMIN]).get("/audit/file")

        assert response.status_code == 422
        assert "期間を分けて" in response.content.decode()
        with acme.scope():
            assert not AuditEvent.objects.filter(action="audit.exported").exists()

    @pytest.mark.parametrize("role", [Role.STAFF, Role.APPROVER, Role.VIEWER])
    def test_is_for_admins_and_auditors(self, acme: Cast, signed_in: Any, role: Role) -> None:
        assert signed_in(acme.users[role]).get("/audit/file").status_code == 403


class TestSearch:
    def found(self, cast: Cast, **search: str) -> int:
        with cast.scope():
            return audit_events(by=cast.admin, search=AuditSearch(**search)).count()

    def test_counts_both_days_in(self, acme: Cast) -> None:
        note(acme, at=datetime(2026, 1, 15, 0, 0, tzinfo=JAPAN))
        note(acme, at=datetime(2026, 1, 15, 23, 59, 59, tzinfo=JAPAN))
        note(acme, at=datetime(2026, 1, 16, 0, 0, tzinfo=JAPAN))

        assert self.found(acme, since="2026-01-15", until="2026-01-15") == 2

    def test_finds_what_was_done_to_one_thing(self, acme: Cast) -> None:
        with acme.scope():
            department = add_department(name="別の課", by=acme.admin, now=timezone.now())

        assert self.found(acme, about=str(department.public_id)) == 1

    @pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "yesterday", "2026-02-30", "\x00"])
    def test_a_nonsense_day_is_no_error(self, acme: Cast, day: str) -> None:
        note(acme, at=timezone.now() - timedelta(days=1))

        assert self.found(acme, until=day) >= 0
        assert self.found(acme, since=day) >= 0

    def test_leads_an_auditor_of_one_department_to_its_lines_only(self, acme: Cast, signed_in: Any) -> None:
        from tenants.models import Membership

        with acme.scope():
            other = Department.objects.create(name="別の課")
            Membership.objects.filter(user=acme.users[Role.AUDITOR]).update(department=other)
            for department, name in ((acme.department, "隣の課の人"), (other, "自分の課の人")):
                record(
                    action="person.viewed",
                    by=acme.admin,
                    now=timezone.now(),
                    department_id=department.pk,
                    details={"name": name},
                )

        rows = rows_of(signed_in(acme.users[Role.AUDITOR]).get("/audit/file?action=person.viewed"))

        assert [row["だれの"] for row in rows] == ["自分の課の人"]
