"""The parts counted so far, apart from the ones that the draft announced."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0002_fences")]

    operations = [migrations.AddField("campaign", "expanded_parts", models.PositiveIntegerField(default=0))]
