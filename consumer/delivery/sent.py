"""What was finished before, by outbox key: the store whose changelog is the receipt topic.

A value is a version byte and the encoded receipt, so that a repeat can write the whole receipt again.
"""

from __future__ import annotations

from typing import Literal

from consumer.errors import StateError
from consumer.events import Conversion, Position, Receipt
from consumer.replay_header import Replay
from consumer.state.store import Change
from consumer.stream.log import Record

VERSION = b"\x01"

OFFLINE = "offline"
"""Reason of the receipt of an order that is left to `awin-consumer export-offline` by its programme's method."""
TOO_OLD = "too_old"
"""Reason of the dead letter of a sale that Awin would date wrongly; `export-offline` may take it over."""

Verdict = Literal["new", "known", "repeat", "conflict"]


def changes_of(record: Record) -> list[Change]:
    """Return what a record of the receipt topic changes in the store."""
    if record.key is None:
        raise StateError(
            f"{record.topic}[{record.partition}]@{record.offset}: a receipt without key; who writes there?"
        )
    return [(record.key, None if record.value is None else pack(record.value))]


def pack(receipt: bytes) -> bytes:
    """Return the store's value for an encoded receipt."""
    return VERSION + receipt


def unpack(value: bytes) -> bytes:
    """Return the encoded receipt in a value.

    Raises:
        StateError: a newer version of this software wrote it.
    """
    if value[:1] != VERSION:
        raise StateError(f"a remembered receipt has version {value[:1].hex()}, this software reads {VERSION.hex()}")
    return value[1:]


def waits_for_export(receipt: Receipt) -> bool:
    """Say whether the order may be handed over by file."""
    return (receipt.ending, receipt.reason) in {("deferred", OFFLINE), ("dead_letter", TOO_OLD)}


def may_be_rewritten(receipt: Receipt) -> bool:
    """Say whether deliver may write a known receipt again, to count a repeat on it.

    A local store follows the receipts of its own stage alone: what it takes for waiting may be exported by now, and to
    write that again would have the order exported twice.
    """
    return receipt.ending != "exported" and not waits_for_export(receipt)


def judge(
    conversion: Conversion, at: Position, deferrals: int, receipt: Receipt | None, replay: Replay | None = None
) -> Verdict:
    """Say what a conversion is that stands at ``at`` in the outbox, given the receipt that its key has.

    ``known``: this very record was dealt with before a crash. ``repeat``: another record says the same. ``conflict``:
    another record says something else about the same order. A replay of the very conversion of which the receipt says
    that it is a dead letter is ``new`` again; once that has a receipt, another one is a repeat.

    Args:
        conversion: as read.
        at: its place in the outbox.
        deferrals: how often it had been put off when this record was written; 0 for one of the outbox.
        receipt: the newest of its key.
        replay: what brought the record, if not attribute.
    """
    if receipt is None:
        return "new"
    if receipt.source == at:
        is_latest = receipt.ending == "deferred" and receipt.reason != OFFLINE and receipt.deferrals == deferrals
        return "new" if is_latest else "known"
    if receipt.fingerprint != conversion.fingerprint:
        return "conflict"
    if replay is not None and receipt.ending == "dead_letter" and receipt.source == replay.source:
        return "new"
    return "repeat"
