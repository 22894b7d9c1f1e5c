"""How often in a row a bind failed: from that follows how long it rests, whichever worker tries next."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("carriers", "0003_fewer_indexes")]

    operations = [
        migrations.AddField(
            model_name="carrierbind",
            name="failures",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text="In a row."),
        ),
    ]
