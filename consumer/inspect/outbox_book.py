"""The account of one partition of the outbox: has delivery an ending for every conversion that it passed? Pure.

A receipt takes two integers of memory, by the hash of its key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from consumer.delivery.mark import Mark
from consumer.events import Receipt
from consumer.inspect.findings import Finding, Findings, OutboxTotals, What

_ENDINGS = ("delivered", "exported", "shadow", "dead_letter", "deferred")
_REPEAT_LIMIT = 1 << 20


class OutboxBook:
    """Takes all receipts and dead letters of a partition, then its conversions, and judges these.

    Args:
        topic: the outbox.
        partition: its partition.
        committed: deliver's position, learnt before anything was read; 0 where there is none.
        before: the mark of that commit, if it has one.
        findings: where to say what is wrong.
    """

    def __init__(self, topic: str, partition: int, committed: int, before: Mark | None, findings: Findings) -> None:
        self._topic = topic
        self._partition = partition
        self._committed = committed
        self._before = before
        self._findings = findings
        self._receipts: dict[int, int] = {}
        self._refused: set[int] = set()
        self._answered: Counter[int] = Counter()
        self._conversions = 0
        self._outstanding = 0
        self._missing = 0

    def receipt(self, key: bytes, receipt: Receipt | None) -> None:
        """Take the partition's next receipt; the newest of a key holds, and ``None`` deletes it."""
        if receipt is None:
            self._receipts.pop(hash(key), None)
        else:
            self._receipts[hash(key)] = _packed(receipt)

    def refused(self, offset: int) -> None:
        """Note that deliver wrote a dead letter for a conversion."""
        self._refused.add(offset)

    def conversion(self, offset: int, key: bytes) -> None:
        """Take the partition's next conversion."""
        self._conversions += 1
        packed = self._receipts.get(hash(key))
        if offset in self._refused or (packed is not None and _source(packed) == offset):
            return
        if offset >= self._committed:
            self._outstanding += 1
            return
        self._answered[hash(key)] += 1
        if packed is None or self._answered[hash(key)] > _repeats(packed):
            self._missing += 1
            order_ref = key.partition(b":")[2].decode("utf-8", "replace")
            self._find("no_receipt", offset, order_ref, "")

    def close(self, after: Mark | None, *, receipts_whole: bool, dead_letters_whole: bool) -> OutboxTotals:
        """Hold the receipts against the counts of the commits before and after they were read.

        Args:
            after: the mark of the position learnt after everything was read.
            receipts_whole: no receipt has expired yet.
            dead_letters_whole: no dead letter has expired yet.
        """
        found = self._endings()
        if self._before is not None and after is not None:
            whole = dict.fromkeys(found, receipts_whole) | {"dead_letter": dead_letters_whole}
            wrong = list(_wrong_counts(found, self._before.counts, after.counts, whole, self._missing))
            if wrong:
                self._find("counts", None, None, "; ".join(wrong))
        return OutboxTotals(
            partition=self._partition,
            conversions=self._conversions,
            delivered=found["delivered"],
            shadow=found["shadow"],
            dead_letters=found["dead_letter"],
            repeats=found["repeat"],
            outstanding=self._outstanding,
            compared=self._before is not None and receipts_whole,
        )

    def _endings(self) -> dict[str, int]:
        """Return how many conversions have each ending. A conflict has a dead letter and no receipt of its own."""
        receipts = Counter(_ENDINGS[packed % len(_ENDINGS)] for packed in self._receipts.values())
        return {
            "delivered": receipts["delivered"],
            "shadow": receipts["shadow"],
            "dead_letter": len(self._refused),
            "repeat": sum(map(_repeats, self._receipts.values())),
        }

    def _find(self, what: What, offset: int | None, order_ref: str | None, detail: str) -> None:
        self._findings.add(
            Finding(
                what=what,
                topic=self._topic,
                partition=self._partition,
                offset=offset,
                order_ref=order_ref,
                detail=detail,
            )
        )


def _wrong_counts(
    found: Mapping[str, int],
    before: Mapping[str, int],
    after: Mapping[str, int],
    whole: Mapping[str, bool],
    missing: int,
) -> Iterator[str]:
    """Say which endings are not between the counts before and after; ``missing`` receipts may explain too few."""
    too_few = sum(max(0, before.get(ending, 0) - count) for ending, count in found.items() if whole[ending])
    for ending, count in found.items():
        least, most = before.get(ending, 0), after.get(ending, 0)
        if count > most or (whole[ending] and count < least and too_few > missing):
            counted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            yield f"{ending.replace('_', ' ')}: {counted} counted, {count:,} found"


def _packed(receipt: Receipt) -> int:
    """Return source offset, repeats and ending as one integer."""
    repeats = min(receipt.repeats, _REPEAT_LIMIT - 1)
    return (receipt.source.offset * _REPEAT_LIMIT + repeats) * len(_ENDINGS) + _ENDINGS.index(receipt.ending)


def _source(packed: int) -> int:
    return packed // len(_ENDINGS) // _REPEAT_LIMIT


def _repeats(packed: int) -> int:
    return packed // len(_ENDINGS) % _REPEAT_LIMIT
