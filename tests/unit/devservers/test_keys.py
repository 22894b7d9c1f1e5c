from __future__ import annotations

import base64
from dataclasses import asdict
from pathlib import Path

import pytest

from devservers import keys
from devservers.errors import CannotStart


class TestLoadOrCreate:
    def test_gives_the_same_keys_at_every_run(self, tmp_path: Path) -> None:
        assert keys.load_or_create(tmp_path) == keys.load_or_create(tmp_path)

    def test_gives_each_checkout_its_own(self, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        for directory in (first, second):
            directory.mkdir()

        one, other = asdict(keys.load_or_create(first)), asdict(keys.load_or_create(second))

        assert [name for name in one if one[name] == other[name]] == []

    def test_keeps_them_from_other_people(self, tmp_path: Path) -> None:
        keys.load_or_create(tmp_path)

        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"secret_key": "x"}', "null"])
    def test_says_so_when_the_file_is_broken_and_leaves_it(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "secrets.json"
        file.write_text(text)

        with pytest.raises(CannotStart, match=r"secrets\.json can't be read"):
            keys.load_or_create(tmp_path)

        assert file.read_text() == text


class TestNewKeys:
    def test_master_key_has_32_bytes(self) -> None:
        number, _, encoded = keys.new_keys().master_keys.partition(":")

        assert number == "1"
        assert len(base64.b64decode(encoded, validate=True)) == 32

    def test_smsc_password_fits_smpp(self) -> None:
        assert len(keys.new_keys().smsc_password) == 8
