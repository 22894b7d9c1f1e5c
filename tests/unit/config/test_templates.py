"""What holds for every template and stylesheet of ours, and for the parts that pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.test import RequestFactory
from django.utils import translation

from reports import charts
from reports.state_words import LOOKS

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted(path for path in ROOT.glob("*/templates/**/*.html"))
STYLESHEETS = sorted((ROOT / "config" / "static" / "css").glob("*.css"))
SCRIPTS = sorted((ROOT / "config" / "static" / "js").glob("*.js"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def strict_engine() -> DjangoTemplates:
    """The application's templates, with each variable that a template asks for in vain written out."""
    options = dict(settings.TEMPLATES[0])
    options["NAME"] = "strict"
    options["OPTIONS"] = {
        **options["OPTIONS"],
        "string_if_invalid": "MISSING(%s)",
        "context_processors": ["django.template.context_processors.request", "django.template.context_processors.i18n"],
    }
    options.pop("BACKEND")
    return DjangoTemplates(options)


@pytest.fixture(autouse=True)
def _japanese() -> Iterator[None]:
    with translation.override("ja"):
        yield


def draw(engine: DjangoTemplates, source: str, **context: Any) -> str:
    request = RequestFactory().get("/page?sort=-name&cursor=abc")
    template = engine.from_string("{% load i18n todoke %}" + source)
    html = str(template.render(context, request))
    assert "MISSING(" not in html
    return html


class RosterForm(forms.Form):
    name = forms.CharField(label="名前", help_text="一覧に出ます。")
    file = forms.FileField(label="ファイル", required=False)
    policy = forms.ChoiceField(label="方針", choices=[("hold", "送り直さない")], widget=forms.RadioSelect)
    is_sure = forms.BooleanField(label="確認した")
    token = forms.CharField(widget=forms.HiddenInput, required=False)


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
class TestEveryTemplate:
    def test_compiles(self, path: Path) -> None:
        engines["django"].from_string(path.read_text(encoding="utf-8"))

    def test_keeps_the_content_security_policy(self, path: Path) -> None:
        source = path.read_text(encoding="utf-8")

        assert not re.search(r"<[^>{%]*\sstyle\s*=", source), "style attributes are forbidden"
        assert not re.search(r"<style\b|javascript:|\son[a-z]+\s*=\s*[\"']|hx-on|hx-vals=['\"]js:", source)
        assert all("src=" in tag for tag in re.findall(r"<script\b[^>]*>", source)), "no inline script"

    def test_loads_nothing_from_elsewhere(self, path: Path) -> None:
        assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", STYLESHEETS + SCRIPTS, ids=named)
def test_static_files_load_nothing_from_elsewhere(path: Path) -> None:
    assert not re.search(r"(?:url\(|import\s|from\s|fetch\()[\"']?(?:https?:)?//", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", STYLESHEETS, ids=named)
def test_files_that_stylesheets_name_exist(path: Path) -> None:
    named_files = re.findall(r"url\([\"']?([^\"')]+)", path.read_text(encoding="utf-8"))

    assert [name for name in named_files if not (path.parent / name).resolve().is_file()] == []


def test_both_weights_of_the_font_cover_everyday_japanese() -> None:
    css = (ROOT / "config" / "static" / "css" / "fonts.css").read_text(encoding="utf-8")

    for weight in ("400", "700"):
        ranges = "".join(re.findall(rf"font-weight:{weight};.*?unicode-range:([^}}]*)", css))
        points = {int(point, 16) for point in re.findall(r"U\+([0-9a-fA-F]+)(?![0-9a-fA-F-])", ranges)}
        spans = [(int(a, 16), int(b, 16)) for a, b in re.findall(r"U\+([0-9a-fA-F]+)-([0-9a-fA-F]+)", ranges)]
        missing = [c for c in "届け名簿療養終了髙﨑①〜～様Aa0あア" if not is_covered(ord(c), points, spans)]
        assert missing == []


def is_covered(point: int, points: set[int], spans: list[tuple[int, int]]) -> bool:
    return point in points or any(first <= point <= last for first, last in spans)


class TestParts:
    @pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind, looks in LOOKS.items() for state in looks])
    def test_a_badge_has_word_shape_and_tone(self, strict_engine: DjangoTemplates, kind: str, state: str) -> None:
        html = draw(strict_engine, "{% state_badge kind state %}", kind=kind, state=state)

        look = LOOKS[kind][state]
        assert str(look.word) in html
        assert "<svg" in html
        assert f"badge--{look.tone}" in html

    def test_the_equation_adds_up_in_words(self, strict_engine: DjangoTemplates) -> None:
        tiles = [
            {"key": "sms", "count": 510, "url": "/a"},
            {"key": "call", "count": 450},
            {"key": "error", "count": 23},
        ]

        html = draw(strict_engine, '{% include "components/equation.html" %}', total=983, tiles=tiles)

        text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
        assert text == "名簿の全員 983 人 = SMS 510 人 + 電話 450 人 + 要修正 23 人"

    def test_a_form_links_its_summary_to_its_fields(self, strict_engine: DjangoTemplates) -> None:
        form = RosterForm({"policy": "hold"})

        html = draw(strict_engine, '{% include "components/form.html" %}', form=form)

        assert 'href="#id_name"' in html
        assert 'id="id_name"' in html
        assert 'aria-describedby="id_name_helptext id_name_error"' in html
        assert 'id="id_name_helptext"' in html
        assert 'id="id_name_error"' in html
        assert html.count("※必須") == 3

    def test_the_step_bar_links_only_what_is_done(self, strict_engine: DjangoTemplates) -> None:
        html = draw(strict_engine, '{% step_bar 3 "/one" "" "/three" %}')

        assert re.findall(r'href="([^"]*)"', html) == ["/one"]
        assert html.count('aria-current="step"') == 1

    @pytest.mark.parametrize("kind", ["notice", "confirm", "release", "error", "success"])
    def test_a_banner_says_its_kind_to_a_screen_reader(self, strict_engine: DjangoTemplates, kind: str) -> None:
        html = draw(
            strict_engine, "{% banner kind=kind title=title %}<p>本文</p>{% endbanner %}", kind=kind, title="<b>"
        )

        assert f'role="{"alert" if kind == "error" else "status"}"' in html
        assert "&lt;b&gt;" in html
        assert "<p>本文</p>" in html

    def test_sorting_turns_the_order_and_starts_at_the_first_page(self, strict_engine: DjangoTemplates) -> None:
        source = '{% include "components/sort_header.html" with label="氏名" key="name" sort="-name" %}'

        html = draw(strict_engine, source)

        assert 'aria-sort="descending"' in html
        assert 'href="?sort=name"' in html

    def test_paging_keeps_the_filters(self, strict_engine: DjangoTemplates) -> None:
        html = draw(strict_engine, '{% include "components/pagination.html" with next_cursor="x+/=" %}')

        assert 'href="?sort=-name&amp;cursor=x%2B%2F%3D"' in html
        assert 'href="?sort=-name"' in html

    def test_what_a_tenant_wrote_stays_text(self, strict_engine: DjangoTemplates) -> None:
        hostile = "<script>alert(1)</script>{{ settings }}{% now %}"
        source = (
            '{% include "components/phone.html" with text=hostile characters=3 parts=1 cost_yen=9 %}'
            '{% include "components/timeline.html" %}{% include "components/chips.html" with target="id_text" %}'
        )

        html = draw(
            strict_engine,
            source,
            hostile=hostile,
            events=[{"shape": "check", "tone": "success", "sentence": hostile, "detail": hostile}],
            placeholders=[hostile],
        )

        assert "<script" not in html
        assert html.count("{{ settings }}") == 5

    def test_each_part_needs_no_more_than_it_says(self, strict_engine: DjangoTemplates) -> None:
        source = (
            '{% include "components/page_header.html" with heading="h" %}{% include "components/breadcrumb.html" %}'
            '{% include "components/empty.html" with title="t" %}'
            '{% include "components/drop_area.html" with field=form.file %}'
            '{% include "components/outcome_buttons.html" %}'
            '{% include "components/progress.html" with label="l" done=1 total=2 %}'
            '{% include "components/poll.html" with url="/u" target="t" delay_s=2 %}'
            '{% include "components/phone.html" with text="t" %}{% state_bar counts "a" %}{% chart drawn %}'
            '{% sparkline values "s" "t" "u" %}{{ day|on_day }}{{ moment|at_minute }}{{ moment|at_second }}'
        )
        drawn = charts.funnel(chart_id="f", title="t", unit="人", steps=[charts.Part(key="sms", label="l", value=3)])

        draw(
            strict_engine,
            source,
            form=RosterForm(),
            here="ここ",
            trail=[{"label": "配信", "url": "/"}],
            outcomes=[{"value": "reached", "label": "つながった", "shape": "phone", "key": "1"}],
            counts={"delivered": 3},
            drawn=drawn,
            values=[1, 2],
            day=date(2022, 12, 6),
            moment=datetime(2022, 12, 6, 1, 32, 5, tzinfo=UTC),
        )

    def test_the_frame_asks_for_nothing(self, strict_engine: DjangoTemplates) -> None:
        draw(strict_engine, '{% include "base.html" %}')


class TestDates:
    moment = datetime(2022, 12, 6, 1, 32, 5, tzinfo=UTC)

    def test_are_never_ambiguous(self, strict_engine: DjangoTemplates) -> None:
        assert draw(strict_engine, "{{ moment|at_minute }}", moment=self.moment) == "2022年12月6日(火) 10:32"
        assert draw(strict_engine, "{{ moment|at_second }}", moment=self.moment) == "2022年12月6日(火) 10:32:05"

    def test_are_said_in_english_too(self, strict_engine: DjangoTemplates) -> None:
        with translation.override("en"):
            assert draw(strict_engine, "{{ moment|at_minute }}", moment=self.moment) == "Tue 6 Dec 2022 10:32"

    def test_nothing_is_said_of_what_has_not_happened(self, strict_engine: DjangoTemplates) -> None:
        assert draw(strict_engine, "{{ moment|at_minute }}", moment=None) == ""
