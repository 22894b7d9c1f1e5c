"""Sessions, recovery codes, attempts, invitations; the networks that a tenant allows."""

import django.db.models.deletion
import django.utils.timezone
import tenants.managers
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from tenants.db import protect, share


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0003_shared_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('key_hash', models.BinaryField(primary_key=True, serialize=False)),
                ('free_at', models.DateTimeField(help_text='When nothing of the allowance is used any more.')),
            ],
        ),
        migrations.AddField(
            model_name='tenant',
            name='allowed_networks',
            field=models.JSONField(blank=True, default=list, help_text='Networks like 203.0.113.0/24 that people and keys come from; empty: any.'),
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code_hash', models.BinaryField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('used_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(help_text='The last request that a person made; polls do not count.')),
                ('address', models.GenericIPAddressField(null=True)),
                ('device', models.CharField(blank=True, help_text='What the browser calls itself.', max_length=200)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.BinaryField()),
                ('public_id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True)),
                ('role', models.CharField(choices=[('staff', '担当者'), ('approver', '承認者'), ('admin', '管理者'), ('auditor', '監査'), ('viewer', '閲覧')], max_length=10)),
                ('email_hash', models.BinaryField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('mailed_at', models.DateTimeField(null=True)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('department', tenants.managers.TenantForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.department')),
                ('invited_by', tenants.managers.TenantForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('tenant', 'email_hash'), name='one_open_invitation_per_address')],
            },
        ),
        *[
            share(table, app="SELECT, INSERT, UPDATE, DELETE")
            for table in ("tenants_session", "tenants_recoverycode", "tenants_attempt")
        ],
        protect(
            "tenants_invitation",
            links={"department_id": "tenants_department", "invited_by_id": "tenants_user"},
            referenced=False,
        ),
    ]
