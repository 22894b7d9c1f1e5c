"""Templates are put away, never deleted: the application loses the right to."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("templates_sms", "0002_fences")]
    operations = [
        migrations.RunSQL("REVOKE DELETE ON templates_sms_messagetemplate FROM todoke_app", migrations.RunSQL.noop)
    ]
