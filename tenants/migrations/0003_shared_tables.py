"""Tables of Django and allauth that belong to no tenant, and the cache's table."""

from django.db import migrations

from tenants.db import share

CACHE = """
CREATE TABLE tenants_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL);
CREATE INDEX tenants_cache_expires ON tenants_cache (expires)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_fences"),
        ("account", "__latest__"),
        ("mfa", "__latest__"),
        ("sessions", "__latest__"),
        ("contenttypes", "__latest__"),
        ("auth", "__latest__"),
    ]

    operations = [
        migrations.RunSQL(CACHE, "DROP TABLE tenants_cache"),
        *[
            share(table, app="SELECT, INSERT, UPDATE, DELETE")
            for table in ("account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "django_session", "tenants_cache")
        ],
        *[share(table, app="SELECT") for table in ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")],
        share("django_migrations", app="SELECT", operator="SELECT", carrier="SELECT"),
    ]
