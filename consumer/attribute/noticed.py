"""What a partition noticed since it last told the metrics."""

from __future__ import annotations

from msgspec import Struct

from consumer.attribution.touch import Kind

FORMS = {
    Kind.NORMAL.value: "normal",
    Kind.STRICTLY_NECESSARY.value: "strictly_necessary",
    Kind.GCLID.value: "gclid",
}
"""What the metrics call the forms of a click checksum."""


class Noticed(Struct, gc=False):
    """Counts that say nothing about an order of its own. Work that is taken back takes them back, too."""

    sessions: int = 0
    sessions_with_query: int = 0
    """Sessions whose landing address has a query string."""
    checksums: dict[int, int] = {}
    """Sessions whose landing address has a click checksum, by its `Kind`."""
    malformed_checksums: int = 0
    """Sessions whose landing address has something in its place that is none."""
    lateness_ms: list[int] = []
    """Sessions that came after the grace of orders they could have decided: by how much later."""
    erased_checksums: int = 0
    """Refused checksums erased from state."""
    forgotten_visitors: int = 0
    forgotten_orders: int = 0
    """Orders whose remembered checksums were forgotten."""
