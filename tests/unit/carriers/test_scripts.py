from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from carriers.simulator.behaviour import BadBehaviour, Behaviour, IdStyle, Span
from carriers.simulator.scripts import DEFAULT, SCRIPTS, scripted

PAGE = (Path(__file__).parents[3] / "docs/reference/simulator.md").read_text()


class TestScripted:
    @pytest.mark.parametrize("number", ["816013300001", "+816013300001", "06013300001"])
    def test_knows_a_scripted_number_in_any_writing(self, number: str) -> None:
        script = scripted(number, number=1, total=1)

        assert script is not None
        assert (script.status, script.refusals) == (0x58, 10)

    @pytest.mark.parametrize(
        "number", ["819013300001", "816023300001", "81601330001", "8160133000011", "", "0", "60133000010"]
    )
    def test_leaves_every_other_number_alone(self, number: str) -> None:
        assert scripted(number, number=1, total=1) is None

    def test_delivers_what_is_not_in_the_table(self) -> None:
        assert scripted("816019900000", number=1, total=1) is DEFAULT

    @pytest.mark.parametrize(("part", "total", "is_last"), [(1, 1, False), (1, 2, False), (2, 2, True), (3, 3, True)])
    def test_a_script_for_the_last_part_lets_the_others_be(self, part: int, total: int, is_last: bool) -> None:
        script = scripted("816018000000", number=part, total=total)

        assert (script is not DEFAULT) is is_last

    def test_the_page_lists_every_script(self) -> None:
        listed = re.findall(r"^\| (\d\d) \| 060-1(\d\d)n-xxxx \|", PAGE, re.MULTILINE)

        assert [number for number, _again in listed] == list(SCRIPTS)
        assert all(number == again for number, again in listed)


class TestBehaviour:
    def test_the_page_lists_every_knob_with_its_default(self) -> None:
        listed = dict(re.findall(r"^\| `(\w+)` \| ([\w.:]+) \|", PAGE.split("## The control port")[0], re.MULTILINE))

        defaults = {name: str(value).lower() for name, value in Behaviour().as_json().items()}
        assert {name: value.removesuffix(".0") for name, value in defaults.items()} == listed

    def test_comes_back_from_its_own_json(self) -> None:
        behaviour = Behaviour(answer_delay=Span(0.1, 2), throttle_rate=0.3, hang=True, answer_ids=IdStyle.PADDED)

        assert Behaviour().changed(behaviour.as_json()) == behaviour

    def test_takes_words_from_the_command_line(self) -> None:
        changed = Behaviour().changed({"throttle_rate": "0.25", "receipt_window": "7", "receipt_delay": "1"})

        assert (changed.throttle_rate, changed.receipt_window, changed.receipt_delay) == (0.25, 7, Span(1, 1))

    @pytest.mark.parametrize(
        ("knob", "value"),
        [
            ("throttle_rate", 1.1),
            ("throttle_rate", -0.1),
            ("throttle_rate", "x"),
            ("throttle_rate", "nan"),
            ("throttle_rate", None),
            ("throttle_rate", []),
            ("receipt_delay", "3:1"),
            ("receipt_delay", "-1:1"),
            ("receipt_delay", "soon"),
            ("receipt_delay", "nan"),
            ("hang", "yes"),
            ("hang", 1),
            ("answer_ids", "octal"),
            ("answer_ids", []),
            ("refuse_binds", 0x0400),
            ("window_limit", 1.5e10),
            ("no_such_knob", 1),
        ],
    )
    def test_refuses_nonsense_and_changes_nothing(self, knob: str, value: object) -> None:
        behaviour = Behaviour()

        with pytest.raises(BadBehaviour):
            behaviour.changed({"silent_rate": 0.5, knob: value})

        assert behaviour == Behaviour()

    def test_is_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            Behaviour().hang = True  # type: ignore[misc]  # that it can't be set is what is tested


class TestIdStyle:
    @pytest.mark.parametrize(
        ("style", "written"),
        [
            (IdStyle.DECIMAL, "48879"),
            (IdStyle.HEX, "beef"),
            (IdStyle.UPPER_HEX, "BEEF"),
            (IdStyle.PADDED, "00000000000000048879"),
            (IdStyle.PADDED_HEX, "000000000000BEEF"),
        ],
    )
    def test_writes_one_number_in_many_ways(self, style: IdStyle, written: str) -> None:
        assert style.write(0xBEEF) == written
