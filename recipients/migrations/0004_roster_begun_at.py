"""When the rows of a roster began to be stored: how fast a reading goes, also where a file is read again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recipients", "0003_fewer_indexes")]

    operations = [
        migrations.AddField(
            model_name="roster",
            name="begun_at",
            field=models.DateTimeField(
                help_text="When this reading, not an earlier one, began to store rows.", null=True
            ),
        ),
    ]
