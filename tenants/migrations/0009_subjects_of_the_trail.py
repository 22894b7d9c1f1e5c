"""Whom an act was about stands beside the trail and can be erased; kept answers know which object they are about."""
import django.db.models.deletion
from django.db import migrations, models

import tenants.managers
from tenants.db import SCOPE, protect

PATH = "pg_catalog, public, pg_temp"
FORGET_AUDIT = f"""
CREATE OR REPLACE FUNCTION tenants_forget_audit(most integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = {PATH} AS $$
    WITH old AS (
        SELECT e.id FROM tenants_auditevent e
        WHERE e.tenant_id = {SCOPE} AND e.at < clock_timestamp() - make_interval(days => (
            SELECT t.keep_audit_days::int FROM tenants_tenant t WHERE t.id = {SCOPE}))
        ORDER BY e.at LIMIT most
    ), subjects AS (
        DELETE FROM tenants_auditsubject s USING old WHERE s.tenant_id = {SCOPE} AND s.event_id = old.id
    ), gone AS (DELETE FROM tenants_auditevent e USING old WHERE e.tenant_id = {SCOPE} AND e.id = old.id RETURNING 1)
    SELECT count(*)::integer FROM gone
$$
"""
# The one way in which the application changes anything of the trail: whom it was about, emptied, never rewritten.
FORGET_SUBJECTS = f"""
CREATE FUNCTION tenants_forget_subjects(subjects bytea[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = {PATH} AS $$
    WITH emptied AS (
        UPDATE tenants_auditsubject SET sealed = ''
        WHERE tenant_id = {SCOPE} AND subject_hash = ANY(subjects) AND sealed <> '' RETURNING 1
    ) SELECT count(*)::integer FROM emptied
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0008_least_rights")]
    operations = [
        migrations.CreateModel(
            name="AuditSubject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.BinaryField()),
                ("subject_hash", models.BinaryField()),
                ("tenant", models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant")),
                ("event", tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="subjects", to="tenants.auditevent")),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "subject_hash"], name="audit_subjects_by_hash")],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE tenants_auditevent ADD CONSTRAINT tenants_auditevent_tenant_id_id UNIQUE (tenant_id, id)",
            migrations.RunSQL.noop,
        ),
        protect("tenants_auditsubject", links={"event_id": "tenants_auditevent"}, app="SELECT, INSERT", referenced=False),
        migrations.AddField("idempotencykey", "object_id", models.UUIDField(help_text="What the answer is about.", null=True)),
        migrations.AddIndex(
            "idempotencykey",
            models.Index(condition=models.Q(("object_id__isnull", False)), fields=["tenant", "object_id"], name="answers_by_object"),
        ),
        migrations.RunSQL(
            [
                (FORGET_AUDIT, None),
                (FORGET_SUBJECTS, None),
                ("REVOKE EXECUTE ON FUNCTION tenants_forget_subjects(bytea[]) FROM PUBLIC", None),
                ("GRANT EXECUTE ON FUNCTION tenants_forget_subjects(bytea[]) TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
    ]
