"""Whether an office asks why somebody looks at a person; who looked at a person is found by an index."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the index is built while everything goes on
    dependencies = [("tenants", "0006_audit_departments")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="asks_view_reason",
            field=models.BooleanField(default=False, help_text="Before one person's records are shown."),
        ),
        AddIndexConcurrently(
            model_name="auditevent",
            index=models.Index(
                fields=["tenant", "object_id"], name="audit_by_object", condition=models.Q(("object_id", ""), _negated=True)
            ),
        ),
    ]
