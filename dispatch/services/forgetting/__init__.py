"""What the service forgets: what is older than the tenant keeps it, and a person who asked to be erased."""

from dispatch.services.forgetting.ageing import (
    forget_what_belongs_to_nobody,
    forget_what_is_old,
    tenants_of_service,
)
from dispatch.services.forgetting.persons import (
    STAYS,
    ErasureRefused,
    Subject,
    Traces,
    digest_of,
    erase_person,
    traces_of,
)

__all__ = [
    "STAYS",
    "ErasureRefused",
    "Subject",
    "Traces",
    "digest_of",
    "erase_person",
    "forget_what_belongs_to_nobody",
    "forget_what_is_old",
    "tenants_of_service",
    "traces_of",
]
