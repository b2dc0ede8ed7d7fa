"""Every event that the stages log: its level, its fields and what it means. docs/logs.md is made of this module.

Names say the part and what happened to it. No line is written for a record that goes its way, and none holds a click
checksum, a visitor, a reference, a key or an address.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Level = Literal["info", "warning", "error"]


class LogEvent(Struct, frozen=True):
    """One kind of line."""

    name: str
    level: Level
    fields: tuple[str, ...]
    """Beside `event`, `level`, `timestamp` and, on a stage's thread, `stage`."""
    meaning: str


EVENTS = (
    LogEvent("service.started", "info", ("roles", "mode", "ops_port"), "The process works; its stages join."),
    LogEvent(
        "service.secrets_changed",
        "info",
        ("properties",),
        "The files of these Kafka properties have another content: it leaves in order, to be started anew.",
    ),
    LogEvent("service.draining", "info", (), "It was asked to stop: what is in hand is finished."),
    LogEvent("service.stopped", "info", (), "It ends in order."),
    LogEvent(
        "stage.waiting",
        "warning",
        ("reason",),
        "A stage cannot start yet: the broker does not answer. It tries on.",
    ),
    LogEvent(
        "stage.failed",
        "error",
        ("error", "reason"),
        "A stage cannot go on, and the process ends. operations.md, *How it stops*, says what to do about each error.",
    ),
    LogEvent("loop.stalled", "error", ("stage", "seconds", "stacks"), "A loop stands still; where every thread is."),
    LogEvent("loop.resumed", "warning", ("stage", "seconds"), "It turns again, after so long."),
    LogEvent("group.assigned", "info", ("partitions",), "The group gave these partitions; they are restored first."),
    LogEvent(
        "group.revoked", "info", ("partitions", "lost"), "The group took these; `lost`: without a chance to commit."
    ),
    LogEvent(
        "restore.from_the_start",
        "info",
        ("topic", "partition", "checkpoint", "first", "end"),
        "Local state of a partition is missing, too old or does not fit: its changelog is read as a whole.",
    ),
    LogEvent(
        "restore.waiting",
        "warning",
        ("partition", "retry_s", "reason"),
        "Restoring cannot go on now; it is tried again.",
    ),
    LogEvent(
        "restore.done", "info", ("partition", "changes", "seconds"), "A partition's state is at its changelog's end."
    ),
    LogEvent(
        "attribute.opened",
        "info",
        ("partition", "session_offset", "order_offset"),
        "Attribute works on a partition, from these offsets on.",
    ),
    LogEvent("attribute.not_opened", "warning", ("partition", "reason"), "It cannot yet, and tries again."),
    LogEvent("attribute.released", "info", ("partitions", "lost"), "It has let go of these partitions."),
    LogEvent("attribute.aborted", "warning", ("reason",), "A transaction was taken back; its work is done again."),
    LogEvent(
        "deliver.opened",
        "info",
        ("partition", "offset", "deferred_offset"),
        "Deliver works on a partition, from these offsets on.",
    ),
    LogEvent("deliver.not_opened", "warning", ("partitions", "reason"), "It cannot yet, and tries again."),
    LogEvent(
        "deliver.released",
        "info",
        ("partitions", "lost", "may_repeat"),
        "It has let go of these; so many conversions may be sent again by the next owner, and are flagged.",
    ),
    LogEvent(
        "deliver.not_committed",
        "warning",
        ("endings", "reason"),
        "So many endings could not be committed; all are kept.",
    ),
    LogEvent(
        "deliver.drain_not_committed",
        "warning",
        ("reason",),
        "What was finished at the end could not be committed: the next owner may send it again, flagged.",
    ),
    LogEvent("deliver.key_not_read", "warning", ("programme", "reason"), "A programme's API key file cannot be read."),
    LogEvent(
        "deliver.programme_halted",
        "error",
        ("programme", "reason"),
        "Awin refused a run of orders, or the key: nothing of the programme is sent until a person resumes it.",
    ),
    LogEvent(
        "deliver.programme_stopped",
        "warning",
        ("programme", "why"),
        "Nothing of the programme is sent: its breaker is open, or it is paused or halted.",
    ),
    LogEvent("deliver.programme_resumed", "info", ("programme", "was"), "It is sent again."),
    LogEvent(
        "dead_letters.written",
        "warning",
        ("reason",),
        "Records were put aside for this reason; at most one line in 10 s. `awin-consumer dead-letters list` has them.",
    ),
    LogEvent("kafka.error", "warning", ("reason",), "The Kafka client has trouble; each kind at most every 10 s."),
    LogEvent("metrics.not_known", "warning", ("metric", "error"), "A figure could not be had at a scrape."),
    LogEvent(
        "metrics.retention_not_known",
        "warning",
        ("reason",),
        "The broker does not tell how long inputs are kept; the alert on it stays silent.",
    ),
)
