"""Evidence is emptied, never deleted; whoever sends and whoever operates changes states, never texts."""

from django.db import migrations

KEPT_FOR_GOOD = ("dispatch_campaign", "dispatch_batch", "dispatch_message", "dispatch_call", "dispatch_callattempt")
COLUMNS = {
    ("todoke_carrier", "dispatch_message"): "state, tries, carrier_id, reason, code, accepted_at, final_at",
    ("todoke_carrier", "dispatch_batch"): "state, epoch, holder, tries, lease_until, in_flight, stop, error",
    ("todoke_operator", "dispatch_batch"): "state, tries, error",
}


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0006_set_aside_rows")]
    operations = [
        migrations.RunSQL(
            [
                *[(f"REVOKE DELETE ON {table} FROM todoke_app", None) for table in KEPT_FOR_GOOD],
                *[
                    (f"REVOKE UPDATE ON {table} FROM {role}; GRANT UPDATE ({columns}) ON {table} TO {role}", None)
                    for (role, table), columns in COLUMNS.items()
                ],
            ],
            migrations.RunSQL.noop,
        )
    ]
