"""Pages of what happened."""

from __future__ import annotations

from django.urls import path

from reports.views import erasures, operations, people, today

urlpatterns = [
    path("", today.home, name="today"),
    path("calendar", today.calendar, name="calendar"),
    path("people", people.people, name="people"),
    path("people/<str:address>", people.person, name="person"),
    path("people/<str:address>/viewers", people.person_viewers, name="person_viewers"),
    path("people/<str:address>/erase", erasures.erase, name="erase_person"),
    path("erasures", erasures.erasure_list, name="erasures"),
    path("erasures/<uuid:public_id>", erasures.erasure, name="erasure"),
    path("messages/<uuid:public_id>", people.message, name="message"),
    path("reports/campaigns/<uuid:public_id>/charts", today.campaign_charts, name="campaign_charts"),
    path("ops", operations.operations, name="ops"),
    path("ops/incidents/<int:incident_id>/seen", operations.see_incident, name="see_incident"),
    path("ops/batches/<int:batch_id>/free", operations.free, name="free_batch"),
]
