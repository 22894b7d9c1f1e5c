"""Texts that an office wrote: sealed in the table, in clear for whoever has the tenant's scope."""

from __future__ import annotations

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from templates_sms.models import TemplateVersion
from templates_sms.services import create_template
from tenants import rotation
from tenants.keys import ring
from tenants.sealing import SealBroken
from tests.conftest import NOON, Cast

TEXT = "{{氏名|様}} 結果のお知らせ 𠮷"


@pytest.fixture
def version(acme: Cast) -> TemplateVersion:
    with acme.scope():
        create_template(name="x", text=TEXT, department=None, by=acme.admin, now=NOON)
        return TemplateVersion.objects.get()


def blob_of(version: TemplateVersion) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM templates_sms_templateversion WHERE id = %s", [version.pk])
        return bytes(cursor.fetchone()[0])


class TestSealedText:
    def test_is_sealed_in_the_table_and_clear_in_python(self, acme: Cast, version: TemplateVersion) -> None:
        with acme.scope():
            blob = blob_of(version)
            assert TemplateVersion.objects.get().text == TEXT
            assert "お知らせ".encode() not in blob
            assert ring().open("templates_sms_templateversion", blob).decode() == TEXT

    @pytest.mark.parametrize("lookup", ["text", "text__contains", "text__startswith", "text__in"])
    def test_cannot_be_searched(self, acme: Cast, version: TemplateVersion, lookup: str) -> None:
        """The same text is never sealed the same, so a comparison would silently find nothing."""
        with acme.scope(), pytest.raises(FieldError):
            TemplateVersion.objects.filter(**{lookup: TEXT}).exists()

    def test_moved_to_another_table_it_does_not_open(self, acme: Cast, version: TemplateVersion) -> None:
        with acme.scope(), pytest.raises(SealBroken):
            ring().open("dispatch_campaign", blob_of(version))

    def test_moves_to_a_new_key(self, committed: None, acme: Cast) -> None:
        columns = {(each.table, each.column) for each in rotation.sealed_columns()}
        assert {("templates_sms_templateversion", "text"), ("dispatch_campaign", "text")} <= columns
        with acme.scope():
            create_template(name="x", text=TEXT, department=None, by=acme.admin, now=NOON)

        rotation.begin(tenant_id=acme.tenant.pk, grace_s=0)
        rotation.reseal(tenant_id=acme.tenant.pk)

        with acme.scope():
            version = TemplateVersion.objects.get()
            assert (version.text, blob_of(version)[1:3]) == (TEXT, b"\x00\x02")
