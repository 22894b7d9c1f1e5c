"""A kind of incident for calls of a webhook that were refused."""

from django.db import migrations, models

KINDS = [
    ("account_sick", "回線の不調"),
    ("no_carrier_worker", "送信ワーカーの不在"),
    ("calls_refused", "受信報告の拒否"),
    ("receipts_delayed", "受信報告の遅れ"),
    ("batch_stuck", "送信のまとまりの停止"),
    ("message_set_aside", "SMSの保留"),
    ("rows_set_aside", "名簿の行の保留"),
    ("roster_given_up", "名簿の読み込みの中断"),
    ("campaign_given_up", "配信の準備の中断"),
    ("follow_up_given_up", "後処理の中断"),
]


class Migration(migrations.Migration):
    dependencies = [("reports", "0002_fences")]

    operations = [
        migrations.AlterField(model_name="incident", name="kind", field=models.CharField(choices=KINDS, max_length=20)),
    ]
