"""Charts are read by people and by machines: well formed, told in words, safe against any label."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reports import charts
from reports.chart_patterns import PAINTS
from reports.state_words import LOOKS, MESSAGE

JAPAN = ZoneInfo("Asia/Tokyo")
NOON = datetime(2022, 12, 6, 3, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"><script>alert(1)</script>&'"


def parsed(chart: charts.Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg)  # noqa: S314 - our own drawing


def bar(parts: list[charts.Part], title: str = "内訳") -> charts.Chart:
    return charts.stacked_bar(chart_id="bar", title=title, unit="人", parts=parts)


def over_time(series: list[charts.Series], instants: list[datetime], title: str = "推移") -> charts.Chart:
    return charts.states_over_time(
        chart_id="time", title=title, unit="人", time_label="時刻", instants=instants, zone=JAPAN, series=series
    )


def minutes(count: int) -> list[datetime]:
    return [NOON + timedelta(minutes=place) for place in range(count)]


EVERY_CHART: list[Callable[[str], charts.Chart]] = [
    lambda label: bar([charts.Part(key=key, label=label, value=7) for key in PAINTS], title=label),
    lambda label: over_time([charts.Series(key="delivered", label=label, values=[0, 4, 9])], minutes(3), label),
    lambda label: charts.histogram(
        chart_id="h", title=label, unit="人", class_label=label, bins=[charts.Bin(label=label, value=3)]
    ),
    lambda label: charts.funnel(
        chart_id="f", title=label, unit="人", steps=[charts.Part(key="sms", label=label, value=3)]
    ),
    lambda label: charts.sparkline(chart_id="s", title=label, unit="通", values=[1, 2], threshold=2),
]
EMPTY_CHARTS: list[charts.Chart] = [
    bar([]),
    over_time([], []),
    charts.histogram(chart_id="h", title="時間", unit="人", class_label="時間", bins=[]),
    charts.funnel(chart_id="f", title="段階", unit="人", steps=[]),
    charts.sparkline(chart_id="s", title="推移", unit="通", values=[]),
]


@pytest.mark.parametrize("draw", EVERY_CHART)
class TestEveryChart:
    def test_is_well_formed_and_named(self, draw: Callable[[str], charts.Chart]) -> None:
        root = parsed(draw("受信済み"))

        named_by = root.attrib["aria-labelledby"].split()
        title = root.find(f"{SVG}title")
        assert root.attrib["role"] == "img"
        assert title is not None
        assert "受信済み" in (title.text or "")
        assert named_by == [each.attrib["id"] for each in root if each.tag in {f"{SVG}title", f"{SVG}desc"}]

    def test_keeps_the_content_security_policy(self, draw: Callable[[str], charts.Chart]) -> None:
        elements = list(parsed(draw("受信済み")).iter())

        assert not [each for each in elements if "style" in each.attrib or each.tag in {f"{SVG}style", f"{SVG}script"}]

    def test_takes_any_label_as_text(self, draw: Callable[[str], charts.Chart]) -> None:
        root = parsed(draw(HOSTILE))

        assert not list(root.iter(f"{SVG}script"))
        assert HOSTILE in "".join(root.itertext())

    def test_paints_only_with_patterns_that_it_defines(self, draw: Callable[[str], charts.Chart]) -> None:
        root = parsed(draw("受信済み"))

        used = {each.attrib["fill"] for each in root.iter() if each.attrib.get("fill", "").startswith("url(")}
        defined = {f"url(#{each.attrib['id']})" for each in root.iter(f"{SVG}pattern")}
        assert used == defined


@pytest.mark.parametrize("chart", EMPTY_CHARTS)
def test_a_chart_without_figures_is_still_a_drawing(chart: charts.Chart) -> None:
    assert parsed(chart).tag == f"{SVG}svg"
    assert chart.rows == ()


class TestStackedBar:
    def test_fills_the_whole_width_in_proportion(self) -> None:
        chart = bar([charts.Part("delivered", "受信済み", 300), charts.Part("undelivered", "不達", 100)])

        shares = [each for each in parsed(chart).findall(f"{SVG}rect") if each.attrib.get("stroke") == "#ffffff"]
        assert [float(each.attrib["width"].rstrip("%")) for each in shares] == [75, 25]
        assert chart.rows == (("受信済み", 300, "75.0%"), ("不達", 100, "25.0%"))

    def test_one_failure_among_many_is_still_seen(self) -> None:
        chart = bar([charts.Part("delivered", "受信済み", 99_999), charts.Part("failed", "送信できず", 1)])

        widths = [
            float(each.attrib["width"].rstrip("%"))
            for each in parsed(chart).findall(f"{SVG}rect")
            if each.attrib.get("stroke") == "#ffffff"
        ]
        assert widths[1] > 0.39
        assert sum(widths) == pytest.approx(100, abs=0.01)

    def test_tells_all_figures_in_words(self) -> None:
        chart = bar([charts.Part("delivered", "受信済み", 1234), charts.Part("expired", "期限切れ", 5)])

        description = parsed(chart).find(f"{SVG}desc")
        assert description is not None
        assert description.text == "受信済み 1,234人、期限切れ 5人"


class TestStatesOverTime:
    def test_stacks_to_the_total_at_each_instant(self) -> None:
        chart = over_time(
            [
                charts.Series(key="delivered", label="受信済み", values=[0, 30, 80]),
                charts.Series(key="queued", label="送信待ち", values=[80, 50, 0]),
            ],
            minutes(3),
        )

        columns: dict[str, float] = {}
        for each in parsed(chart).findall(f"{SVG}rect"):
            columns[each.attrib["x"]] = columns.get(each.attrib["x"], 0) + float(each.attrib["height"])
        assert [round(height) for height in columns.values()] == [charts.PLOT_HEIGHT] * 3

    def test_shows_japan_time(self) -> None:
        chart = over_time([charts.Series(key="delivered", label="受信済み", values=[1, 2])], minutes(2))

        assert chart.rows == (("12/06 12:00", 1), ("12/06 12:01", 2))
        assert "12:00" in "".join(parsed(chart).itertext())

    def test_names_the_day_when_the_time_runs_past_midnight(self) -> None:
        late = [NOON, NOON + timedelta(hours=12)]

        chart = over_time([charts.Series(key="delivered", label="受信済み", values=[1, 2])], late)

        assert "12/7 00:00" in "".join(parsed(chart).itertext())

    def test_refuses_series_of_unequal_length(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            over_time(
                [
                    charts.Series(key="delivered", label="a", values=[1]),
                    charts.Series(key="queued", label="b", values=[1, 2]),
                ],
                minutes(2),
            )


class TestSpreadLabels:
    def test_keeps_labels_apart_and_in_order(self) -> None:
        places = charts.spread_labels([100, 100, 101], top=0, bottom=200)

        assert places == [100, 119, 138]

    def test_pushes_up_from_the_bottom(self) -> None:
        assert charts.spread_labels([199, 200], top=0, bottom=200) == [181, 200]

    def test_leaves_alone_what_has_room(self) -> None:
        assert charts.spread_labels([150, 20], top=0, bottom=200) == [150, 20]


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 4), (4, 4), (5, 5), (6, 8), (9, 10), (101, 200), (510, 800), (983, 1000), (100_000, 100_000)],
)
def test_a_scale_ends_at_a_round_figure(highest: int, top: int) -> None:
    assert charts.round_top(highest) == top


def test_a_sparkline_says_first_last_and_highest() -> None:
    chart = charts.sparkline(chart_id="s", title="1秒あたり", unit="通", values=[3, 25, 12])

    title = parsed(chart).find(f"{SVG}title")
    assert title is not None
    assert title.text == "1秒あたり: 3通 → 12通（≤ 25通）"


def test_a_funnel_gives_shares_of_the_first_step() -> None:
    chart = charts.funnel(
        chart_id="f",
        title="段階",
        unit="人",
        steps=[charts.Part("sms", "対象", 200), charts.Part("delivered", "受信した", 150)],
    )

    assert chart.rows[1] == ("受信した", 150, "75.0%")
    assert "150人（75.0%）" in "".join(parsed(chart).itertext())


def test_every_message_state_and_route_has_a_paint_of_its_own() -> None:
    states = [*MESSAGE, *LOOKS["route"]]

    assert set(states) <= set(PAINTS)
    assert len({(PAINTS[state].ground, PAINTS[state].marks) for state in MESSAGE}) == len(MESSAGE)


def test_states_of_one_kind_differ_in_word_and_in_shape_or_tone() -> None:
    for looks in LOOKS.values():
        assert len({str(look.word) for look in looks.values()}) == len(looks)
        assert len({(look.shape, look.tone) for look in looks.values()}) == len(looks)
