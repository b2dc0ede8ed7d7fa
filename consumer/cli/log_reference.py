"""The log's reference page, made from the catalogue of events."""

from __future__ import annotations

from consumer.ops.log_events import EVENTS

_INTRODUCTION = """\
# Log

<!-- Generated: awin-consumer log-events > docs/logs.md -->

Standard error: one JSON object a line, or colours on a terminal. Each has `event`, `level` and `timestamp`
(UTC); what a stage says has `stage`. Where a line is about records it says `topic`, `partition` and `offset`.
Lines tell of changes, not of records: a quiet log is a good one. A warning or error that says exactly the same
again is written once in 10 s; the next line then has `repeated`, how many were held back. `ops.log_level` sets
the lowest level. librdkafka's own lines come under the logger `consumer.stream.librdkafka`, each kind once in
10 s.

No line holds a click checksum, a visitor, an order's reference, a key or an address.
"""


def markdown() -> str:
    """Return the whole page."""
    rows = ["| event | level | fields | means |", "|---|---|---|---|"]
    for event in EVENTS:
        fields = ", ".join(f"`{field}`" for field in event.fields)
        rows.append(f"| `{event.name}` | {event.level} | {fields} | {event.meaning} |")
    return _INTRODUCTION + "\n" + "\n".join(rows) + "\n"
