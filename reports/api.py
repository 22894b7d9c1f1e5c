"""What a month cost, for the office's own accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.selectors.usage import Used, month_of, usage_of
from reports.serializers import UsageOutput
from tenants.clock import today
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.permissions import Permission


class UsageView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_REPORTS}

    @extend_schema(parameters=[OpenApiParameter("month", str, description="2022-08")], responses=UsageOutput)
    def get(self, request: Request) -> Response:
        """Texts, billed parts and yen of a month in Japan, this one unless ``month`` says another."""
        wanted = request.query_params.get("month")
        month = today().replace(day=1) if wanted is None else month_of(wanted)
        if month is None:
            sentence = _("月を 2022-08 のように書いてください。")
            raise Invalid(sentence, fields={"month": [sentence]})
        usage = usage_of(month, by=actor_for(request))
        return Response(
            UsageOutput(
                {
                    "month": month.strftime("%Y-%m"),
                    **_shown(usage.total),
                    "departments": [
                        {"department": one.department.public_id if one.department else None, **_shown(one)}
                        for one in usage.departments
                    ],
                }
            ).data
        )


def _shown(used: Used) -> dict[str, Any]:
    return {"messages": used.texts, "parts": used.parts, "cost": used.cost_yen}
