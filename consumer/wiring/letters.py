"""Dead letters on Kafka, looked at and replayed."""

from __future__ import annotations

from contextlib import ExitStack

from consumer.inspect.progress import Progress
from consumer.letters.asked import Asked
from consumer.letters.book import LetterBook
from consumer.letters.judgement import Decisions, Limits
from consumer.letters.replay import Replays
from consumer.letters.single import Letters
from consumer.settings import Settings, milliseconds
from consumer.wiring.attribute import now_ms
from consumer.wiring.operator import open_reader, writer_of
from consumer.wiring.schemas import open_schemas


def open_book(settings: Settings, asked: Asked, progress: Progress) -> LetterBook:
    """Return the book of the dead letters that are asked for, nothing read yet."""
    schemas = open_schemas(settings)
    return LetterBook(open_reader(settings), schemas, settings.topics.dead_letter, asked, progress)


def open_letters(settings: Settings, progress: Progress) -> Letters:
    """Return what looks up single letters."""
    schemas = open_schemas(settings)
    return Letters(open_reader(settings), schemas, settings.topics, progress)


def open_replays(
    settings: Settings, asked: Asked, decisions: Decisions, progress: Progress, stack: ExitStack
) -> Replays:
    """Return what replays the letters that are asked for; ``stack`` closes what it uses."""
    limits = Limits(
        max_age_ms=milliseconds(settings.delivery.max_age),
        max_order_delay_ms=milliseconds(settings.attribution.max_order_delay),
    )
    return Replays(
        open_reader(settings),
        writer_of(settings, stack),
        open_schemas(settings),
        settings.topics,
        asked,
        decisions,
        limits,
        now_ms=now_ms,
        progress=progress,
    )
