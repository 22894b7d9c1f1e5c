"""The fences around a tenant, each alone."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.context import TenantScopeConflict, TenantScopeMissing, tenant_scope
from tenants.models import AuditEvent, Department, Membership
from tenants.permissions import Role
from tests.conftest import Cast


class TestManager:
    def test_refuses_to_build_a_query_without_a_scope(self, acme: Cast) -> None:
        with pytest.raises(TenantScopeMissing):
            Department.objects.all()

    def test_sees_the_rows_of_the_scope_only(self, acme: Cast, globex: Cast) -> None:
        with acme.scope():
            assert list(Department.objects.all()) == [acme.department]

    def test_refuses_a_scope_inside_another_tenants(self, acme: Cast, globex: Cast) -> None:
        with acme.scope(), pytest.raises(TenantScopeConflict), tenant_scope(globex.tenant.pk):
            pass


class TestRowSecurity:
    def test_hides_other_tenants_rows_from_plain_sql(self, acme: Cast, globex: Cast) -> None:
        with acme.scope(), connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT tenant_id FROM tenants_membership")
            assert cursor.fetchall() == [(acme.tenant.pk,)]

    def test_hides_everything_without_a_scope(self, acme: Cast) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants_membership")
            assert cursor.fetchone() == (0,)

    def test_refuses_a_row_for_another_tenant(self, acme: Cast, globex: Cast) -> None:
        with pytest.raises(DatabaseError, match="row-level security"), acme.scope():
            Department.objects.create(tenant_id=globex.tenant.pk, name="x")

    def test_forgets_the_scope_inside_a_longer_transaction(self, acme: Cast) -> None:
        with acme.scope():
            pass
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants_department")
            assert cursor.fetchone() == (0,)


class TestCompositeKeys:
    def test_refuse_a_link_into_another_tenant(self, acme: Cast, globex: Cast) -> None:
        with acme.scope(), transaction.atomic(), connection.cursor() as cursor:
            Membership.objects.create(user=acme.users[Role.STAFF], department_id=globex.department.pk, role="viewer")
            with pytest.raises(DatabaseError, match="foreign key"):
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)


class TestAuditTrail:
    @pytest.mark.parametrize(
        "statement", ["UPDATE tenants_auditevent SET action = 'x'", "DELETE FROM tenants_auditevent"]
    )
    def test_is_append_only(self, acme: Cast, statement: str) -> None:
        with acme.scope():
            assert AuditEvent.objects.exists()
            with (
                pytest.raises(DatabaseError, match="permission denied"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
