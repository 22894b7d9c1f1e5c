"""Every field of every model has a privacy class; what looks personal is not public."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import models

from tenants.models import Privacy, Sealed
from tenants.sealed_text import SealedTextField

OURS: Final = ("tenants", "recipients", "templates_sms", "carriers", "dispatch", "reports")
LOOKS_PERSONAL: Final = re.compile(
    r"(^|_)(phone|email|kana|birth|address|sealed|answer|password|secret|wrapped|token|raw|note)(_|$)"
)
NOT_A_PERSONS: Final[set[tuple[str, str]]] = set()
# People who use the service, not residents: found by address of mail at the log-in, shown beside everything they did.
IN_CLEAR: Final = {("User", "email"), ("User", "name"), ("Session", "address"), ("Session", "device")}
MODELS: Final = [model for label in OURS for model in apps.get_app_config(label).get_models()]


def privacy_of(model: type[models.Model]) -> dict[str, Any]:
    found: dict[str, Any] = model.__dict__.get("privacy") or getattr(model, "privacy", {})
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
class TestEveryModel:
    def test_lists_its_fields(self, model: type[models.Model]) -> None:
        listed, names = privacy_of(model), {field.name for field in model._meta.concrete_fields}

        assert listed, "no privacy table"
        assert set(listed) - {"*"} <= names, "lists a field that is not there"
        assert "*" in listed or set(listed) == names, "leaves a field out"
        assert set(listed.values()) <= set(Privacy)

    def test_calls_nothing_public_that_looks_personal(self, model: type[models.Model]) -> None:
        listed = privacy_of(model)
        for field in model._meta.concrete_fields:
            is_exempt = field.name.endswith("_hash") or (model.__name__, field.name) in NOT_A_PERSONS
            if LOOKS_PERSONAL.search(field.name) and not is_exempt:
                assert listed.get(field.name) in {Privacy.PERSONAL, Privacy.SECRET}, field.name

    def test_seals_what_it_calls_sealed(self, model: type[models.Model]) -> None:
        names = {field.name for field in model._meta.concrete_fields}

        assert not issubclass(model, Sealed) or privacy_of(model)["sealed"] is Privacy.PERSONAL
        assert "sealed" not in names or isinstance(model._meta.get_field("sealed"), models.BinaryField)

    def test_keeps_no_personal_field_in_clear(self, model: type[models.Model]) -> None:
        """What is personal is sealed bytes, but for the few that are named above."""
        for field in model._meta.concrete_fields:
            if privacy_of(model).get(field.name) is Privacy.PERSONAL and (model.__name__, field.name) not in IN_CLEAR:
                assert field.get_internal_type() == "BinaryField", field.name
                assert isinstance(field, SealedTextField) or field.name in {"sealed", "answer"}, field.name
