"""The account of one partition of the outbox: has delivery an ending for every conversion that it passed? Pure.

A receipt takes two integers of memory, by the hash of its key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from consumer.delivery import sent
from consumer.delivery.mark import Mark
from consumer.events import Receipt
from consumer.inspect.findings import Finding, Findings, OutboxTotals, What

_KINDS = ("delivered", "shadow", "dead_letter", "deferred", "too_old", "for_export", "exported", "exported_too_old")
"""What a receipt says, by `_kind`."""
_OF_EXPORT = frozenset({"too_old", "for_export", "exported", "exported_too_old"})
"""Receipts on which deliver counts no repeats: `consumer.delivery.sent.may_be_rewritten`."""
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
        self._silent_repeats = 0
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
        if packed is not None and self._answered[hash(key)] <= _repeats(packed):
            return
        if packed is not None and _KINDS[packed % len(_KINDS)] in _OF_EXPORT:
            self._silent_repeats += 1
        else:
            self._missing += 1
            order_ref = key.partition(b":")[2].decode("utf-8", "replace")
            self._find("no_receipt", offset, order_ref, "")

    def close(
        self, after: Mark | None, *, receipts_whole: bool, dead_letters_whole: bool, conversions_whole: bool
    ) -> OutboxTotals:
        """Hold the receipts against the counts of the commits before and after they were read.

        Args:
            after: the mark of the position learnt after everything was read.
            receipts_whole: no receipt has expired yet.
            dead_letters_whole: no dead letter has expired yet.
            conversions_whole: no conversion has expired yet.
        """
        kinds = Counter(_KINDS[packed % len(_KINDS)] for packed in self._receipts.values())
        found = self._endings(kinds)
        if not dead_letters_whole:
            del found["silent_repeat"]  # a conflict whose dead letter has expired looks the same
        if self._before is not None and after is not None:
            whole = dict.fromkeys(found, receipts_whole)
            whole |= {"dead_letter": dead_letters_whole, "silent_repeat": receipts_whole and conversions_whole}
            wrong = list(_wrong_counts(found, self._before.counts, after.counts, whole, self._missing))
            if wrong:
                self._find("counts", None, None, "; ".join(wrong))
        return OutboxTotals(
            partition=self._partition,
            conversions=self._conversions,
            delivered=found["delivered"],
            shadow=found["shadow"],
            dead_letters=found["dead_letter"],
            exported=kinds["exported"] + kinds["exported_too_old"],
            repeats=found["repeat"] + self._silent_repeats,
            for_export=kinds["for_export"],
            outstanding=self._outstanding,
            compared=self._before is not None and receipts_whole,
        )

    def _endings(self, kinds: Mapping[str, int]) -> dict[str, int]:
        """Return how many conversions have each ending, as deliver counts them: it knows nothing of the export.

        A conflict has a dead letter and no receipt of its own.
        """
        return {
            "delivered": kinds["delivered"],
            "shadow": kinds["shadow"],
            "for_export": kinds["for_export"] + kinds["exported"],
            "dead_letter": len(self._refused),
            "repeat": sum(map(_repeats, self._receipts.values())),
            "silent_repeat": self._silent_repeats,
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
    """Return source offset, repeats and kind as one integer."""
    repeats = min(receipt.repeats, _REPEAT_LIMIT - 1)
    return (receipt.source.offset * _REPEAT_LIMIT + repeats) * len(_KINDS) + _KINDS.index(_kind(receipt))


def _kind(receipt: Receipt) -> str:
    if receipt.ending == "exported":
        return "exported_too_old" if receipt.reason == sent.TOO_OLD else "exported"
    if sent.waits_for_export(receipt):
        return "for_export" if receipt.reason == sent.OFFLINE else "too_old"
    return receipt.ending


def _source(packed: int) -> int:
    return packed // len(_KINDS) // _REPEAT_LIMIT


def _repeats(packed: int) -> int:
    return packed // len(_KINDS) % _REPEAT_LIMIT
