"""Pages of campaigns and of the call list, and the door for carriers' receipts."""

from __future__ import annotations

from django.urls import path

from dispatch import webhooks
from dispatch.views import calls, decisions, drafts, inbound, sending, status

urlpatterns = [
    path("webhooks/carriers/<uuid:public_id>", webhooks.carrier_receipts, name="carrier_receipts"),
    path("campaigns", status.campaign_list, name="campaigns"),
    path("campaigns/new", drafts.campaign_new, name="campaign_new"),
    path("campaigns/preview", drafts.campaign_preview, name="campaign_preview"),
    path("campaigns/<uuid:public_id>", status.campaign, name="campaign"),
    path("campaigns/<uuid:public_id>/edit", drafts.campaign_edit, name="campaign_edit"),
    path("campaigns/<uuid:public_id>/check", sending.campaign_check, name="campaign_check"),
    path("campaigns/<uuid:public_id>/progress", status.campaign_progress, name="campaign_progress"),
    path("campaigns/<uuid:public_id>/rows.csv", status.campaign_rows_file, name="campaign_rows_file"),
    path("campaigns/<uuid:public_id>/request-approval", sending.campaign_request_approval, name="campaign_ask"),
    path("campaigns/<uuid:public_id>/approve", sending.campaign_approve, name="campaign_approve"),
    path("campaigns/<uuid:public_id>/send", sending.campaign_send, name="campaign_send"),
    path("campaigns/<uuid:public_id>/pause", sending.campaign_pause, name="campaign_pause"),
    path("campaigns/<uuid:public_id>/resume", sending.campaign_resume, name="campaign_resume"),
    path("campaigns/<uuid:public_id>/cancel", sending.campaign_cancel, name="campaign_cancel"),
    path("decisions", decisions.decision_list, name="decisions"),
    path("decisions/<uuid:public_id>/again", decisions.decide_again, name="decide_again"),
    path("decisions/<uuid:public_id>/sent", decisions.decide_sent, name="decide_sent"),
    path("inbound", inbound.inbound_list, name="inbound"),
    path("calls", calls.call_list, name="calls"),
    path("calls/<uuid:public_id>", calls.call, name="call"),
    path("calls/<uuid:public_id>/viewer", calls.call_viewer, name="call_viewer"),
]
