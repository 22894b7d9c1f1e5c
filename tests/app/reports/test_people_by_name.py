"""記録をさがす by name and kana: rosters that are really read, found in any writing by whoever may see them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from recipients.models import NameGram, Recipient, Roster
from recipients.name_grams import grams_of
from recipients.selectors.names import gram_hasher
from recipients.services import change_mapping, mend_row, read_roster, upload_roster
from recipients.services.naming import NameIndex, index_roster
from reports.selectors.people import find_people
from tenants.context import tenant_scope
from tenants.keys import ring
from tenants.models import Department, Tenant
from tests.conftest import Cast

pytestmark = pytest.mark.usefixtures("committed", "enqueued")
PEOPLE = [
    ("R4-1", "髙橋　花子", "ﾀｶﾊｼ ﾊﾅｺ", "09010000001"),
    ("R4-2", "高橋 一郎", "タカハシ イチロウ", "09010000002"),
    ("R4-3", "辻 一", "ツジ ハジメ", "09010000003"),
    ("R4-4", "渡邉美咲", "わたなべ　みさき", "09010000004"),
]


def read(cast: Cast, people: Any = PEOPLE, *, department: Department | None = None) -> Roster:
    lines = ["管理番号,氏名,フリガナ,電話番号,SMS同意,年齢"]
    lines += [f"{number},{name},{kana},{phone},有,40" for number, name, kana, phone in people]
    with cast.scope():
        roster = upload_roster(
            data="\r\n".join(lines).encode(),
            file_name="名簿.csv",
            department=department,
            by=cast.admin,
            now=timezone.now(),
        )
    assert read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=timezone.now())
    return roster


def names(cast: Cast, query: str, *, by: Any = None) -> list[str]:
    with cast.scope():
        return sorted(person.name for person in find_people(query, by=by or cast.admin))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("高橋", ["髙橋　花子", "高橋 一郎"]),
        ("髙橋花子", ["髙橋　花子"]),
        ("たかはし", ["髙橋　花子", "高橋 一郎"]),
        ("ﾀｶﾊｼ ｲﾁﾛｳ", ["高橋 一郎"]),
        ("花子", ["髙橋　花子"]),
        ("辻", ["辻 一"]),
        ("渡辺", ["渡邉美咲"]),
        ("ワタナベ", ["渡邉美咲"]),
        ("Ｒ４−４", []),
        ("Ｒ４-４", ["渡邉美咲"]),
        ("r4-3", ["辻 一"]),
        ("090-1000-0003", ["辻 一"]),
        ("橋高", []),
        ("一郎高橋", []),
        ("鈴木", []),
    ],
)
def test_any_writing_finds_the_person(acme: Cast, query: str, found: list[str]) -> None:
    read(acme)

    assert names(acme, query) == sorted(found)


def test_the_index_has_what_the_names_have(acme: Cast) -> None:
    """Gathered part by part for speed: the same pairs as of the whole name."""
    index = NameIndex()
    for row, (_number, name, kana, _phone) in enumerate(PEOPLE, start=1):
        index.add(row, name, kana)
    every = {gram for _number, name, kana, _phone in PEOPLE for gram in (*grams_of(name), *grams_of(kana))}

    for row, (_number, name, kana, _phone) in enumerate(PEOPLE, start=1):
        pairs = {*grams_of(name), *grams_of(kana)}
        assert {gram for gram in every if row in index.rows_with(gram)} == pairs


def test_another_tenant_finds_nothing(acme: Cast, globex: Cast) -> None:
    read(acme)

    assert names(globex, "高橋") == []
    with tenant_scope(globex.tenant.pk):
        assert not NameGram.objects.exists()


def test_another_department_finds_nothing(acme: Cast) -> None:
    with acme.scope():
        other = Department.objects.create(name="税務課")
    read(acme, department=other)

    assert names(acme, "高橋", by=acme.staff) == []
    assert len(names(acme, "高橋")) == 2


def test_a_mended_name_is_found_by_the_new_one_only(acme: Cast) -> None:
    roster = read(acme)
    with acme.scope():
        mend_row(
            roster=roster,
            row=2,
            fields={"name": "佐藤 一郎", "kana": "サトウ イチロウ"},
            by=acme.admin,
            now=timezone.now(),
        )

    assert names(acme, "佐藤") == ["佐藤 一郎"]
    assert names(acme, "たかはし") == ["髙橋　花子"]
    assert names(acme, "一郎") == ["佐藤 一郎"]


def test_reading_again_with_other_columns_replaces_the_names(acme: Cast) -> None:
    roster = read(acme)
    with acme.scope():
        change_mapping(
            roster=roster,
            mapping={"phone": "電話番号", "name": "フリガナ", "consent": "SMS同意", "age": "年齢"},
            by=acme.admin,
            now=timezone.now(),
        )
    read_roster(tenant_id=acme.tenant.pk, roster_id=roster.pk, now=timezone.now())

    assert names(acme, "高橋") == []
    assert names(acme, "タカハシ") == ["タカハシ イチロウ", "ﾀｶﾊｼ ﾊﾅｺ"]


def test_rosters_of_before_can_be_indexed(acme: Cast) -> None:
    roster = read(acme)
    with acme.scope():
        before = set(NameGram.objects.values_list("gram", flat=True))
        NameGram.objects.all().delete()
        index_roster(roster)
        assert set(NameGram.objects.values_list("gram", flat=True)) == before


def test_the_table_tells_no_pair_without_the_key(acme: Cast, globex: Cast) -> None:
    with tenant_scope(acme.tenant.pk):
        mine = gram_hasher(ring())("高橋")
    with tenant_scope(globex.tenant.pk):
        assert gram_hasher(ring())("高橋") != mine


def test_a_common_name_is_cut(acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.selectors.people.MOST_PEOPLE", 1)
    read(acme)
    assert Tenant.objects.count() == 1
    with acme.scope():
        assert Recipient.objects.count() == 4
        assert len(find_people("高橋", by=acme.admin)) == 1
