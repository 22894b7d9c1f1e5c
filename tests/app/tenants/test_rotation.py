"""Keys are changed while people and workers go on: interrupted anywhere, nothing is ever unreadable."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from carriers.models import StoredReceipt
from dispatch import evidence
from dispatch.models import Message
from recipients.models import Recipient, Roster
from recipients.services import mend_row, read_roster, upload_roster
from tenants import keys, rotation, service_rotation
from tenants.models import AuditEvent, TenantKey
from tenants.sealing import SealBroken
from tests.app.reports.sending import deliver, sent_campaign
from tests.conftest import Cast
from tests.factories.dispatch import make_account, person

pytestmark = pytest.mark.usefixtures("committed", "enqueued")


def numbers_in(table: str, cast: Cast, column: str = "sealed") -> set[int]:
    """The numbers of the keys that the blobs of a table name."""
    with rotation.tenant_scope(cast.tenant.pk, using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT substring({column} from 2 for 2) FROM {table}")  # noqa: S608 - our own names
        return {int.from_bytes(bytes(number), "big") for (number,) in cursor.fetchall()}


def uploaded(cast: Cast, rows: int = 30) -> Roster:
    lines = ["管理番号,氏名,電話番号,SMS同意,年齢"]
    lines += [f"R-{row},患者 {row},0901000{row:04d},有,40" for row in range(1, rows + 1)]
    with cast.scope():
        roster = upload_roster(
            data="\n".join(lines).encode(), file_name="a.csv", department=None, by=cast.admin, now=timezone.now()
        )
    read_roster(tenant_id=cast.tenant.pk, roster_id=roster.pk, now=timezone.now())
    return roster


def names_of(cast: Cast) -> list[str]:
    with cast.scope():
        return [recipient.personal["name"] for recipient in Recipient.objects.order_by("row")]


def rotate(cast: Cast, **options: Any) -> None:
    rotation.begin(tenant_id=cast.tenant.pk, grace_s=0)
    rotation.reseal(tenant_id=cast.tenant.pk, **options)


class TestDataKeys:
    def test_every_blob_is_sealed_again_and_reads_the_same(self, acme: Cast) -> None:
        roster = uploaded(acme)
        with acme.scope():
            mend_row(roster=roster, row=3, fields={"name": "直した 人"}, by=acme.admin, now=timezone.now())
        before = names_of(acme)

        rotate(acme)

        assert numbers_in("recipients_recipient", acme) == {2}
        assert numbers_in("recipients_rosterfile", acme) == {2}
        assert numbers_in("tenants_auditevent", acme) == {2}
        assert names_of(acme) == before
        with acme.scope():
            event = AuditEvent.objects.get(action="roster.row_mended")
            assert event.subjects.get().personal["fields"] == {"氏名": "直した 人"}

    def test_the_old_key_goes_only_when_it_is_old_and_unused(self, acme: Cast) -> None:
        uploaded(acme)
        rotation.begin(tenant_id=acme.tenant.pk, grace_s=0)

        assert rotation.retire(tenant_id=acme.tenant.pk).too_young == (1,)
        assert rotation.retire(tenant_id=acme.tenant.pk, retire_s=0).in_use == (1,)
        rotation.reseal(tenant_id=acme.tenant.pk)
        assert rotation.retire(tenant_id=acme.tenant.pk, retire_s=0).deleted == (1,)
        assert len(names_of(acme)) == 30
        with acme.scope():
            assert list(TenantKey.objects.filter(purpose="seal").values_list("number", flat=True)) == [2]

    def test_a_new_key_does_not_seal_before_every_process_knows_it(self, acme: Cast) -> None:
        rotation.begin(tenant_id=acme.tenant.pk, grace_s=120)
        keys.forget_rings()

        with acme.scope():
            ring = keys.ring()
            assert (ring.current, sorted(ring.keys)) == (1, [1, 2])
        assert 120 < rotation.wait_s(tenant_id=acme.tenant.pk) <= 120 + keys.RING_S

    def test_a_process_that_knew_the_keys_before_reads_what_is_sealed_after(
        self, acme: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A ring is looked up again after a minute, whatever else happens."""
        with acme.scope():
            keys.ring()
        rotation.begin(tenant_id=acme.tenant.pk, grace_s=0)
        with acme.scope():
            assert keys.ring().current == 1
            monkeypatch.setattr(keys, "RING_S", -1)
            assert keys.ring().current == 2

    def test_interrupted_it_goes_on_with_the_same_key(self, acme: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        uploaded(acme)
        before = names_of(acme)
        monkeypatch.setattr(rotation, "BATCH_ROWS", 7)

        class Killed(Exception):
            pass

        def kill(column: rotation.SealedColumn, rows: int) -> None:
            if column.table == "recipients_recipient":
                raise Killed

        with pytest.raises(Killed):
            rotate(acme, told=kill)
        keys.forget_rings()

        assert numbers_in("recipients_recipient", acme) == {1, 2}
        assert names_of(acme) == before
        assert rotation.begin(tenant_id=acme.tenant.pk, grace_s=0) == 2
        rotation.reseal(tenant_id=acme.tenant.pk)
        assert numbers_in("recipients_recipient", acme) == {2}
        assert names_of(acme) == before

    def test_a_row_that_somebody_holds_is_left_for_the_next_round(self, acme: Cast) -> None:
        uploaded(acme, rows=3)
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant_id', %s, true)", [str(acme.tenant.pk)])
            cursor.execute("SELECT 1 FROM recipients_recipient WHERE row = 2 FOR UPDATE")
            rotate(acme)
            assert numbers_in("recipients_recipient", acme) == {1, 2}

        rotation.reseal(tenant_id=acme.tenant.pk)
        assert numbers_in("recipients_recipient", acme) == {2}

    def test_another_tenants_keys_stay(self, acme: Cast, globex: Cast) -> None:
        rotate(acme)

        with globex.scope():
            assert keys.ring().current == 1


class TestMasterKey:
    def test_everything_moves_and_the_old_one_can_go(
        self, acme: Cast, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account = make_account()
        sent_campaign(acme, [person(1)])
        with acme.scope():
            deliver(acme, Message.objects.get())
        number, old = next(iter(settings.MASTER_KEYS.items()))
        renew(settings, {number: old, number + 1: os.urandom(32)})

        call_command("rotate_keys", "--master")

        assert f"master key {number} is used by nothing any more" in capsys.readouterr().out
        renew(settings, {number + 1: settings.MASTER_KEYS[number + 1]})
        assert names_of(acme) == ["患者1"]
        account.refresh_from_db(using="operator")
        assert account.full_config["password"] == "secret"
        with acme.scope():
            (event,) = [e for e in evidence.timeline_of(Message.objects.get()) if e.kind == "receipt"]
            assert "stat:DELIVRD" in event.raw_words

    def test_without_the_move_the_old_one_is_needed(self, acme: Cast, settings: Any) -> None:
        uploaded(acme, rows=1)
        renew(settings, {max(settings.MASTER_KEYS) + 1: os.urandom(32)})

        with pytest.raises(SealBroken):
            names_of(acme)

    def test_the_second_factors_secrets_move_too(self, acme: Cast, settings: Any) -> None:
        number, old = next(iter(settings.MASTER_KEYS.items()))
        secret = base64.b64encode(keys.service().seal("mfa_authenticator", b"JBSWY3DP")).decode()
        with connections["owner"].cursor() as cursor:
            cursor.execute("DELETE FROM mfa_authenticator WHERE user_id <> %s", [acme.staff.user_id])
            cursor.execute(
                "UPDATE mfa_authenticator SET data = jsonb_build_object('secret', %s::text, 'used', '[]'::jsonb)",
                [secret],
            )
        renew(settings, {number: old, number + 1: os.urandom(32)})

        assert service_rotation.sealed_under(number) == 1
        assert service_rotation.reseal_service() == 1
        assert service_rotation.sealed_under(number) == 0
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT data ->> 'secret', data -> 'used' IS NOT NULL FROM mfa_authenticator")
            moved, is_kept = cursor.fetchone()
        assert keys.service().open("mfa_authenticator", base64.b64decode(moved)) == b"JBSWY3DP"
        assert is_kept

    def test_no_stored_receipt_is_left_out(self) -> None:
        tables = {column.table for column in service_rotation.service_columns()}

        assert StoredReceipt._meta.db_table in tables
        assert tables == {"carriers_storedreceipt", "carriers_inboundtext", "carriers_carrieraccount"}


class TestCommand:
    def test_rotates_one_tenant(self, acme: Cast, globex: Cast, capsys: pytest.CaptureFixture[str]) -> None:
        uploaded(acme, rows=2)

        call_command("rotate_keys", "--tenant", str(acme.tenant.pk), "--grace-s", "0", "--retire-s", "0")

        said = capsys.readouterr().out
        assert f"tenant {acme.tenant.pk}: old key 1 deleted" in said
        assert f"tenant {globex.tenant.pk}:" not in said
        assert names_of(acme) == ["患者 1", "患者 2"]


def renew(settings: Any, master_keys: dict[int, bytes]) -> None:
    """As a process that starts with other master keys."""
    settings.MASTER_KEYS = master_keys
    keys.forget_rings()
    keys.service.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_service_keys() -> Any:
    yield
    keys.service.cache_clear()
