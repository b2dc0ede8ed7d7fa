"""The account of one partition of the outbox: has delivery an ending for every conversion that it passed? Pure.

A receipt takes two integers of memory, by the hash of its key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from consumer.delivery import sent
from consumer.delivery.mark import Mark
from consumer.delivery.sent import TOO_OLD
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
        self._refused: dict[int, str] = {}
        self._replayed: dict[bytes, dict[int, int]] = {}
        """By key: conversions that came again, with where they came first."""
        self._put_off: set[int] = set()
        self._unanswered: dict[bytes, list[int]] = {}
        self._unjudged: set[int] = set()
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

    def refused(self, offset: int, reason: str) -> None:
        """Note that deliver wrote a dead letter for a conversion."""
        self._refused[offset] = reason

    def put_off(self, key: bytes) -> None:
        """Note that a conversion of this key is there to be tried again."""
        self._put_off.add(hash(key))

    def conversion(
        self, offset: int, key: bytes, replays: int | None = None, *, letter_may_have_expired: bool = False
    ) -> None:
        """Take the partition's next conversion, and which earlier one it replays."""
        self._conversions += 1
        if replays is not None:
            self._replayed.setdefault(key, {}).setdefault(replays, offset)
        packed = self._receipts.get(hash(key))
        if packed is not None and _source(packed) == offset:
            if _KINDS[packed % len(_KINDS)] == "deferred" and hash(key) not in self._put_off:
                self._find("not_deferred", offset, key.partition(b":")[2].decode("utf-8", "replace"), "")
            return
        if offset in self._refused:
            return
        if offset >= self._committed:
            self._outstanding += 1
            return
        self._unanswered.setdefault(key, []).append(offset)
        if letter_may_have_expired:
            self._unjudged.add(offset)

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
        for key, offsets in self._unanswered.items():
            self._judge(key, offsets)
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
            replayed=sum(len(replayed.keys() & self._refused.keys()) for replayed in self._replayed.values()),
            exported=kinds["exported"] + kinds["exported_too_old"],
            repeats=found["repeat"] + self._silent_repeats,
            for_export=kinds["for_export"],
            deferred=kinds["deferred"],
            outstanding=self._outstanding,
            compared=self._before is not None and receipts_whole,
        )

    def _judge(self, key: bytes, offsets: Sequence[int]) -> None:
        """Judge the conversions of an order that delivery passed, and that neither receipt nor letter is about.

        Repeats are counted on the receipt, but not while the order waits for a file, as one that is too old does.
        """
        packed, replayed = self._receipts.get(hash(key)), self._replayed.get(key, {})
        kind, repeats = ("", 0) if packed is None else (_KINDS[packed % len(_KINDS)], _repeats(packed))
        reasons = {each: self._put_aside_for(each, replayed) for each in offsets if each not in replayed}
        left = [offset for offset, reason in reasons.items() if reason != TOO_OLD]
        silent = len(reasons) - len(left)
        left = left[repeats:]
        # Where the letter has expired it is not known whether it was too old.
        doubtful = len(left) if kind in _OF_EXPORT else list(reasons.values()).count("")
        self._silent_repeats += silent + min(len(left), doubtful)
        for offset in left[doubtful:]:
            if offset in self._unjudged and packed is not None:
                continue  # it may have been a conflict, which only its letter told
            self._missing += 1
            self._find("no_receipt", offset, key.partition(b":")[2].decode("utf-8", "replace"), "")

    def _put_aside_for(self, offset: int, replayed: Mapping[int, int]) -> str | None:
        """Return why the order was a dead letter when a conversion of it came, if it was and was replayed later.

        ``""``: the letter has expired.
        """
        return next((self._refused.get(first, "") for first, again in replayed.items() if first < offset < again), None)

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
