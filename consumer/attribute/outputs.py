"""Where the results of a partition go: into the open transaction."""

from __future__ import annotations

from consumer import dead_letter
from consumer.attribute.ports import AttributeSettings, Encoders
from consumer.attribute.tally import Tally
from consumer.errors import RecordTooLarge
from consumer.events import Conversion, DeadLetter, outbox_key
from consumer.stream.log import BATCH_OVERHEAD_BYTES, Transaction

_ROOM_BYTES = 16_384
"""What a dead letter says beside the value that it is about, and twice the key: inside, and as its own."""

DEFERRAL_BYTES = 8_192
"""What deliver adds to a conversion that it puts off, and a replay to one that it appends again: their headers."""


class Outputs:
    """Writes a partition's results into the open transaction."""

    def __init__(self, transaction: Transaction, encoders: Encoders, settings: AttributeSettings, tally: Tally) -> None:
        self._transaction = transaction
        self._encoders = encoders
        self._settings = settings
        self._tally = tally
        self.waiting = False
        """True while the open transaction holds something that a reader waits for."""

    def conversion(self, conversion: Conversion) -> None:
        """Write a conversion, keyed by programme and order reference.

        Raises:
            RecordTooLarge: it does not fit its topic, or would not when deliver puts it off.
        """
        key, value = outbox_key(conversion.programme, conversion.order_ref), self._encoders.conversion(conversion)
        limit = self._settings.max_message_bytes - BATCH_OVERHEAD_BYTES - DEFERRAL_BYTES
        if len(key) + len(value) > limit:
            raise RecordTooLarge(self._settings.conversion_topic, len(key) + len(value), limit)
        self._transaction.send(self._settings.conversion_topic, key, value)
        self._tally.written[self._settings.conversion_topic] += 1
        self._tally.conversions.add(conversion)
        self.waiting = True

    def dead_letter(self, letter: DeadLetter) -> None:
        """Write a dead letter, keyed as its record was; one that does not fit keeps the first 64 KB or so."""
        try:
            self._send(letter)
        except RecordTooLarge:
            room_bytes = (self._settings.max_message_bytes - _ROOM_BYTES) // 3
            self._send(dead_letter.cut(letter, min(dead_letter.KEPT_BYTES, room_bytes)))
        self._tally.written[self._settings.dead_letter_topic] += 1
        self._tally.dead_letters[letter.reason] += 1
        self.waiting = True

    def _send(self, letter: DeadLetter) -> None:
        self._transaction.send(self._settings.dead_letter_topic, letter.key, self._encoders.dead_letter(letter))
