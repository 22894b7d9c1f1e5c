"""Row security, composite keys, grants, and the two ways in which the audit trail forgets.

Functions that run as the owner look nothing up among temporary objects: a path that leaves ``pg_temp`` out is searched
there first, and whoever may make a temporary table with a trigger would run their own code as the owner.
"""

from django.db import migrations

from tenants.db import FULL, KEPT, SCOPE, protect, share

PATH = "pg_catalog, public, pg_temp"
CACHE = """
CREATE TABLE tenants_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL);
CREATE INDEX tenants_cache_expires ON tenants_cache (expires)
"""
# The trail is append-only for the application; this is its one way to forget, and it forgets only what is too old.
FORGET_AUDIT = f"""
CREATE FUNCTION tenants_forget_audit(most integer) RETURNS integer
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
    dependencies = [
        ("tenants", "0001_initial"),
        ("account", "__latest__"),
        ("mfa", "__latest__"),
        ("sessions", "__latest__"),
        ("contenttypes", "__latest__"),
        ("auth", "__latest__"),
    ]

    operations = [
        migrations.RunSQL("ALTER TABLE tenants_user ADD CONSTRAINT tenants_user_tenant_id_id UNIQUE (tenant_id, id)", migrations.RunSQL.noop),
        share("tenants_tenant", app=KEPT, carrier="SELECT", operator=KEPT),
        share("tenants_user", app=KEPT, operator="SELECT (id, email, name, tenant_id, is_operator, is_active)"),
        protect("tenants_tenantkey", app="SELECT, INSERT", carrier="SELECT", referenced=False),
        protect("tenants_department", app=KEPT),
        protect("tenants_membership", links={"user_id": "tenants_user", "department_id": "tenants_department"}, referenced=False),
        protect("tenants_apikey", links={"user_id": "tenants_user", "department_id": "tenants_department"}, app=KEPT),
        protect(
            "tenants_invitation",
            links={"department_id": "tenants_department", "invited_by_id": "tenants_user"},
            app=KEPT,
            referenced=False,
        ),
        protect(
            "tenants_auditevent",
            links={"user_id": "tenants_user", "api_key_id": "tenants_apikey", "department_id": "tenants_department"},
            app="SELECT, INSERT",
        ),
        protect("tenants_auditsubject", links={"event_id": "tenants_auditevent"}, app="SELECT, INSERT", referenced=False),
        protect("tenants_idempotencykey", links={"api_key_id": "tenants_apikey"}, referenced=False),
        protect("tenants_erasure", links={"user_id": "tenants_user"}, app="SELECT, INSERT", referenced=False),
        share("tenants_tenanterasure", operator="SELECT"),
        *[share(table, app=FULL) for table in ("tenants_session", "tenants_recoverycode", "tenants_attempt")],
        # Tables of Django and allauth that belong to no tenant, and the cache's.
        migrations.RunSQL(CACHE, "DROP TABLE tenants_cache"),
        *[
            share(table, app=FULL)
            for table in ("account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "tenants_cache")
        ],
        share("django_content_type", app="SELECT"),
        share("django_migrations", app="SELECT", operator="SELECT", carrier="SELECT"),
        migrations.RunSQL(
            [
                (FORGET_AUDIT, None),
                (FORGET_SUBJECTS, None),
                ("REVOKE EXECUTE ON FUNCTION tenants_forget_audit(integer), tenants_forget_subjects(bytea[]) FROM PUBLIC", None),
                ("GRANT EXECUTE ON FUNCTION tenants_forget_audit(integer), tenants_forget_subjects(bytea[]) TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
    ]
