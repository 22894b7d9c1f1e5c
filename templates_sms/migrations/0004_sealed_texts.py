"""The texts of templates stand sealed."""

from django.db import migrations

import tenants.sealed_text
from tenants.db import seal_text


class Migration(migrations.Migration):
    dependencies = [("templates_sms", "0003_least_rights"), ("tenants", "0008_least_rights")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[seal_text("templates_sms_templateversion", "text")],
            state_operations=[
                migrations.AlterField("templateversion", "text", tenants.sealed_text.SealedTextField()),
            ],
        )
    ]
