"""The register of consents, lists of people who are not concerned, and who ended an opt-out."""

import django.db.models.deletion
import django.utils.timezone
import tenants.managers
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from tenants.db import protect

CHANNELS = [("paper", "書面"), ("counter", "窓口"), ("phone", "電話"), ("web", "Web・メール"), ("other", "その他")]


def link(to, **options):
    return tenants.managers.TenantForeignKey(db_constraint=False, related_name=options.pop("related_name", "+"), to=to, **options)


def base():
    return [
        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
        ("sealed", models.BinaryField()),
    ]


def tenant():
    return ("tenant", models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant"))


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0006_least_rights"),
        ("tenants", "0002_fences"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "roster",
            "row_sketch",
            models.BinaryField(null=True, help_text="Which rows it has, roughly (recipients.services.overlap)."),
        ),
        migrations.AddField(
            "roster",
            "one_text_per_number",
            models.BooleanField(default=False, help_text="People who share a number get one text between them."),
        ),
        migrations.AddField("optout", "channel", models.CharField(blank=True, choices=CHANNELS, max_length=10, default=""), preserve_default=False),
        migrations.AddField("optout", "ended_by", link(settings.AUTH_USER_MODEL, null=True, on_delete=django.db.models.deletion.PROTECT)),
        migrations.RunSQL(
            "ALTER TABLE recipients_optout ADD CONSTRAINT recipients_optout_ended_by_id_fk"
            " FOREIGN KEY (tenant_id, ended_by_id) REFERENCES tenants_user (tenant_id, id)"
            " DEFERRABLE INITIALLY DEFERRED",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="ExclusionList",
            fields=[
                *base(),
                ("number_hashes", models.BinaryField()),
                ("id_hashes", models.BinaryField()),
                ("spare_hashes", models.BinaryField()),
                ("rows", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("created_by", link(settings.AUTH_USER_MODEL, on_delete=django.db.models.deletion.PROTECT)),
                ("roster", link("recipients.roster", on_delete=django.db.models.deletion.CASCADE, related_name="exclusions")),
                tenant(),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant", "roster"), name="one_exclusion_list_per_roster")],
            },
        ),
        protect(
            "recipients_exclusionlist",
            links={"roster_id": "recipients_roster", "created_by_id": "tenants_user"},
            app="SELECT, INSERT, DELETE",
            referenced=False,
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                *base(),
                ("public_id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True)),
                ("phone_hash", models.BinaryField()),
                ("id_hash", models.BinaryField(null=True)),
                ("is_given", models.BooleanField()),
                ("given_on", models.DateField(help_text="When the person said so.")),
                ("channel", models.CharField(blank=True, choices=CHANNELS, max_length=10)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("created_by", link(settings.AUTH_USER_MODEL, on_delete=django.db.models.deletion.PROTECT)),
                ("department", link("tenants.department", blank=True, null=True, on_delete=django.db.models.deletion.PROTECT)),
                tenant(),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["tenant", "phone_hash"], name="consents_by_phone"),
                    models.Index(fields=["tenant", "id_hash"], name="consents_by_id"),
                    models.Index(fields=["tenant", "-created_at"], name="consents_by_time"),
                ],
            },
        ),
        protect(
            "recipients_consent",
            links={"department_id": "tenants_department", "created_by_id": "tenants_user"},
            app="SELECT, INSERT, DELETE",
            referenced=False,
        ),
    ]
