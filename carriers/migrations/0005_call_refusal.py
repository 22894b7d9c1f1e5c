"""One row an account for calls of its webhook that were refused, so that operators see which carrier is not let in, and why."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from tenants.db import share


class Migration(migrations.Migration):
    dependencies = [("carriers", "0004_bind_failures")]

    operations = [
        migrations.CreateModel(
            name="CallRefusal",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="carriers.carrieraccount",
                    ),
                ),
                ("reason", models.CharField(help_text="A name of carriers.errors.Refusal.", max_length=20)),
                ("refused_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("authentic_at", models.DateTimeField(help_text="The first call since then that was taken.", null=True)),
            ],
        ),
        share("carriers_callrefusal", carrier="SELECT, INSERT, UPDATE", operator="SELECT"),
    ]
