"""A resident's text gets the tenant whose text it answers, and is seen by nobody else; forgotten with that text."""

from django.db import migrations, models

from tenants.db import SCOPE, share

FENCE = f"""
ALTER TABLE carriers_inboundtext ENABLE ROW LEVEL SECURITY;
ALTER TABLE carriers_inboundtext FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON carriers_inboundtext FOR SELECT TO todoke_app USING (tenant_id = {SCOPE});
CREATE POLICY owner ON carriers_inboundtext TO CURRENT_USER USING (tenant_id = {SCOPE}) WITH CHECK (tenant_id = {SCOPE});
CREATE POLICY carrier ON carriers_inboundtext TO todoke_carrier USING (true) WITH CHECK (true);
CREATE POLICY operator ON carriers_inboundtext FOR SELECT TO todoke_operator USING (true);
"""
FORGET = f"""
CREATE FUNCTION carriers_forget_inbound(message_ids bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM carriers_inboundtext WHERE tenant_id = {SCOPE} AND message_id = ANY(message_ids) RETURNING 1
    ) SELECT count(*)::integer FROM forgotten
$$
"""


class Migration(migrations.Migration):
    dependencies = [("carriers", "0006_least_rights"), ("tenants", "0002_fences")]

    operations = [
        migrations.AddField("inboundtext", "tenant_id", models.BigIntegerField(null=True)),
        migrations.AddField("inboundtext", "message_id", models.BigIntegerField(null=True)),
        migrations.AddField("inboundtext", "looked_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "inboundtext", models.Index(fields=["tenant_id", "-received_at"], name="inbound_by_tenant")
        ),
        migrations.AddIndex(
            "inboundtext",
            models.Index(fields=["id"], name="inbound_to_match", condition=models.Q(looked_at__isnull=True)),
        ),
        migrations.RunSQL(FENCE, migrations.RunSQL.noop),
        migrations.RunSQL(
            [
                (FORGET, None),
                ("REVOKE EXECUTE ON FUNCTION carriers_forget_inbound(bigint[]) FROM PUBLIC", None),
                ("GRANT EXECUTE ON FUNCTION carriers_forget_inbound(bigint[]) TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
        share("carriers_inboundtext", app="SELECT"),
    ]
