"""What there is of dead letters: counts, and the newest. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

from msgspec import Struct

from consumer.events import Position
from consumer.letters.book import Fate, Letter, LetterBook

_Key = TypeVar("_Key", bound=Hashable)


class OfReason(Struct, frozen=True, kw_only=True):
    """How many letters have a reason."""

    stage: str
    reason: str
    letters: int
    replayed: int
    """Of these, how many were replayed."""


class OfProgramme(Struct, frozen=True, kw_only=True):
    """How many letters are about orders of a programme."""

    programme: str | None
    """``None``: it is not known of which."""
    letters: int
    replayed: int


class Listed(Struct, frozen=True, kw_only=True):
    """One letter. Nothing of its record's bytes."""

    at: Position
    stage: str
    reason: str
    field: str
    failed_at_ms: int
    programme: str | None
    order_ref: str | None
    source: Position
    truncated: bool
    replayed: Fate | None


class Listing(Struct, frozen=True, kw_only=True):
    """The letters that were asked for."""

    letters: int
    replayed: int
    by_reason: tuple[OfReason, ...]
    """The most letters first."""
    by_programme: tuple[OfProgramme, ...]
    newest: tuple[Listed, ...]
    """The latest first."""
    unreadable: int
    """Records of the topic that are no dead letters of ours."""


def listing(book: LetterBook, most: int) -> Listing:
    """Return the counts of a book's letters and the newest of them, so many at most."""
    letters = list(book.letters.values())
    replayed = [letter for letter in letters if book.fate(letter.at) is not None]
    reasons = _counted(((each.stage, each.reason) for each in letters), ((x.stage, x.reason) for x in replayed))
    programmes = _counted((each.programme for each in letters), (each.programme for each in replayed))
    newest = sorted(letters, key=lambda each: (-each.failed_at_ms, each.at))[:most]
    return Listing(
        letters=len(letters),
        replayed=len(replayed),
        by_reason=tuple(
            OfReason(stage=stage, reason=reason, letters=count, replayed=again)
            for (stage, reason), count, again in reasons
        ),
        by_programme=tuple(
            OfProgramme(programme=programme, letters=count, replayed=again) for programme, count, again in programmes
        ),
        newest=tuple(_listed(each, book.fate(each.at)) for each in newest),
        unreadable=book.unreadable,
    )


def _counted(every: Iterable[_Key], replayed: Iterable[_Key]) -> list[tuple[_Key, int, int]]:
    """Return each key with how often it is in either, the most frequent first."""
    counts, again = Counter(every), Counter(replayed)
    return sorted(((key, count, again[key]) for key, count in counts.items()), key=lambda row: (-row[1], str(row[0])))


def _listed(letter: Letter, fate: Fate | None) -> Listed:
    return Listed(
        at=letter.at,
        stage=letter.stage,
        reason=letter.reason,
        field=letter.field,
        failed_at_ms=letter.failed_at_ms,
        programme=letter.programme,
        order_ref=letter.order_ref,
        source=letter.source,
        truncated=letter.truncated,
        replayed=fate,
    )
