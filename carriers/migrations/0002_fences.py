"""Grants; a receipt or a resident's text is seen by a tenant only once it is that tenant's, and forgotten with its message."""

from django.db import migrations

from tenants.db import SCOPE, share


def fence(table):
    """The carriers' workers write; a tenant reads its own; the owner's functions below reach no further than its scope."""
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY scope ON {table} FOR SELECT TO todoke_app USING (tenant_id = {SCOPE});
    CREATE POLICY owner ON {table} TO CURRENT_USER USING (tenant_id = {SCOPE}) WITH CHECK (tenant_id = {SCOPE});
    CREATE POLICY carrier ON {table} TO todoke_carrier USING (true) WITH CHECK (true);
    CREATE POLICY operator ON {table} FOR SELECT TO todoke_operator USING (true);
    """


# A tenant may have the raw receipts of its own messages emptied, never changed.
FORGET_RECEIPTS = f"""
CREATE FUNCTION carriers_forget_receipts(message_ids bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH emptied AS (
        UPDATE carriers_storedreceipt SET sealed = '', to_hash = NULL
        WHERE tenant_id = {SCOPE} AND message_id = ANY(message_ids) AND sealed <> '' RETURNING 1
    ) SELECT count(*)::integer FROM emptied
$$
"""
FORGET_INBOUND = f"""
CREATE FUNCTION carriers_forget_inbound(message_ids bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM carriers_inboundtext WHERE tenant_id = {SCOPE} AND message_id = ANY(message_ids) RETURNING 1
    ) SELECT count(*)::integer FROM forgotten
$$
"""
FORGETTING = "carriers_forget_receipts(bigint[]), carriers_forget_inbound(bigint[])"


class Migration(migrations.Migration):
    dependencies = [("carriers", "0001_initial"), ("tenants", "0002_fences")]

    operations = [
        share("carriers_carrieraccount", app="SELECT", carrier="SELECT, UPDATE", operator="SELECT, INSERT, UPDATE"),
        share("carriers_carrierbind", app="SELECT", carrier="SELECT, INSERT, UPDATE", operator="SELECT, INSERT, UPDATE, DELETE"),
        share("carriers_carriertally", carrier="SELECT, INSERT", operator="SELECT, INSERT, DELETE"),
        share("carriers_accounthealth", app="SELECT", carrier="SELECT", operator="SELECT, INSERT, UPDATE"),
        share("carriers_webhookcall", carrier="SELECT, INSERT", operator="SELECT, DELETE"),
        migrations.RunSQL(
            [
                (fence("carriers_storedreceipt"), None),
                (fence("carriers_inboundtext"), None),
                (FORGET_RECEIPTS, None),
                (FORGET_INBOUND, None),
                (f"REVOKE EXECUTE ON FUNCTION {FORGETTING} FROM PUBLIC", None),
                (f"GRANT EXECUTE ON FUNCTION {FORGETTING} TO todoke_app", None),
            ],
            migrations.RunSQL.noop,
        ),
        share("carriers_storedreceipt", app="SELECT", carrier="SELECT, INSERT, UPDATE", operator="SELECT"),
        share("carriers_inboundtext", app="SELECT", carrier="SELECT, INSERT, UPDATE, DELETE", operator="SELECT"),
    ]
