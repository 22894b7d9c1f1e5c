"""Row security, composite keys and grants; room in the pages of what is updated often.

Evidence is emptied, never deleted; whoever sends and whoever operates changes states, never texts.
"""

from django.db import migrations

from tenants.db import KEPT, protect, share, tune


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0001_initial"),
        ("tenants", "0002_fences"),
        ("recipients", "0002_fences"),
        ("templates_sms", "0002_fences"),
    ]

    operations = [
        protect(
            "dispatch_campaign",
            links={
                "department_id": "tenants_department",
                "roster_id": "recipients_roster",
                "template_version_id": "templates_sms_templateversion",
                "approved_by_id": "tenants_user",
                "sent_by_id": "tenants_user",
                "created_by_id": "tenants_user",
            },
            app=KEPT,
            operator="SELECT (id, tenant_id, state, send_at, is_expanded, expand_lease_until, expand_tries, sms_rows, parts,"
            " set_aside_rows, started_at, created_at)",
        ),
        protect(
            "dispatch_batch",
            links={"campaign_id": "dispatch_campaign", "department_id": "tenants_department"},
            app=KEPT,
            carrier="SELECT, UPDATE (state, epoch, holder, tries, lease_until, in_flight, stop, error)",
            operator="SELECT, UPDATE (state, tries, error)",
        ),
        tune("dispatch_batch", fillfactor=40),
        protect(
            "dispatch_message",
            links={"batch_id": "dispatch_batch", "campaign_id": "dispatch_campaign", "recipient_id": "recipients_recipient"},
            app=KEPT,
            carrier="SELECT, UPDATE (state, tries, carrier_id, reason, code, accepted_at, final_at)",
        ),
        tune("dispatch_message", fillfactor=70),
        protect(
            "dispatch_messagepart",
            links={"message_id": "dispatch_message"},
            carrier="SELECT, INSERT, UPDATE",
            referenced=False,
        ),
        tune("dispatch_messagepart", fillfactor=80),
        protect(
            "dispatch_messageevent",
            links={"message_id": "dispatch_message", "user_id": "tenants_user"},
            app="SELECT, INSERT",
            carrier="SELECT, INSERT",
            referenced=False,
        ),
        protect(
            "dispatch_tally",
            links={"campaign_id": "dispatch_campaign"},
            carrier="INSERT",
            operator="SELECT, INSERT, DELETE",
            referenced=False,
        ),
        protect(
            "dispatch_followup",
            links={"message_id": "dispatch_message"},
            carrier="SELECT, INSERT",
            operator="SELECT",
            referenced=False,
        ),
        protect(
            "dispatch_call",
            links={
                "campaign_id": "dispatch_campaign",
                "recipient_id": "recipients_recipient",
                "message_id": "dispatch_message",
                "viewed_by_id": "tenants_user",
            },
            app=KEPT,
        ),
        protect("dispatch_callattempt", links={"call_id": "dispatch_call", "user_id": "tenants_user"}, app=KEPT, referenced=False),
        protect(
            "dispatch_skippedrow",
            links={"campaign_id": "dispatch_campaign", "recipient_id": "recipients_recipient"},
            app="SELECT, INSERT",
            referenced=False,
        ),
        share("dispatch_tenantturn", carrier="SELECT, INSERT, UPDATE"),
    ]
