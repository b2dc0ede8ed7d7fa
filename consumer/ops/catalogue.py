"""Every metric of the consumer: its name, kind, help and labels. docs/metrics.md is made of this module.

Names follow Prometheus: base units, ``_total`` for counters, timestamps rather than ages. No label is an order, a
visitor, a click checksum, a key or an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from consumer.letters import reasons

Kind = Literal["counter", "gauge", "histogram", "info"]

LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800, 3600, 86_400)
"""Fine around the grace and the two minutes that Awin gives, coarse where a backlog is drained."""
CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
COMMIT_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LATENESS_S = (1, 5, 15, 60, 300, 1800, 3600, 21_600, 86_400, 604_800)

STAGES = ("attribute", "deliver")
OUTCOMES = ("delivered", "rejected", "throttled", "not_sent", "unknown")
STOPS = ("paused", "halted", "breaker")
LIMITS = ("rate", "concurrency", "calls")
ORDER_ENDINGS = ("decided", "duplicate", "conflict", "before_cut_over", "not_reportable", "dead_letter")
CONVERSION_ENDINGS = ("delivered", "shadow", "for_export", "dead_letter", "repeat", "silent_repeat")
NOTES = ("pro_rata", "default_group", "unknown_group", "malformed_awc", "forgotten")
ABORTS = ("rebalanced", "unavailable", "registry")
REBALANCES = ("assigned", "revoked", "lost")
SINCE = ("completion", "entry", "decidable", "conversion")
ATTRIBUTE_STATES = ("assign", "poll", "join", "decide", "commit", "other")
DELIVER_STATES = ("assign", "poll", "read", "send", "wait", "commit", "other")


class Metric(Struct, frozen=True, kw_only=True, eq=False):
    """One metric, as it is declared to Prometheus."""

    name: str
    """As queries say it: with ``_total`` for a counter, without ``_bucket`` for a histogram."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: Mapping[str, tuple[str, ...]] = {}
    """Values of labels that are known from the start: where those of all are, the series are there at once, at zero."""


def _counter(name: str, text: str, *labels: str, known: Mapping[str, tuple[str, ...]] | None = None) -> Metric:
    return Metric(name=f"{name}_total", kind="counter", help=text, labels=labels, known=known or {})


def _gauge(name: str, text: str, *labels: str, known: Mapping[str, tuple[str, ...]] | None = None) -> Metric:
    return Metric(name=name, kind="gauge", help=text, labels=labels, known=known or {})


def _histogram(
    name: str,
    text: str,
    buckets: tuple[float, ...],
    *labels: str,
    known: Mapping[str, tuple[str, ...]] | None = None,
) -> Metric:
    return Metric(name=name, kind="histogram", help=text, labels=labels, buckets=buckets, known=known or {})


def _info(name: str, text: str, *labels: str) -> Metric:
    return Metric(name=f"{name}_info", kind="info", help=text, labels=labels)


_BY_STAGE = {"stage": STAGES}

# The process.

BUILD = _info("awin_build", "What runs: versions.", "version", "python", "librdkafka")
CONFIG = _info(
    "awin_config",
    "How it was told to run; hash is that of all settings, secrets left out.",
    "name",
    "group",
    "mode",
    "roles",
    "hash",
)
READY = _gauge("awin_stage_ready", "1 while a stage works on everything it was given.", "stage")
HEARTBEAT = _gauge("awin_heartbeat_timestamp_seconds", "When a stage's loop turned last.", "stage")

# Both stages.

RECORDS = _counter("awin_records", "Records taken from a topic.", "stage", "topic")
WRITTEN = _counter("awin_records_written", "Records committed to a topic.", "stage", "topic")
LOOP_SECONDS = _counter("awin_loop_seconds", "Where the time of a stage's loop goes.", "stage", "state")
COMMIT_SECONDS = _histogram(
    "awin_commit_seconds", "Duration of a transaction's commit.", COMMIT_S, "stage", known=_BY_STAGE
)
ABORTED = _counter(
    "awin_aborts",
    "Transactions aborted, by why; their work was done again.",
    "stage",
    "reason",
    known=_BY_STAGE | {"reason": ABORTS},
)
REBALANCED = _counter(
    "awin_rebalances",
    "Times that a stage was given partitions or had to let some go.",
    "stage",
    "event",
    known=_BY_STAGE | {"event": REBALANCES},
)
BROKERS_UP = _gauge("awin_brokers_up", "Brokers that a stage is connected to; 0 while none answers.", "stage")
DEAD_LETTERS = _counter("awin_dead_letters", "Records put aside, by reason.", "stage", "reason")
LAG = _gauge("awin_lag_records", "Records of an input partition not taken yet.", "stage", "topic", "partition")
POSITION = _gauge(
    "awin_position_timestamp_seconds",
    "Timestamp of the newest record taken of an input partition.",
    "stage",
    "topic",
    "partition",
)
RETENTION = _gauge("awin_topic_retention_seconds", "How long an input topic keeps records; absent for ever.", "topic")
OLDEST = _gauge(
    "awin_oldest_undelivered_timestamp_seconds",
    "When the oldest order that a stage has in hand entered Kafka; absent while it has none.",
    "stage",
    "partition",
)

# State.

RESTORES = _counter("awin_restores", "Partitions restored from their changelogs.", "stage", known=_BY_STAGE)
RESTORE_SECONDS = _counter("awin_restore_seconds", "Time spent restoring partitions.", "stage", known=_BY_STAGE)
RESTORED_CHANGES = _counter("awin_restored_changes", "State changes read from changelogs.", "stage", known=_BY_STAGE)
RESTORING = _gauge("awin_restoring_partitions", "Partitions given to us and not worked on yet.", "stage")
RESTORE_REMAINING = _gauge(
    "awin_restore_remaining_records",
    "Offsets between where restoring a partition is and where it ends.",
    "stage",
    "partition",
)
RESTORE_STARTED = _gauge(
    "awin_restore_started_timestamp_seconds", "When restoring a partition began.", "stage", "partition"
)
STORE_BYTES = _gauge("awin_store_bytes", "Size of the local state on disk.", "stage", "store")
STORE_MEMORY = _gauge(
    "awin_store_memory_bytes",
    "Memory that a stage's stores take for blocks read and for writes that are not on disk yet.",
    "stage",
)

# Attribute.

ORDERS = _counter(
    "awin_orders",
    "Orders by what attribute made of them (decided: a conversion was written).",
    "ending",
    known={"ending": ORDER_ENDINGS},
)
CONVERSIONS = _counter("awin_conversions", "Conversions written, by the channel reported.", "programme", "channel")
DUE = _counter("awin_due_conversions", "Conversions written that deliver is to send to Awin.", "programme")
CONVERSION_VALUE = _counter(
    "awin_conversion_value",
    "Amount of the conversions written, in the currency's unit.",
    "programme",
    "channel",
    "currency",
)
WITH_CHECKSUM = _counter(
    "awin_conversions_with_checksum", "Conversions written that carry a click checksum.", "programme"
)
DEFAULT_GROUP = _counter(
    "awin_conversions_default_group",
    "Conversions written with a share in the programme's default commission group.",
    "programme",
)
TEST = _counter("awin_conversions_test", "Conversions written that travel with testmode=1.", "programme")
FORCED = _counter(
    "awin_conversions_forced", "Conversions decided without waiting for the watermark, on a quiet partition."
)
NOTED = _counter(
    "awin_conversion_notes",
    "Conversions for which something was done to express the order, by what (pro_rata, default_group, "
    "unknown_group), whose own click checksum is none (malformed_awc), or whose visitor had been forgotten "
    "(forgotten).",
    "note",
    known={"note": NOTES},
)
DECISION_SECONDS = _histogram(
    "awin_decision_seconds", "From an order's completion to its conversion being committed.", LATENCY_S
)
SESSIONS = _counter("awin_sessions", "Sessions read, those that cannot be used left out.")
SESSIONS_WITH_QUERY = _counter("awin_sessions_with_query", "Sessions whose landing address has a query string.")
SESSION_CHECKSUMS = _counter(
    "awin_session_checksums",
    "Sessions whose landing address has a click checksum, by its form (malformed: it was ignored).",
    "form",
    known={"form": ("normal", "strictly_necessary", "gclid", "malformed")},
)
LATE_SESSIONS = _histogram(
    "awin_late_session_seconds",
    "Sessions that came after the grace of orders they could have decided, by how much later.",
    LATENESS_S,
)
ERASED = _counter(
    "awin_erased",
    "What was erased from state: visitors and the checksums remembered with orders (both on request), and checksums "
    "(refused).",
    "what",
    known={"what": ("visitors", "orders", "checksums")},
)
WATERMARK = _gauge(
    "awin_watermark_timestamp_seconds",
    "How far event time has come in a session partition (0: no session yet).",
    "partition",
)
PENDING = _gauge("awin_pending_orders", "Orders that wait for the sessions before them.", "partition")

# Deliver.

ATTEMPTS = _counter(
    "awin_attempts", "Requests to Awin, by outcome.", "programme", "outcome", known={"outcome": OUTCOMES}
)
ATTEMPT_SECONDS = _histogram(
    "awin_attempt_seconds",
    "Duration of a request to Awin.",
    CALL_S,
    "method",
    known={"method": ("sread", "conversion_api")},
)
FAILURES = _counter(
    "awin_attempt_failures",
    "Requests to Awin that did not deliver, by HTTP status (http_503) or, where there was none, by error.",
    "programme",
    "failure",
)
RETRIES = _counter("awin_retries", "Requests to Awin for conversions that were sent before.", "programme")
POSSIBLE_REPEATS = _counter(
    "awin_possible_repeats",
    "Conversions that may have reached Awin twice, since an owner of their partition died.",
    "programme",
)
ENDINGS = _counter(
    "awin_endings", "Conversions by how they ended.", "programme", "ending", known={"ending": CONVERSION_ENDINGS}
)
DELIVERED = _counter("awin_delivered", "Sales that Awin was told of, by the channel reported.", "programme", "channel")
DELIVERED_VALUE = _counter(
    "awin_delivered_value",
    "Amount of the sales that Awin was told of, in the currency's unit.",
    "programme",
    "channel",
    "currency",
)
DEFERRALS = _counter("awin_deferrals", "Times that a conversion was put off, by why.", "programme", "reason")
STOPPED = _gauge(
    "awin_programme_stopped",
    "1 while nothing of a programme is sent: paused by hand, halted by refusals, or its breaker open.",
    "programme",
    "reason",
    known={"reason": STOPS},
)
LIMITED = _gauge(
    "awin_programme_limited",
    "1 while conversions of a programme wait for its rate, its concurrency, or the calls that its key allows.",
    "programme",
    "limit",
    known={"limit": LIMITS},
)
WAITING = _gauge("awin_waiting_conversions", "Conversions of a programme that wait for their attempt.", "programme")
IN_FLIGHT = _gauge("awin_in_flight_requests", "Requests to Awin under way.", "programme")
OUTSTANDING = _gauge("awin_outstanding_conversions", "Conversions being delivered and not yet finished.")
OUTSTANDING_LIMIT = _gauge("awin_outstanding_conversions_limit", "Most conversions that may be unfinished at once.")
CUT = _counter(
    "awin_requests_cut",
    "Requests that would have been too long, by what they leave out.",
    "what",
)
DELIVERY_SECONDS = _histogram(
    "awin_delivery_seconds",
    "How long delivered sales took, from an order's completion, its entry into Kafka, the moment it could be decided "
    "(grace passed), or its conversion being written, to its report at Awin being on record.",
    LATENCY_S,
    "since",
    known={"since": SINCE},
)

DEAD_LETTER_REASONS: Mapping[str, tuple[str, ...]] = {
    "attribute": tuple(reasons.ATTRIBUTE),
    "deliver": tuple(reasons.DELIVER),
}


SECTIONS: Mapping[str, tuple[Metric, ...]] = {
    "The process": (
        BUILD,
        CONFIG,
        READY,
        HEARTBEAT,
    ),
    "Both stages": (
        RECORDS,
        WRITTEN,
        LOOP_SECONDS,
        COMMIT_SECONDS,
        ABORTED,
        REBALANCED,
        BROKERS_UP,
        DEAD_LETTERS,
        LAG,
        POSITION,
        RETENTION,
        OLDEST,
    ),
    "State": (
        RESTORES,
        RESTORE_SECONDS,
        RESTORED_CHANGES,
        RESTORING,
        RESTORE_REMAINING,
        RESTORE_STARTED,
        STORE_BYTES,
        STORE_MEMORY,
    ),
    "Attribute": (
        ORDERS,
        CONVERSIONS,
        DUE,
        CONVERSION_VALUE,
        WITH_CHECKSUM,
        DEFAULT_GROUP,
        TEST,
        FORCED,
        NOTED,
        DECISION_SECONDS,
        SESSIONS,
        SESSIONS_WITH_QUERY,
        SESSION_CHECKSUMS,
        LATE_SESSIONS,
        ERASED,
        WATERMARK,
        PENDING,
    ),
    "Deliver": (
        ATTEMPTS,
        ATTEMPT_SECONDS,
        FAILURES,
        RETRIES,
        POSSIBLE_REPEATS,
        ENDINGS,
        DELIVERED,
        DELIVERED_VALUE,
        DEFERRALS,
        STOPPED,
        LIMITED,
        WAITING,
        IN_FLIGHT,
        OUTSTANDING,
        OUTSTANDING_LIMIT,
        CUT,
        DELIVERY_SECONDS,
    ),
}
"""All metrics, as the reference page has them."""


def all_metrics() -> list[Metric]:
    """Return every metric, in the order of this module."""
    return [metric for section in SECTIONS.values() for metric in section]
