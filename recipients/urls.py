"""Pages of rosters and registers."""

from __future__ import annotations

from django.urls import path

from recipients.views import choosing, consents, mending, registers, rosters, routing

urlpatterns = [
    path("rosters", rosters.roster_list, name="rosters"),
    path("rosters/new", rosters.roster_new, name="roster_new"),
    path("rosters/sample.csv", rosters.roster_sample, name="roster_sample"),
    path("rosters/<uuid:public_id>", rosters.roster, name="roster"),
    path("rosters/<uuid:public_id>/progress", rosters.roster_progress, name="roster_progress"),
    path("rosters/<uuid:public_id>/mapping", rosters.roster_mapping, name="roster_mapping"),
    path("rosters/<uuid:public_id>/confirm", rosters.roster_confirm, name="roster_confirm"),
    path("rosters/<uuid:public_id>/errors.csv", mending.errors_export, name="roster_errors"),
    path("rosters/<uuid:public_id>/mended", mending.mended_file, name="roster_mended"),
    path("rosters/<uuid:public_id>/rows", rosters.roster_rows, name="roster_rows"),
    path("rosters/<uuid:public_id>/rows/<int:row>", rosters.roster_row, name="roster_row"),
    path("rosters/<uuid:public_id>/exclusions", choosing.roster_exclusions, name="roster_exclusions"),
    path("rosters/<uuid:public_id>/families", choosing.roster_families, name="roster_families"),
    path("settings/routing", routing.routing_rules, name="routing_rules"),
    path("settings/routing/<uuid:public_id>", routing.department_rules, name="department_rules"),
    path("registers/consents", consents.consents, name="consents"),
    path("registers/consents/add", consents.consent_add, name="consent_add"),
    path("registers/consents/import", consents.consents_import, name="consents_import"),
    path("registers/consents/export.csv", consents.consents_export, name="consents_export"),
    path("registers/opt-outs", registers.opt_outs, name="opt_outs"),
    path("registers/opt-outs/add", registers.opt_out_add, name="opt_out_add"),
    path("registers/opt-outs/import", registers.opt_outs_import, name="opt_outs_import"),
    path("registers/opt-outs/export.csv", registers.opt_outs_export, name="opt_outs_export"),
    path("registers/opt-outs/<uuid:public_id>/end", registers.opt_out_end, name="opt_out_end"),
]
