"""The licences of what is installed beside us, from the packages' own metadata: the table in docs/supply-chain.md.

``python -m tools.licences`` writes it; a test compares.
"""

from __future__ import annotations

import re
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Literal, NamedTuple, cast

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "run.txt"
PAGE = ROOT / "docs" / "supply-chain.md"
BEGIN, END = "<!-- licences: begin -->\n", "<!-- licences: end -->\n"

Kind = Literal["permissive", "file copyleft", "refused"]

PERMISSIVE = frozenset({"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0", "Unlicense"})
FILE_COPYLEFT = frozenset({"MPL-2.0"})
"""Changes to their own files must be published; whoever only uses them owes nothing but the notice."""

_SPDX = {
    "MIT License": "MIT",
    "ISC License": "ISC",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
"""Older words for a licence, by which packages name theirs."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(NamedTuple):
    """A locked package."""

    name: str
    version: str
    sha256: tuple[str, ...]
    """Of each file that may be installed."""


def locked(lock: Path = LOCK) -> list[Pin]:
    """Return what a requirements file pins, in its order.

    Raises:
        ValueError: a line is no exact version, or a package has no hash.
    """
    pins = []
    text = lock.read_text("utf-8").replace("\\\n", " ")
    for line in (each.strip() for each in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        pin = _PIN.match(line)
        hashes = tuple(sorted(_HASH.findall(line)))
        if pin is None or not hashes:
            raise ValueError(f"{lock.name}: not an exact version with hashes: {line[:80]}")
        pins.append(Pin(pin[1], pin[2], hashes))
    return pins


def licence_of(name: str) -> str:
    """Return an installed package's licence as an SPDX expression.

    Raises:
        LookupError: it is not installed, or does not say it in words that we know.
    """
    try:
        said = cast("Message", metadata(name))  # its type in typeshed lacks get_all
    except PackageNotFoundError:
        raise LookupError(f"{name} is not installed: run make test") from None
    if expression := said.get("License-Expression"):
        return str(expression)
    words = [str(said.get("License") or "")]
    words += sorted(each for each in said.get_all("Classifier") or () if each.startswith("License ::"))
    known = {_SPDX.get(word, word) for word in words if _SPDX.get(word, word) in PERMISSIVE | FILE_COPYLEFT}
    if len(known) != 1:
        raise LookupError(f"{name} names its licence by {words}: look at it, and tell tools/licences.py the SPDX id")
    return known.pop()


def kind_of(expression: str) -> Kind:
    """Judge an SPDX expression without parentheses: of ``OR`` the best word counts, of ``AND`` the worst."""
    ranks: list[Kind] = ["permissive", "file copyleft", "refused"]
    choices = [
        max((_kind(word.strip()) for word in choice.split(" AND ")), key=ranks.index)
        for choice in expression.split(" OR ")
    ]
    return min(choices, key=ranks.index)


def _kind(identifier: str) -> Kind:
    if identifier in PERMISSIVE:
        return "permissive"
    return "file copyleft" if identifier in FILE_COPYLEFT else "refused"


def table() -> str:
    """Return the table of docs/supply-chain.md."""
    lines = ["| package | version | licence | kind |", "|---|---|---|---|"]
    for pin in locked():
        licence = licence_of(pin.name)
        lines.append(f"| {pin.name} | {pin.version} | {licence} | {kind_of(licence)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the table anew."""
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + table() + END + after, "utf-8")


if __name__ == "__main__":
    main()
