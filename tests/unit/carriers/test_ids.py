from __future__ import annotations

import pytest

from carriers.smpp.ids import IdForm, IdRules

HEX_TO_DECIMAL = IdRules(form=IdForm.HEX_TO_DECIMAL)
DECIMAL_TO_HEX = IdRules(form=IdForm.DECIMAL_TO_HEX)


class TestIdRules:
    @pytest.mark.parametrize(
        ("rules", "answer", "receipt"),
        [
            (IdRules(), "a1B2-x", "a1B2-x"),
            (IdRules(lower=True), "00AB", "00ab"),
            (IdRules(strip_zeros=True), "1234", "0000001234"),
            (IdRules(strip_zeros=True), "0", "000"),
            (IdRules(lower=True, strip_zeros=True), "0AB", "00000ab"),
            (HEX_TO_DECIMAL, "1F", "31"),
            (HEX_TO_DECIMAL, "1f", "0000000031"),
            (HEX_TO_DECIMAL, "0000001F", "31"),
            (DECIMAL_TO_HEX, "31", "1F"),
            (DECIMAL_TO_HEX, "0031", "0000001f"),
            (HEX_TO_DECIMAL, "no-number", "no-number"),
            (HEX_TO_DECIMAL, "F" * 16, str(16**16 - 1)),
        ],
    )
    def test_makes_answer_and_receipt_equal(self, rules: IdRules, answer: str, receipt: str) -> None:
        assert rules.of_answer(answer) == rules.of_receipt(receipt)

    @pytest.mark.parametrize(
        ("rules", "answer", "receipt"),
        [
            (IdRules(), "ab", "AB"),
            (IdRules(), "1234", "01234"),
            (IdRules(lower=True), "1234", "01234"),
            (IdRules(strip_zeros=True), "ab", "AB"),
            (HEX_TO_DECIMAL, "31", "31"),
        ],
    )
    def test_keeps_ids_apart_unless_told(self, rules: IdRules, answer: str, receipt: str) -> None:
        assert rules.of_answer(answer) != rules.of_receipt(receipt)

    @pytest.mark.parametrize("identifier", ["", " 1f", "-1", "1_0", "٣", "z", "0x", "9" * 5000])
    def test_leaves_what_is_no_number_alone(self, identifier: str) -> None:
        assert HEX_TO_DECIMAL.of_answer(identifier) == identifier
        assert DECIMAL_TO_HEX.of_receipt(identifier) == identifier
