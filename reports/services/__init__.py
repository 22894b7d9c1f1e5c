"""What reading leaves behind, and the incidents of the service."""

from reports.services.viewing import record_person_viewed, record_search

__all__ = ["record_person_viewed", "record_search"]
