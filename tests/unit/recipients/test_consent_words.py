"""A yes is a word that we know; an unknown word is never one."""

from __future__ import annotations

import pytest

from recipients.consent_words import read_consent


@pytest.mark.parametrize(
    "word",
    [
        "有",
        "○",
        "〇",
        "◯",
        "はい",
        "同意あり",
        "済",
        "1",
        "１",
        "yes",
        "YES",
        "Ｙｅｓ",
        " はい　",
        "ｱﾘ",
        "○(本人)"[:1],
        "1.0",
        "（有）",
        "✓",
        "TRUE",
    ],
)
def test_yes(word: str) -> None:
    assert read_consent(word) is True


@pytest.mark.parametrize(
    "word",
    [
        "無",
        "×",
        "✕",
        "いいえ",
        "同意なし",
        "未",
        "0",
        "０",
        "no",
        "NO",
        "Ｎｏ",
        "",
        " ",
        "　",
        "同意 なし",
        "ﾅｼ",
        "0.0",
        "-",
        "FALSE",
        "X",
    ],
)
def test_no(word: str) -> None:
    assert read_consent(word) is False


@pytest.mark.parametrize("word", ["△", "確認中", "?", "保留", "たぶん", "2", "はいいいえ", "10", "要確認"])
def test_unknown(word: str) -> None:
    assert read_consent(word) is None
