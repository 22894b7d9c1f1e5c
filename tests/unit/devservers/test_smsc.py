from __future__ import annotations

from pathlib import Path

import pytest

from devservers import smsc
from devservers.errors import CannotStart


class TestParse:
    def test_reads_every_part(self) -> None:
        parsed = smsc.parse("smpp://city:p%40ss@sms.example:2776?window=50&binds=3")

        assert (parsed.host, parsed.port) == ("sms.example", 2776)
        assert (parsed.system_id, parsed.password) == ("city", "p@ss")
        assert (parsed.window, parsed.binds) == (50, 3)
        assert not parsed.is_bundled

    def test_window_is_10_and_binds_1_unless_given(self) -> None:
        parsed = smsc.parse("smpp://city:secret@127.0.0.1")

        assert (parsed.port, parsed.window, parsed.binds) == (2775, 10, 1)

    @pytest.mark.parametrize(
        "url", ["smpp://a:b@127.0.0.1:2775?window=7&binds=2", "smpp://a%2Fb:c%3F@[::1]:1?window=1&binds=1"]
    )
    def test_is_written_as_it_was_read(self, url: str) -> None:
        assert smsc.parse(url).url == url

    @pytest.mark.parametrize(
        "url",
        [
            "127.0.0.1:2775",
            "http://a:b@127.0.0.1:2775",
            "smpp://127.0.0.1:2775",
            "smpp://a:b@:2775",
            "smpp://a:b@127.0.0.1:port",
            "smpp://a:b@127.0.0.1:99999",
            "smpp://a:b@127.0.0.1?window=ten",
            "smpp://a:b@127.0.0.1?window=0",
            "smpp://a:b@127.0.0.1?binds=-1",
            "smpp://a:b@127.0.0.1?window",
        ],
    )
    def test_says_how_it_should_look(self, url: str) -> None:
        with pytest.raises(CannotStart, match="should look like smpp://system_id:password@host"):
            smsc.parse(url)


class TestBundled:
    def test_has_a_journal_and_one_bind(self) -> None:
        bundled = smsc.bundled(port=2775, password="12345678", journal=Path("journal.jsonl"))

        assert bundled.is_bundled
        assert bundled.url == "smpp://todoke:12345678@127.0.0.1:2775?window=10&binds=1"
