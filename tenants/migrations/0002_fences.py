"""Row security, composite keys and grants."""

from django.db import migrations

from tenants.db import protect, share


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.RunSQL("ALTER TABLE tenants_user ADD CONSTRAINT tenants_user_tenant_id_id UNIQUE (tenant_id, id)", migrations.RunSQL.noop),
        share("tenants_tenant", app="SELECT, INSERT, UPDATE", carrier="SELECT", operator="SELECT, INSERT, UPDATE"),
        share("tenants_user", app="SELECT, INSERT, UPDATE, DELETE", operator="SELECT (id, email, name, tenant_id, is_operator, is_active)"),
        protect("tenants_tenantkey", app="SELECT, INSERT, UPDATE, DELETE", carrier="SELECT", referenced=False),
        protect("tenants_department", links={}),
        protect("tenants_membership", links={"user_id": "tenants_user", "department_id": "tenants_department"}, referenced=False),
        protect("tenants_apikey", links={"user_id": "tenants_user", "department_id": "tenants_department"}),
        protect(
            "tenants_auditevent",
            links={"user_id": "tenants_user", "api_key_id": "tenants_apikey"},
            app="SELECT, INSERT",
            referenced=False,
        ),
        protect("tenants_idempotencykey", links={"api_key_id": "tenants_apikey"}, referenced=False),
    ]
