"""Texts of a CSV file that no spreadsheet takes for formulas.

A sign at the beginning of a cell makes a formula of it. Where a cell begins depends on who opens the file: another
program may split at semicolons, tabs or pipes, take no heed of quotes, and drop what cannot be seen.
"""

from __future__ import annotations

import re
import unicodedata

_SIGN = re.compile("[-=+@\uff1d\uff0b\uff0d\uff20]")
"""With the wide forms of East Asian keyboards."""
_SEPARATORS = frozenset(",;\t|\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})
_UNSEEN = frozenset('"\u115f\u1160\u2800\u3164\uffa0')
"""Quotes, which go when the file is read, and letters without a shape."""


def neutral(cell: str) -> str:
    """Return a text in which an apostrophe stands before every sign that would begin a formula.

    That is one at the beginning, or after any of ``, ; |``, a tab or a line break; between them may be white space,
    control characters, quotes and whatever else takes no room.
    """
    if _SIGN.search(cell) is None:
        return cell
    text = []
    at_beginning = True
    for character in cell:
        if at_beginning and _SIGN.match(character):
            text.append("'")
        text.append(character)
        at_beginning = character in _SEPARATORS or (at_beginning and _is_unseen(character))
    return "".join(text)


def _is_unseen(character: str) -> bool:
    return character in _UNSEEN or unicodedata.category(character) in _UNSEEN_CATEGORIES
