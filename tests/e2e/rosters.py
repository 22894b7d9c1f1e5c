"""Small rosters of invented people, each with numbers and ids that no other roster has."""

from __future__ import annotations

import itertools
import time

from playwright.sync_api import FilePayload

_people = itertools.count(int(time.time()) % 9_000 * 100)


def small_roster(*, people: int = 3) -> FilePayload:
    """As Excel writes it; everybody is delivered at once."""
    lines = ["管理番号,氏名,電話番号,SMS同意,療養終了日"]
    for person in range(people):
        number = f"{next(_people):06}"
        lines.append(f"E{number},試験　花子{person},060-19{number[:2]}-{number[2:]},有,2022/08/20")
    return file("small.csv", "\r\n".join(lines).encode("cp932"))


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": content}
