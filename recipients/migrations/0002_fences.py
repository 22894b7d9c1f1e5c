"""Row security, composite keys and grants. Rows of rosters and registers are emptied, never deleted."""

from django.db import migrations

from tenants.db import KEPT, protect, tune


class Migration(migrations.Migration):
    dependencies = [("recipients", "0001_initial"), ("tenants", "0002_fences")]

    operations = [
        protect(
            "recipients_roster",
            links={"department_id": "tenants_department", "created_by_id": "tenants_user"},
            app=KEPT,
            operator="SELECT (id, tenant_id, state, lease_until, tries, created_at)",
        ),
        protect("recipients_rosterfile", links={"roster_id": "recipients_roster"}, referenced=False),
        protect(
            "recipients_rosterproblem",
            links={"roster_id": "recipients_roster", "answered_by_id": "tenants_user"},
            referenced=False,
        ),
        protect("recipients_recipient", links={"roster_id": "recipients_roster"}, app=KEPT),
        tune("recipients_recipient", fillfactor=90),
        protect("recipients_namegram", links={"roster_id": "recipients_roster"}, referenced=False),
        protect("recipients_columnmemory", links={"department_id": "tenants_department"}, app=KEPT, referenced=False),
        protect(
            "recipients_exclusionlist",
            links={"roster_id": "recipients_roster", "created_by_id": "tenants_user"},
            app="SELECT, INSERT, DELETE",
            referenced=False,
        ),
        protect(
            "recipients_optout",
            links={"created_by_id": "tenants_user", "ended_by_id": "tenants_user"},
            app=KEPT,
            referenced=False,
        ),
        protect(
            "recipients_consent",
            links={"department_id": "tenants_department", "created_by_id": "tenants_user"},
            app="SELECT, INSERT, DELETE",
            referenced=False,
        ),
    ]
