"""Campaigns, calls and messages under ``/api/v1``."""

from __future__ import annotations

from django.urls import include, path

from dispatch.api import calls, campaigns

urlpatterns = [
    path("campaigns", campaigns.CampaignsView.as_view(), name="api_campaigns"),
    path("campaigns/<uuid:public_id>", campaigns.CampaignView.as_view(), name="api_campaign"),
    path("campaigns/<uuid:public_id>/messages", campaigns.CampaignMessagesView.as_view(), name="api_campaign_messages"),
    path("campaigns/<uuid:public_id>/approve", campaigns.ApproveView.as_view(), name="api_campaign_approve"),
    path("campaigns/<uuid:public_id>/send", campaigns.SendView.as_view(), name="api_campaign_send"),
    path("campaigns/<uuid:public_id>/pause", campaigns.PauseView.as_view(), name="api_campaign_pause"),
    path("campaigns/<uuid:public_id>/resume", campaigns.ResumeView.as_view(), name="api_campaign_resume"),
    path("campaigns/<uuid:public_id>/cancel", campaigns.CancelView.as_view(), name="api_campaign_cancel"),
    path("calls", calls.CallsView.as_view(), name="api_calls"),
    path("calls/<uuid:public_id>", calls.CallView.as_view(), name="api_call"),
    path("", include("dispatch.api_message_urls")),
]
