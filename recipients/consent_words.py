"""Words for yes and no in a consent column. An unknown word is a question for a person, never a yes."""

from __future__ import annotations

import unicodedata
from typing import Final

_YES: Final = (
    "有 有り あり アリ ○ 〇 ◯ ◎ ● ⭕ ✓ ✔ ☑ ✅ レ はい 同意 同意あり 同意有 同意有り 同意済 同意済み "
    "同意する 同意します 同意した 承諾 承諾あり 承諾有 承諾済 承諾済み 承諾する 了承 了承済 了解 済 済み "
    "可 可能 希望 希望する 希望あり 1 yes y true ok on"
)
_NO: Final = (
    "無 無し なし ナシ × ✕ ✖ ✗ ✘ ☓ ╳ ❌ ☐ x いいえ 同意なし 同意無 同意無し 同意しない 同意せず "
    "同意しません 不同意 非同意 未同意 未承諾 承諾なし 承諾無 承諾無し 承諾しない 未 未済 拒否 辞退 否 "
    "不可 不要 不承諾 希望しない 希望せず 希望なし 0 no n false ng off - ― ‐ ー"
)
_MEANINGS: Final[dict[str, bool]] = {
    **{unicodedata.normalize("NFKC", word).casefold(): True for word in _YES.split()},
    **{unicodedata.normalize("NFKC", word).casefold(): False for word in _NO.split()},
    "": False,
    "1.0": True,
    "0.0": False,
}
# Cells as they stand in files, so that the common ones need no normalising.
_AS_WRITTEN: Final[dict[str, bool]] = {**_MEANINGS, "YES": True, "NO": False, "Yes": True, "No": False}


def read_consent(raw: str) -> bool | None:
    """True for a yes, False for a no or an empty cell, None for a word nobody taught us."""
    known = _AS_WRITTEN.get(raw)
    if known is not None or raw in _AS_WRITTEN:
        return known
    text = unicodedata.normalize("NFKC", raw)
    return _MEANINGS.get("".join(text.split()).strip("()[]「」。.").casefold())
