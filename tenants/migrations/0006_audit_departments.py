"""A line of the audit trail belongs to a department, whose auditors read it."""

import django.db.models.deletion
import tenants.managers
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_keys_and_retention")]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="department",
            field=tenants.managers.TenantForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.department",
                help_text="Whose auditors read it; empty: the whole tenant's only.",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE tenants_auditevent ADD CONSTRAINT tenants_auditevent_department_id_fk"
            " FOREIGN KEY (tenant_id, department_id) REFERENCES tenants_department (tenant_id, id)"
            " DEFERRABLE INITIALLY DEFERRED",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
