"""A tenant may have the raw receipts of its own messages emptied, never changed; old strays and inbound texts go too."""
from django.db import migrations

from tenants.db import SCOPE, share

POLICY = f"CREATE POLICY owner ON carriers_storedreceipt TO CURRENT_USER USING (tenant_id = {SCOPE}) WITH CHECK (tenant_id = {SCOPE})"
FORGET = f"""
CREATE FUNCTION carriers_forget_receipts(message_ids bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH emptied AS (
        UPDATE carriers_storedreceipt SET sealed = '', to_hash = NULL
        WHERE tenant_id = {SCOPE} AND message_id = ANY(message_ids) AND sealed <> '' RETURNING 1
    ) SELECT count(*)::integer FROM emptied
$$
"""


class Migration(migrations.Migration):
    dependencies = [("carriers", "0003_quota"), ("tenants", "0002_fences")]
    operations = [
        migrations.RunSQL(
            [
                (POLICY, None),
                (FORGET, None),
                ("REVOKE EXECUTE ON FUNCTION carriers_forget_receipts(bigint[]) FROM PUBLIC", None),
                ("GRANT EXECUTE ON FUNCTION carriers_forget_receipts(bigint[]) TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
        share("carriers_inboundtext", carrier="UPDATE, DELETE"),
    ]
