"""A tenant is erased: keys, rows, people. Interrupted, it goes on; the others do not notice."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from dispatch.models import Message
from dispatch.services.forgetting import tenants_of_service
from tenants import keys, tenant_erasure
from tenants.models import Session, Tenant, TenantErasure, User
from tenants.permissions import Role
from tenants.sealing import SealBroken
from tenants.tenant_erasure import StillActive, close_tenant, digest_of, erase_tenant
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, many

pytestmark = pytest.mark.usefixtures("committed", "enqueued")


@pytest.fixture
def both(acme: Cast, globex: Cast) -> None:
    for cast in (acme, globex):
        make_account(name=cast.tenant.name)
        sent_campaign(cast, many(3))
        with cast.scope():
            queued = list(Message.objects.all())
        for message in queued:
            deliver(cast, message)


def rows_of(tenant_id: int) -> dict[str, int]:
    """Table → rows with this tenant's number, as the superuser sees them."""
    import psycopg

    from tests.conftest import admin_url

    with psycopg.connect(admin_url()) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id' AND table_schema = 'public'"
        ).fetchall()
        counted = {
            table: connection.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", [tenant_id]).fetchall()  # noqa: S608 - our own names
            for (table,) in tables
            if table != "tenants_tenanterasure"
        }
    return {table: n for table, ((n,),) in counted.items() if n}


def erase(cast: Cast) -> TenantErasure:
    close_tenant(tenant_id=cast.tenant.pk)
    return erase_tenant(tenant_id=cast.tenant.pk, reason="契約の終了", by="みなと市長", now=timezone.now())


def test_nothing_of_the_tenant_is_left(both: None, acme: Cast, globex: Cast, signed_in: Any) -> None:
    signed_in(acme.users[Role.ADMIN])
    others = rows_of(globex.tenant.pk)

    erasure = erase(acme)

    assert rows_of(acme.tenant.pk) == {}
    assert rows_of(globex.tenant.pk) == others
    assert not User.objects.filter(tenant_id=acme.tenant.pk).exists()
    assert not Session.objects.exists()
    assert erasure.counts["recipients_recipient"] == erasure.counts["dispatch_message"] == 3
    assert erasure.counts["carriers_storedreceipt"] == 3
    assert erasure.counts["tenants_tenantkey"] == 2
    assert erasure.counts["tenants_user"] == len(Role)


def test_keys_go_first(both: None, acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(Exception):
        pass

    def kill(*_args: Any) -> int:
        raise Killed

    monkeypatch.setattr(tenant_erasure, "_delete_batch", kill)
    with pytest.raises(Killed):
        erase(acme)

    assert rows_of(acme.tenant.pk)["dispatch_message"] == 3
    assert "tenants_tenantkey" not in rows_of(acme.tenant.pk)
    with acme.scope(), pytest.raises(SealBroken):
        keys.ring()

    monkeypatch.undo()
    assert erase(acme).done_at is not None
    assert rows_of(acme.tenant.pk) == {}


def test_a_second_time_it_is_the_same_certificate(both: None, acme: Cast) -> None:
    first, second = erase(acme), erase(acme)

    assert (first.pk, first.counts, bytes(first.digest or b"")) == (
        second.pk,
        second.counts,
        bytes(second.digest or b""),
    )
    assert digest_of(TenantErasure.objects.using("owner").get()) == bytes(second.digest or b"")


def test_a_working_tenant_is_refused(acme: Cast) -> None:
    with pytest.raises(StillActive):
        erase_tenant(tenant_id=acme.tenant.pk, reason="x", by="x", now=timezone.now())


def test_nothing_goes_on_working_at_it(both: None, acme: Cast, globex: Cast) -> None:
    erase(acme)

    assert tenants_of_service() == [globex.tenant.pk]
    call_command("rotate_keys", "--grace-s", "0", "--retire-s", "0")


class TestCommand:
    def test_prints_the_certificate(self, both: None, acme: Cast, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("erase_tenant", str(acme.tenant.pk), "--name", "acme", "--by", "市長", "--reason", "契約の終了")
        call_command("erase_tenant", str(acme.tenant.pk), "--show")

        said = capsys.readouterr().out
        assert said.count("dispatch_message: 3") == 2
        assert said.count("(genuine)") == 2
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE tenants_tenanterasure SET reason = 'x'")
        call_command("erase_tenant", str(acme.tenant.pk), "--show")
        assert "ALTERED" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "given", [[], ["--name", "globex", "--by", "x", "--reason", "x"], ["--name", "acme", "--by", "x"]]
    )
    def test_refuses_what_is_not_meant(self, acme: Cast, given: list[str]) -> None:
        with pytest.raises(CommandError):
            call_command("erase_tenant", str(acme.tenant.pk), *given)

        assert Tenant.objects.get(pk=acme.tenant.pk).is_active
