"""Questions about templates, and how a text looks, weighs and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F, OuterRef, QuerySet, Subquery

from templates_sms.advice import Expectations, advise
from templates_sms.labels import advice_sentence, template_sentence, value_sentence
from templates_sms.ladders import LADDERS, bill_text
from templates_sms.models import MessageTemplate, TemplateVersion
from templates_sms.rendering import Renderer, TemplateProblem, find_placeholders
from tenants.actors import Actor
from tenants.models import Tenant
from tenants.selectors import seen_by

MILLICENTS_PER_YEN: Final = 100_000
# What stands for a person before there is a roster; anything else is shown by its own name.
SAMPLE_VALUES: Final[tuple[tuple[str, str], ...]] = (
    ("氏名", "港　花子"),
    ("名", "港　花子"),
    ("額", "12340"),
    ("金", "12340"),
    ("日", "2022/8/20"),
    ("期限", "2022/8/31"),
    ("番号", "A-0001"),
    ("時", "10:30"),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """A text as one person would get it. ``problem`` says why it can't be rendered; then ``text`` is the raw one."""

    text: str
    characters: int
    parts: int
    cost_yen: float
    longest: int
    is_too_long: bool
    problem: str
    advice: Sequence[str]


def visible_templates(by: Actor) -> QuerySet[Any]:
    """The templates in use of the departments that this person sees, with ``text`` of the current version."""
    version = TemplateVersion.objects.filter(template=OuterRef("pk"), number=OuterRef("current"))
    found: QuerySet[Any] = MessageTemplate.objects.filter(archived_at=None).select_related("department")
    found = found.annotate(text=Subquery(version.values("text")[:1])).order_by(F("name"), "pk")
    return found.filter(seen_by(by))


def placeholder_names(text: str) -> list[str]:
    """The columns that a text asks for, each once, in their order."""
    return list(dict.fromkeys(placeholder.name for placeholder in find_placeholders(text)))


def preview_text(text: str, *, tenant: Tenant, values: Mapping[str, str] | None = None) -> Preview:
    """How the text looks with ``values`` (column → value), or with samples where there are none. Never raises."""
    cells = dict(values) if values is not None else {name: sample_value(name) for name in placeholder_names(text)}
    rendered, problem, found = text, "", []
    try:
        renderer = Renderer(text, headers=cells)
    except TemplateProblem as exc:
        problem = template_sentence(exc)
    else:
        rendered = renderer.render(cells)
        found = [value_sentence(value_problem) for value_problem in renderer.check(cells)]
    bill = bill_text(rendered, profile=tenant.ladder if tenant.ladder in LADDERS else "all")
    advice = advise(text, expectations=Expectations(office_name=tenant.office_name))
    return Preview(
        text=rendered,
        characters=bill.segments.units,
        parts=bill.parts,
        cost_yen=_yen(bill.parts * tenant.price_per_part_millicents),
        longest=bill.longest,
        is_too_long=bill.is_too_long,
        problem=problem,
        advice=list(dict.fromkeys([*found, *(advice_sentence(piece) for piece in advice)])),
    )


def _yen(millicents: int) -> float:
    """A whole number where it is one, so that pages say 10円 and not 10.0円."""
    return millicents // MILLICENTS_PER_YEN if millicents % MILLICENTS_PER_YEN == 0 else millicents / MILLICENTS_PER_YEN


def sample_value(name: str) -> str:
    return next((value for word, value in SAMPLE_VALUES if word in name), name)
