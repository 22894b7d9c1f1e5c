"""Rosters and registers under ``/api/v1``."""

from __future__ import annotations

from django.urls import path

from recipients import api

urlpatterns = [
    path("rosters", api.RostersView.as_view(), name="api_rosters"),
    path("rosters/<uuid:public_id>", api.RosterView.as_view(), name="api_roster"),
    path("rosters/<uuid:public_id>/confirm", api.ConfirmView.as_view(), name="api_roster_confirm"),
    path("rosters/<uuid:public_id>/rows", api.RowsView.as_view(), name="api_roster_rows"),
    path("rosters/<uuid:public_id>/rows/<int:row>", api.RowView.as_view(), name="api_roster_row"),
    path("opt-outs", api.OptOutsView.as_view(), name="api_opt_outs"),
    path("opt-outs/<uuid:public_id>", api.OptOutView.as_view(), name="api_opt_out"),
]
