"""Passwords that breaches have made known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tenants.account.passwords import is_breached, is_guessable, listed


class TestList:
    def test_is_of_a_decent_size(self) -> None:
        assert len(listed()) > 40_000


class TestGuessable:
    @pytest.mark.parametrize(
        "password",
        [
            "password1234",
            "P@ssw0rd2024!",
            "passwordpassword",
            "qwertyuiop12",
            "dragonmonkey99",
            "!!!!iloveyou!!!!",
            "123456789012",
            "xxxxxxxxxxxxxxxx",
            "PASSWORD-2026",
            "hokenjo2026!!",
            "Todoke2026!!!!",
            "yamada20240401",
            "minato-hokenjo",
            "tokyo2020tokyo",
            "zaq12wsxcde3",
            "abcdefghijkl",
            "zyxwvutsrqpo",
            "パスワード１２３４５６７",
            "19800101 19800101",
        ],
    )
    def test_is_a_listed_word_in_disguise(self, password: str) -> None:
        assert is_guessable(password)

    @pytest.mark.parametrize(
        "password",
        [
            "correct horse battery staple",
            "sakura-hokenjo-kaze",
            "Xk9#mQ2v!pL7",
            "さくらほけんじょのかぜ",
            "まどべのあさがお2026!",
            "rWm3-pQ8z-Lk2v",
            "umi no oto ga kikoeru",
        ],
    )
    def test_is_no_phrase_and_nothing_by_chance(self, password: str) -> None:
        assert not is_guessable(password)

    @pytest.mark.timeout(5)
    def test_looks_quickly_at_the_longest_that_it_looks_into(self) -> None:
        assert not is_guessable("x7Ω" * 33)

    @pytest.mark.timeout(5)
    def test_takes_no_longer_for_a_password_without_end(self) -> None:
        assert not is_guessable("長" * 50_000 + "password" * 50_000)


class TestWholeList:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        lines = sorted(f"{hashlib.sha1(str(n).encode()).hexdigest().upper()}:{n}" for n in range(2_000))  # noqa: S324
        path = tmp_path / "pwned.txt"
        path.write_bytes("\r\n".join(lines).encode() + b"\r\n")
        return path

    def test_is_searched_by_halves(self, file: Path) -> None:
        assert all(is_breached(str(n), file=file) for n in range(2_000))
        assert not any(is_breached(f"other {n}", file=file) for n in range(2_000))

    def test_may_be_empty(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()

        assert not is_breached("anything", file=tmp_path / "empty")
