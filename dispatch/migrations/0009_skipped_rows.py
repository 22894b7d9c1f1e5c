"""Rows that get no text since their words went there before."""

import django.db.models.deletion
import tenants.managers
from django.db import migrations, models

from tenants.db import protect


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0008_sealed_texts"), ("recipients", "0007_registers_and_exclusions")]

    operations = [
        migrations.AddField(
            "campaign",
            "late_skip_rows",
            models.PositiveIntegerField(
                default=0, help_text="Of skip_rows: by what was sent earlier."
            ),
        ),
        migrations.CreateModel(
            name="SkippedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("row", models.PositiveIntegerField()),
                ("reason", models.CharField(max_length=24)),
                ("same_as_row", models.PositiveIntegerField(help_text="The row with the same number and the same words.", null=True)),
                ("campaign", tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name="skipped", to="dispatch.campaign")),
                ("recipient", tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="recipients.recipient")),
                ("tenant", models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant")),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant", "campaign", "recipient"), name="one_skip_per_recipient_per_campaign")],
            },
        ),
        protect(
            "dispatch_skippedrow",
            links={"campaign_id": "dispatch_campaign", "recipient_id": "recipients_recipient"},
            app="SELECT, INSERT",
            referenced=False,
        ),
    ]
