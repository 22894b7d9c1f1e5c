"""Rows of rosters and registers are emptied, never deleted: the application loses the right to."""

from django.db import migrations

KEPT_FOR_GOOD = ("recipients_roster", "recipients_recipient", "recipients_optout", "recipients_columnmemory")


class Migration(migrations.Migration):
    dependencies = [("recipients", "0005_frozen_rosters_by_dispatch")]
    operations = [
        migrations.RunSQL(
            [(f"REVOKE DELETE ON {table} FROM todoke_app", None) for table in KEPT_FOR_GOOD],
            migrations.RunSQL.noop,
        )
    ]
