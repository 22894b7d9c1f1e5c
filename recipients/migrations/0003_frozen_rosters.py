"""A roster that a campaign was made of is not mended any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recipients", "0002_fences")]

    operations = [migrations.AddField("roster", "frozen_at", models.DateTimeField(null=True))]
