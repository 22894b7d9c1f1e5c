"""A department may divide its rosters by rules of its own."""

from django.db import migrations, models

CHECKS = [
    ("", "検査数字はない"),
    ("luhn", "モジュラス10（ウェイト2・1）"),
    ("mod10w3", "モジュラス10（ウェイト3・1）"),
    ("mod11", "モジュラス11（ウェイト2〜7）"),
]
REPEAT = "Whoever had the same text within so many days does not get it again; 0: everybody does."


def new_rules(model):
    """The rules that nobody had before."""
    return [
        migrations.AddField(
            model, "age_reason", models.CharField(blank=True, help_text="Why, shown beside the rule.", max_length=100, default=""), preserve_default=False
        ),
        migrations.AddField(model, "repeat_days", models.PositiveSmallIntegerField(default=0, help_text=REPEAT)),
        migrations.AddField(model, "id_check", models.CharField(blank=True, choices=CHECKS, default="", max_length=10)),
    ]


class Migration(migrations.Migration):
    dependencies = [("tenants", "0009_subjects_of_the_trail")]

    operations = [
        *new_rules("tenant"),
        *new_rules("department"),
        migrations.AddField("department", "has_own_rules", models.BooleanField(default=False)),
        migrations.AddField("department", "requires_consent", models.BooleanField(default=True)),
        migrations.AddField(
            "department",
            "sms_age_limit",
            models.PositiveSmallIntegerField(blank=True, help_text="From this age on people are phoned.", null=True),
        ),
    ]
