"""Texts without a campaign belong to the department whose key sent them."""

import django.db.models.deletion
import tenants.managers
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0004_sweep_grants"), ("tenants", "0002_fences")]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="department",
            field=tenants.managers.TenantForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.department",
                help_text="Of texts without a campaign.",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE dispatch_batch ADD CONSTRAINT dispatch_batch_department_id_fk"
            " FOREIGN KEY (tenant_id, department_id) REFERENCES tenants_department (tenant_id, id)"
            " DEFERRABLE INITIALLY DEFERRED",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
