"""Row security, composite keys and grants. Templates are put away, never deleted."""

from django.db import migrations

from tenants.db import KEPT, protect


class Migration(migrations.Migration):
    dependencies = [("templates_sms", "0001_initial"), ("tenants", "0002_fences")]

    operations = [
        protect("templates_sms_messagetemplate", links={"department_id": "tenants_department"}, app=KEPT),
        protect(
            "templates_sms_templateversion",
            links={"template_id": "templates_sms_messagetemplate", "created_by_id": "tenants_user"},
            app="SELECT, INSERT",
        ),
    ]
