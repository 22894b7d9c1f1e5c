"""Templates and their versions."""

from __future__ import annotations

import pytest

from templates_sms.models import MessageTemplate, TemplateVersion
from templates_sms.selectors import preview_text, visible_templates
from templates_sms.services import (
    NameTaken,
    TemplateArchived,
    TextRefused,
    archive_template,
    create_template,
    edit_template,
)
from tenants.errors import NotAllowed
from tests.conftest import NOON, Cast

TEXT = "acme office です。{{氏名|様}}の療養は{{療養終了日|月日曜}}までです。"


def make(cast: Cast, *, name: str = "療養終了", text: str = TEXT) -> MessageTemplate:
    return create_template(name=name, text=text, department=cast.department, by=cast.staff, now=NOON)


class TestCreateTemplate:
    def test_makes_the_first_version(self, acme: Cast) -> None:
        with acme.scope():
            template = make(acme)

            version = template.versions.get()
            assert (version.number, version.text, template.current) == (1, TEXT, 1)

    def test_refuses_a_name_that_is_in_use(self, acme: Cast) -> None:
        with acme.scope():
            make(acme)
            with pytest.raises(NameTaken):
                make(acme)

            assert MessageTemplate.objects.count() == 1
            assert TemplateVersion.objects.count() == 1

    @pytest.mark.parametrize("text", ["", " \n", "{{氏名|殿}}", "x" * 4001, "a\ud800", "a\x00"])
    def test_refuses_a_text_that_could_not_be_sent(self, acme: Cast, text: str) -> None:
        with acme.scope():
            with pytest.raises(TextRefused):
                make(acme, text=text)

            assert not MessageTemplate.objects.exists()

    def test_refuses_a_viewer(self, acme: Cast) -> None:
        with acme.scope(), pytest.raises(NotAllowed):
            create_template(name="x", text="x", department=None, by=acme.viewer, now=NOON)


class TestEditTemplate:
    def test_keeps_the_old_version(self, acme: Cast) -> None:
        with acme.scope():
            template = edit_template(template=make(acme), text="新しい文面", by=acme.staff, now=NOON)

            assert template.current == 2
            assert list(template.versions.order_by("number").values_list("text", flat=True)) == [TEXT, "新しい文面"]

    def test_makes_no_version_for_another_name(self, acme: Cast) -> None:
        with acme.scope():
            template = edit_template(template=make(acme), name="別名", text=TEXT, by=acme.staff, now=NOON)

            assert (template.name, template.current) == ("別名", 1)

    def test_refuses_one_that_was_put_away_and_frees_its_name(self, acme: Cast) -> None:
        with acme.scope():
            template = make(acme)
            archive_template(template=template, by=acme.staff, now=NOON)

            with pytest.raises(TemplateArchived):
                edit_template(template=template, text="x", by=acme.staff, now=NOON)
            assert make(acme).pk != template.pk


class TestVisibleTemplates:
    def test_are_those_of_ones_departments(self, acme: Cast, globex: Cast) -> None:
        with globex.scope():
            make(globex)
        with acme.scope():
            mine = make(acme)
            create_template(name="全体", text="x", department=None, by=acme.admin, now=NOON)
            other = type(acme.department).objects.create(name="別の課")
            create_template(name="別", text="x", department=other, by=acme.admin, now=NOON)

            assert {template.name for template in visible_templates(acme.staff)} == {"全体", mine.name}
            assert visible_templates(acme.staff).get(pk=mine.pk).text == TEXT


class TestPreviewText:
    def test_shows_a_sample_person_with_parts_and_cost(self, acme: Cast) -> None:
        acme.tenant.price_per_part_millicents = 1_000_000

        preview = preview_text(TEXT, tenant=acme.tenant)

        assert preview.text == "acme office です。港　花子様の療養は8月20日(土)までです。"
        assert (preview.parts, preview.cost_yen, preview.problem) == (1, 10, "")

    def test_says_what_is_missing(self, acme: Cast) -> None:
        preview = preview_text("{{氏名}}", tenant=acme.tenant, values={"名前": "x"})

        assert "{{氏名}}" in preview.problem
        assert preview.text == "{{氏名}}"

    def test_gives_advice_and_blocks_nothing(self, acme: Cast) -> None:
        preview = preview_text("こんにちは", tenant=acme.tenant)

        assert any("acme office" in sentence for sentence in preview.advice)
