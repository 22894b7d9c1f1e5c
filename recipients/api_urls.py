"""Rosters and registers under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from recipients.api import registers, rosters

urlpatterns = [
    path("rosters", rosters.RostersView.as_view(), name="api_rosters"),
    path("rosters/<uuid:public_id>", rosters.RosterView.as_view(), name="api_roster"),
    path("rosters/<uuid:public_id>/confirm", rosters.ConfirmView.as_view(), name="api_roster_confirm"),
    path("rosters/<uuid:public_id>/exclusions", rosters.ExclusionsView.as_view(), name="api_roster_exclusions"),
    path("rosters/<uuid:public_id>/families", rosters.FamiliesView.as_view(), name="api_roster_families"),
    path("rosters/<uuid:public_id>/rows", rosters.RowsView.as_view(), name="api_roster_rows"),
    path("rosters/<uuid:public_id>/rows/<int:row>", rosters.RowView.as_view(), name="api_roster_row"),
    path("opt-outs", registers.OptOutsView.as_view(), name="api_opt_outs"),
    path("opt-outs/<uuid:public_id>", registers.OptOutView.as_view(), name="api_opt_out"),
    path("consents", registers.ConsentsView.as_view(), name="api_consents"),
]
