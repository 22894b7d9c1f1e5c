"""The texts of campaigns stand sealed."""

from django.db import migrations

import tenants.sealed_text
from tenants.db import seal_text


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0007_least_rights"), ("tenants", "0008_least_rights")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[seal_text("dispatch_campaign", "text")],
            state_operations=[migrations.AlterField("campaign", "text", tenants.sealed_text.SealedTextField())],
        )
    ]
