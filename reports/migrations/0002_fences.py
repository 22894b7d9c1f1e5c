"""Grants; incidents belong to the platform."""

from django.db import migrations

from tenants.db import share


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("tenants", "0002_fences")]

    operations = [
        share("reports_incident", operator="SELECT, INSERT, UPDATE"),
        share("reports_incidentnotice", operator="SELECT, INSERT, UPDATE"),
    ]
