"""Grants; a stored receipt is seen by a tenant only once it is that tenant's."""

from django.db import migrations

from tenants.db import SCOPE, share

RECEIPTS = f"""
ALTER TABLE carriers_storedreceipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE carriers_storedreceipt FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON carriers_storedreceipt FOR SELECT TO todoke_app USING (tenant_id = {SCOPE});
CREATE POLICY carrier ON carriers_storedreceipt TO todoke_carrier USING (true) WITH CHECK (true);
CREATE POLICY operator ON carriers_storedreceipt FOR SELECT TO todoke_operator USING (true);
"""


class Migration(migrations.Migration):
    dependencies = [("carriers", "0001_initial"), ("tenants", "0002_fences")]

    operations = [
        share("carriers_carrieraccount", app="SELECT", carrier="SELECT, UPDATE", operator="SELECT, INSERT, UPDATE"),
        share("carriers_carrierbind", app="SELECT", carrier="SELECT, INSERT, UPDATE", operator="SELECT, INSERT, UPDATE, DELETE"),
        share("carriers_carriertally", carrier="SELECT, INSERT", operator="SELECT, INSERT, DELETE"),
        migrations.RunSQL(RECEIPTS, migrations.RunSQL.noop),
        share("carriers_storedreceipt", app="SELECT", carrier="SELECT, INSERT, UPDATE", operator="SELECT"),
        share("carriers_inboundtext", carrier="INSERT, SELECT", operator="SELECT"),
    ]
