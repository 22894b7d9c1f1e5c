"""The function that runs as the owner looks nothing up among temporary objects (see tenants 0007)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("carriers", "0005_health_and_webhooks")]
    operations = [
        migrations.RunSQL(
            "ALTER FUNCTION carriers_forget_receipts(bigint[]) SET search_path = pg_catalog, public, pg_temp",
            migrations.RunSQL.noop,
        )
    ]
