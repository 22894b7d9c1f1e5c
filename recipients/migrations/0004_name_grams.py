"""Names are searched by keyed pairs of characters."""
import django.contrib.postgres.fields
import django.db.models.deletion
import tenants.managers
from django.db import migrations, models

from tenants.db import protect


class Migration(migrations.Migration):
    dependencies = [("recipients", "0003_frozen_rosters"), ("tenants", "0002_fences")]
    operations = [
        migrations.CreateModel(
            name="NameGram",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gram", models.BigIntegerField()),
                ("rows", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ("roster", tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="recipients.roster")),
                ("tenant", models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant")),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant", "gram", "roster"), name="one_line_per_gram_and_roster")],
                "indexes": [models.Index(fields=["tenant", "roster"], name="grams_by_roster")],
            },
        ),
        protect("recipients_namegram", links={"roster_id": "recipients_roster"}, referenced=False),
    ]
