"""Broken rules about requests and files."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

OF_OUTPUT = {
    "rows are not cut": Mutant(
        "a text of a product row is cut to 255 characters (section 6)",
        "awin/sread.py",
        'value.replace("|", " ")[:MAX_ROW_VALUE]',
        'value.replace("|", " ")',
    ),
    "rows are cut a bit late": Mutant(
        "a text of a product row is cut to 255 characters (section 6)",
        "awin/sread.py",
        "MAX_ROW_VALUE = 255",
        "MAX_ROW_VALUE = 256",
    ),
    "pipes stay in rows": Mutant(
        "a pipe inside a text of a product row becomes a space (section 6)",
        "awin/sread.py",
        'value.replace("|", " ")[:MAX_ROW_VALUE]',
        "value[:MAX_ROW_VALUE]",
    ),
    "a request may be longer": Mutant(
        "a request of more than 8,000 characters leaves out its rows (section 6)",
        "awin/sread.py",
        "MAX_URL_CHARACTERS = 8_000",
        "MAX_URL_CHARACTERS = 8_001",
    ),
    "a request of 8,000 characters is too long": Mutant(
        "a request of more than 8,000 characters leaves out its rows (section 6)",
        "awin/sread.py",
        "if len(url) <= max_characters or not (rows or len(custom) > 1):",
        "if len(url) < max_characters or not (rows or len(custom) > 1):",
    ),
    "custom parameters stay": Mutant(
        "a request that is too long without rows leaves out its custom parameters from 2 on (section 6)",
        "awin/sread.py",
        "_url(endpoint, sale + custom[:1])",
        "_url(endpoint, sale + custom)",
    ),
    "the test flag is a word": Mutant(
        "testmode is 0 or 1 (AWIN.md 1)",
        "awin/wording.py",
        'return "1" if value else "0"',
        "return str(value).lower()",
    ),
    "a file is in UTC": Mutant(
        "the dates of offline files are UK time (AWIN.md 7)",
        "awin/offline.py",
        'ZoneInfo("Europe/London")',
        'ZoneInfo("UTC")',
    ),
    "a click of a year ago is told": Mutant(
        "click checksums of offline files are younger than a year (AWIN.md 7)",
        "awin/offline.py",
        "now_ms - checksum.clicked_at_ms < MAX_CHECKSUM_AGE_MS",
        "now_ms - checksum.clicked_at_ms <= MAX_CHECKSUM_AGE_MS",
    ),
    "only whole cells begin formulas": Mutant(
        "a sign after what a spreadsheet may split at is neutralised (docs/operations.md)",
        "spreadsheet.py",
        "at_beginning = character in _SEPARATORS or (at_beginning and _is_unseen(character))",
        "at_beginning = at_beginning and _is_unseen(character)",
    ),
    "what cannot be seen hides a formula": Mutant(
        "a sign behind what cannot be seen is neutralised (docs/operations.md)",
        "spreadsheet.py",
        "at_beginning = character in _SEPARATORS or (at_beginning and _is_unseen(character))",
        "at_beginning = character in _SEPARATORS",
    ),
    "rows are written as they are": Mutant(
        "what a spreadsheet would take for a formula is neutralised in files (docs/operations.md)",
        "awin/offline.py",
        "harmless = [neutral(cell) for cell in cells]",
        "harmless = list(cells)",
    ),
}
