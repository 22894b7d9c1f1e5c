"""Keys that wait before they seal; how long each kind of data is kept; certificates of erasure."""
import django.db.models.deletion
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import tenants.managers
from tenants.db import SCOPE, protect, share

KEEP = {
    "keep_rosters_days": "Uploaded files and their rows.",
    "keep_messages_days": "Texts and receipts: evidence.",
    "keep_calls_days": "People phoned, and notes.",
    "keep_audit_days": "The audit trail.",
}
# The trail is append-only for the application; this is its one way to forget, and it forgets only what is too old.
FORGET_AUDIT = f"""
CREATE FUNCTION tenants_forget_audit(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH old AS (
        SELECT e.id FROM tenants_auditevent e
        WHERE e.tenant_id = {SCOPE} AND e.at < clock_timestamp() - make_interval(days => (
            SELECT t.keep_audit_days::int FROM tenants_tenant t WHERE t.id = {SCOPE}))
        ORDER BY e.at LIMIT most
    ), gone AS (DELETE FROM tenants_auditevent e USING old WHERE e.tenant_id = {SCOPE} AND e.id = old.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_log_in")]
    operations = [
        migrations.AddField("tenantkey", "seals_from", models.DateTimeField(default=django.utils.timezone.now, help_text="Until then it only opens (tenants.rotation).")),
        *[
            migrations.AddField("tenant", name, models.PositiveSmallIntegerField(default=1096, help_text=words))
            for name, words in KEEP.items()
        ],
        migrations.AddConstraint(
            model_name="tenant",
            constraint=models.CheckConstraint(
                condition=models.Q(keep_rosters_days__gte=30, keep_messages_days__gte=30, keep_calls_days__gte=30, keep_audit_days__gte=365),
                name="nothing_is_forgotten_too_soon",
            ),
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.BinaryField()),
                ("public_id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("subject_hash", models.BinaryField()),
                ("digest", models.BinaryField()),
                ("tenant", models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant")),
                ("user", tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "-at"], name="erasures_by_time")],
            },
        ),
        migrations.CreateModel(
            name="TenantErasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True)),
                ("tenant_id", models.BigIntegerField(unique=True)),
                ("tenant_name", models.CharField(max_length=100)),
                ("reason", models.CharField(max_length=200)),
                ("by", models.CharField(help_text="Who ran it, in their own words.", max_length=100)),
                ("started_at", models.DateTimeField()),
                ("keys_destroyed_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("counts", models.JSONField(default=dict, help_text="Table → rows that were deleted.")),
                ("digest", models.BinaryField(help_text="Keyed hash (service's key) over all of it.", null=True)),
            ],
        ),
        protect("tenants_erasure", links={"user_id": "tenants_user"}, app="SELECT, INSERT", referenced=False),
        share("tenants_tenanterasure", operator="SELECT"),
        migrations.RunSQL(
            [
                (FORGET_AUDIT, None),
                ("REVOKE EXECUTE ON FUNCTION tenants_forget_audit(integer) FROM PUBLIC", None),
                ("GRANT EXECUTE ON FUNCTION tenants_forget_audit(integer) TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
    ]
