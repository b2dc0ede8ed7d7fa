"""Looking at dead letters on Kafka."""

from __future__ import annotations

from consumer.inspect.progress import Progress
from consumer.letters.asked import Asked
from consumer.letters.book import LetterBook
from consumer.settings import Settings
from consumer.stream.schemas import Schemas
from consumer.wiring.operator import open_reader


def open_book(settings: Settings, asked: Asked, progress: Progress) -> LetterBook:
    """Return the book of the dead letters that are asked for, nothing read yet."""
    schemas = Schemas.load(settings.schemas.directory)
    return LetterBook(open_reader(settings), schemas, settings.topics.dead_letter, asked, progress)
