"""A notice is due until it was told: one that was taken by a process that died comes again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_calls_refused")]

    operations = [
        migrations.RemoveIndex(model_name="incidentnotice", name="notices_to_tell"),
        migrations.RemoveField(model_name="incidentnotice", name="taken_at"),
        migrations.AddIndex(
            model_name="incidentnotice",
            index=models.Index(fields=["due_at"], name="notices_to_tell", condition=models.Q(told_at=None)),
        ),
    ]
