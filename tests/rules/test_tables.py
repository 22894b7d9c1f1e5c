"""Every table: a tenant's, fenced by forced row security and composite keys, or one of the shared ones named here.

Read from PostgreSQL's own catalogue, so that a migration that forgets something is found.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections

from tenants.managers import TenantForeignKey, TenantManager
from tenants.models import TenantOwned
from tests.conftest import Cast

SHARED: Final = {
    # who logs in, and what logging in needs
    "tenants_tenant",
    "tenants_user",
    "account_emailaddress",
    "account_emailconfirmation",
    "mfa_authenticator",
    "django_session",
    "tenants_session",
    "tenants_recoverycode",
    "tenants_attempt",
    "tenants_tenanterasure",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    # Django's own
    "django_content_type",
    "django_migrations",
    "tenants_cache",
    # the service's carriers
    "carriers_carrieraccount",
    "carriers_carrierbind",
    "carriers_carriertally",
    "carriers_accounthealth",
    "carriers_callrefusal",
    "carriers_inboundtext",
    "carriers_storedreceipt",
    "carriers_webhookcall",
    "reports_incident",
    "reports_incidentnotice",
    "dispatch_carrierid",
    "dispatch_tenantturn",
}
# All that the application ever deletes; the rest is emptied, ended or put away, and stays as evidence.
DELETABLE: Final = {
    "account_emailaddress",
    "account_emailconfirmation",
    "mfa_authenticator",
    "tenants_attempt",
    "tenants_cache",
    "tenants_idempotencykey",
    "tenants_membership",
    "tenants_recoverycode",
    "tenants_sentform",
    "tenants_session",
    "recipients_consent",
    "recipients_exclusionlist",
    "recipients_namegram",
    "recipients_rosterfile",
    "recipients_rosterproblem",
    "dispatch_followup",
    "dispatch_messagepart",
    "dispatch_tally",
}
PERSONAL: Final = ("sealed", "phone_hash", "reference_hash", "tenant_id", "public_id")
KINDS: Final = ("app", "carrier", "operator")
pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def ask(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def tenant_tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models() if issubclass(model, TenantOwned)}


class TestEveryTable:
    def test_is_a_tenants_or_named_as_shared(self) -> None:
        tables = {name for (name,) in ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

        assert tables - tenant_tables() == SHARED
        assert not SHARED & tenant_tables()

    def test_of_a_tenant_forces_row_security(self) -> None:
        forced = {
            name
            for (name,) in ask(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
            )
        }

        assert tenant_tables() <= forced
        assert "carriers_storedreceipt" in forced

    def test_of_a_tenant_shows_the_application_its_scope_only(self) -> None:
        policies = ask(
            "SELECT tablename, roles::text[], qual, with_check FROM pg_policies WHERE 'todoke_app' = ANY(roles::text[])"
        )
        by_table: dict[str, list[tuple[Any, ...]]] = {}
        for table, *policy in policies:
            by_table.setdefault(table, []).append(tuple(policy))

        assert tenant_tables() <= set(by_table)
        for table, found in by_table.items():
            assert len(found) == 1, table
            ((_roles, using, check),) = found
            assert "current_setting('app.tenant_id'" in using, table
            assert check is None or "current_setting('app.tenant_id'" in check, table
            assert check is not None or table in {"carriers_storedreceipt", "carriers_inboundtext"}, table

    def test_opens_all_tenants_rows_to_carrier_and_operator_only(self) -> None:
        open_to = {
            role for (roles,) in ask("SELECT roles::text[] FROM pg_policies WHERE qual = 'true'") for role in roles
        }

        assert open_to == {"todoke_carrier", "todoke_operator"}

    def test_links_carry_the_tenant(self) -> None:
        constraints = {
            (table, tuple(columns))
            for table, columns in ask(
                """SELECT c.conrelid::regclass::text, array_agg(a.attname::text ORDER BY k.place)
                FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY AS k (number, place), pg_attribute a
                WHERE c.contype = 'f' AND a.attrelid = c.conrelid AND a.attnum = k.number GROUP BY c.oid, c.conrelid"""
            )
        }
        for model in apps.get_models():
            if not issubclass(model, TenantOwned):
                continue
            for field in model._meta.concrete_fields:
                if not field.is_relation or field.name == "tenant":
                    continue
                link = (model._meta.db_table, ("tenant_id", field.column))
                assert isinstance(field, TenantForeignKey), field
                assert link in constraints, field
                assert (model._meta.db_table, (field.column,)) not in constraints, field

    def test_of_a_tenant_proves_the_tenant_of_each_row(self) -> None:
        proven = ask(
            """SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint c
            WHERE c.contype = 'f' AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid
                AND a.attname = 'tenant_id' AND a.attnotnull AND a.attnum = ANY (c.conkey))
            AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid
                AND a.attnum = ANY (c.conkey) AND NOT a.attnotnull)"""
        )

        assert tenant_tables() == {table for (table,) in proven} & tenant_tables()

    def test_of_a_tenant_has_the_manager_that_refuses(self) -> None:
        for model in apps.get_models():
            if issubclass(model, TenantOwned):
                assert isinstance(model._default_manager, TenantManager), model
                assert isinstance(model._base_manager, TenantManager), model


class TestMessages:
    def test_change_in_no_column_that_an_index_mentions(self) -> None:
        """Else no update stays on its page, and each writes into every index."""
        changing = ask(
            "SELECT column_name FROM information_schema.column_privileges"
            " WHERE table_name = 'dispatch_message' AND privilege_type = 'UPDATE' AND grantee = 'todoke_carrier'"
        )
        indexed = ask(
            """SELECT a.attname FROM pg_index i, pg_attribute a
            WHERE i.indrelid = 'dispatch_message'::regclass AND a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"""
        )

        assert set(changing) & set(indexed) == set()
        assert ("state",) in changing


class TestRoles:
    def test_nobody_but_the_superuser_bypasses(self) -> None:
        users = [settings.DATABASES[alias]["USER"] for alias in settings.DATABASES]
        groups = [f"todoke_{kind}" for kind in (*KINDS, "owner")]
        found = ask(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = ANY(%s)",
            [users + groups],
        )

        assert len({name for name, *_ in found}) == 8
        assert not any(superuser or bypasses or creates for _name, superuser, bypasses, creates in found)

    def test_none_but_the_owner_owns_a_table(self) -> None:
        owners = {owner for (owner,) in ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")}

        assert owners == {settings.DATABASES["owner"]["USER"]}

    def test_none_is_a_member_of_another(self) -> None:
        owner = settings.DATABASES["owner"]["USER"]
        for alias, group in (("default", "todoke_app"), ("carrier", "todoke_carrier"), ("operator", "todoke_operator")):
            ((is_own, is_owner),) = ask(
                "SELECT pg_has_role(%(user)s, %(group)s, 'member'), pg_has_role(%(user)s, %(owner)s, 'member')",
                {"user": settings.DATABASES[alias]["USER"], "group": group, "owner": owner},
            )
            others = {f"todoke_{kind}" for kind in KINDS} - {group}
            memberships = ask(
                "SELECT g FROM unnest(%s::text[]) AS g WHERE pg_has_role(%s, g, 'member')",
                [sorted(others), settings.DATABASES[alias]["USER"]],
            )
            assert (is_own, is_owner, memberships) == (True, False, [])

    def test_the_audit_trail_is_append_only_for_the_application(self) -> None:
        granted = {
            privilege
            for (privilege,) in ask(
                "SELECT privilege_type FROM information_schema.role_table_grants"
                " WHERE table_name = 'tenants_auditevent' AND grantee = 'todoke_app'"
            )
        }

        assert granted == {"SELECT", "INSERT"}

    def test_the_application_deletes_only_what_it_must(self) -> None:
        deletable = ask(
            "SELECT table_name FROM information_schema.role_table_grants"
            " WHERE privilege_type = 'DELETE' AND grantee = 'todoke_app'"
        )

        assert {table for (table,) in deletable} == DELETABLE

    def test_the_application_makes_keys_and_neither_changes_nor_destroys_one(self) -> None:
        granted = ask(
            "SELECT privilege_type FROM information_schema.role_table_grants"
            " WHERE table_name = 'tenants_tenantkey' AND grantee = 'todoke_app'"
        )

        assert {privilege for (privilege,) in granted} == {"SELECT", "INSERT"}

    @pytest.mark.parametrize("role", ["todoke_carrier", "todoke_operator"])
    def test_whoever_sends_or_operates_changes_no_text_and_no_owner(self, role: str) -> None:
        columns = ask(
            "SELECT table_name, column_name FROM information_schema.column_privileges"
            " WHERE privilege_type = 'UPDATE' AND grantee = %s AND column_name = ANY(%s) AND table_name LIKE 'dispatch%%'",
            [role, list(PERSONAL)],
        )

        assert {
            (table, column) for table, column in columns if table in {"dispatch_message", "dispatch_batch"}
        } == set()

    def test_nobody_but_our_log_ins_comes_into_the_database(self) -> None:
        """The group roles belong to the server, so those of another installation have rights on our tables too."""
        ((acl,),) = ask("SELECT datacl::text[] FROM pg_database WHERE datname = current_database()")

        assert acl
        assert not [entry for entry in acl if entry.startswith("=")]

    def test_functions_of_the_owner_search_temporary_objects_last(self) -> None:
        """Else whoever may make a temporary table with a trigger runs their own code as the owner."""
        functions = ask(
            "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )

        assert {name for name, _ in functions} == {
            "carriers_forget_inbound",
            "carriers_forget_receipts",
            "tenants_forget_audit",
            "tenants_forget_subjects",
        }
        assert {tuple(config) for _, config in functions} == {("search_path=pg_catalog, public, pg_temp",)}

    def test_a_temporary_table_in_the_way_runs_nothing_as_the_owner(self, acme: Cast) -> None:
        with acme.scope(), connections["default"].cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE tenants_auditevent (id bigint, tenant_id bigint, at timestamptz)")
            cursor.execute(
                "CREATE FUNCTION pg_temp.climb() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'I am %', current_user; END $$"
            )
            cursor.execute(
                "CREATE TRIGGER climb BEFORE DELETE ON pg_temp.tenants_auditevent FOR EACH ROW"
                " EXECUTE FUNCTION pg_temp.climb()"
            )
            cursor.execute("INSERT INTO pg_temp.tenants_auditevent VALUES (1, %s, '2000-01-01')", [acme.tenant.pk])
            cursor.execute("GRANT ALL ON pg_temp.tenants_auditevent TO PUBLIC")
            cursor.execute("SELECT tenants_forget_audit(10)")

            assert cursor.fetchone() == (0,)
            cursor.execute("DROP TABLE pg_temp.tenants_auditevent")

    def test_operator_and_carrier_see_no_rosters_no_people_and_no_trail(self) -> None:
        readable = ask(
            "SELECT grantee, table_name FROM information_schema.column_privileges"
            " WHERE privilege_type = 'SELECT' AND grantee IN ('todoke_operator', 'todoke_carrier')"
            " AND (column_name = 'sealed' OR table_name LIKE 'recipients_recipient%' OR table_name = 'tenants_auditevent')"
        )

        assert set(readable) == {
            ("todoke_carrier", "dispatch_message"),
            ("todoke_carrier", "carriers_storedreceipt"),
            ("todoke_carrier", "carriers_inboundtext"),
            ("todoke_operator", "carriers_storedreceipt"),
            ("todoke_operator", "carriers_inboundtext"),
        }
