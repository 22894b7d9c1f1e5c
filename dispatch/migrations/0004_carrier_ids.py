"""Carriers' ids in a table of their own: no update of a message touches an index, and each stays on its page."""

from django.db import migrations, models

from tenants.db import share, tune

# The owner is bound by row security too, and a migration has no scope.
_FILL = [
    "ALTER TABLE dispatch_message NO FORCE ROW LEVEL SECURITY",
    "INSERT INTO dispatch_carrierid (account_id, carrier_id, message_id)"
    " SELECT account_id, carrier_id, id FROM dispatch_message WHERE carrier_id <> ''",
    "ALTER TABLE dispatch_message FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0003_fewer_indexes")]

    operations = [
        migrations.CreateModel(
            name="CarrierId",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "carrier_id",
                        "message_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                ("carrier_id", models.CharField(max_length=70)),
                ("message_id", models.BigIntegerField()),
            ],
        ),
        share("dispatch_carrierid", carrier="SELECT, INSERT"),
        migrations.RunSQL(_FILL, reverse_sql=migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="message", name="messages_by_carrier_id"),
        tune("dispatch_message", fillfactor=40),
    ]
