"""What the sweep reads of a draft that was not counted yet."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0003_parts_while_expanding")]

    operations = [
        migrations.RunSQL("GRANT SELECT (parts) ON dispatch_campaign TO todoke_operator", migrations.RunSQL.noop),
    ]
