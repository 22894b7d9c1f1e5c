"""Functions that run as the owner look nothing up among temporary objects; the application deletes only what it must.

A path that leaves ``pg_temp`` out is searched there first: whoever may make a temporary table with a trigger would run
their own code as the owner.
"""

from django.db import migrations

KEPT_FOR_GOOD = ("tenants_user", "tenants_department", "tenants_apikey", "tenants_invitation")
UNUSED = ("django_session", "auth_group", "auth_group_permissions", "auth_permission")


class Migration(migrations.Migration):
    dependencies = [("tenants", "0007_view_reasons")]
    operations = [
        migrations.RunSQL(
            [
                ("ALTER FUNCTION tenants_forget_audit(integer) SET search_path = pg_catalog, public, pg_temp", None),
                ("REVOKE UPDATE, DELETE ON tenants_tenantkey FROM todoke_app", None),
                *[(f"REVOKE DELETE ON {table} FROM todoke_app", None) for table in KEPT_FOR_GOOD],
                *[(f"REVOKE ALL ON {table} FROM todoke_app", None) for table in UNUSED],
            ],
            migrations.RunSQL.noop,
        )
    ]
