"""What the metrics are told of conversions: counted one by one, reported per commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from consumer.events import Conversion


class ConversionCounts:
    """The conversions written since the last commit.

    Args:
        default_groups: the default commission group of each programme.
    """

    def __init__(self, default_groups: Mapping[str, str]) -> None:
        self._default_groups = default_groups
        self._zero()

    def _zero(self) -> None:
        self.completed_at_ms: list[int] = []
        """When the orders were completed."""
        self.written: Counter[tuple[str, str, str]] = Counter()
        """By programme, channel and currency."""
        self.value: dict[tuple[str, str, str], Decimal] = {}
        """Amounts, by the same."""
        self.due: Counter[str] = Counter()
        """Those that are to be sent to Awin, by programme; as the following."""
        self.with_checksum: Counter[str] = Counter()
        self.default_group: Counter[str] = Counter()
        """Those with a share in the default commission group."""
        self.test: Counter[str] = Counter()
        self.forced = 0
        """Those that were decided without waiting for the watermark."""
        self.notes: Counter[str] = Counter()

    def add(self, conversion: Conversion) -> None:
        """Count one."""
        programme = conversion.programme
        kind = programme, conversion.channel, conversion.currency
        self.completed_at_ms.append(conversion.completed_at_ms)
        self.written[kind] += 1
        self.value[kind] = self.value.get(kind, 0) + conversion.amount
        if conversion.mode != "shadow" and conversion.method != "offline":
            self.due[programme] += 1
        if conversion.click_checksums:
            self.with_checksum[programme] += 1
        default = self._default_groups.get(programme)
        if any(part.code == default for part in conversion.parts):
            self.default_group[programme] += 1
        if conversion.test:
            self.test[programme] += 1
        if conversion.session_cut is not None:
            self.forced += 1
        if conversion.notes:
            self.notes.update(conversion.notes)

    def clear(self) -> None:
        """They were told, or taken back."""
        if self.completed_at_ms:
            self._zero()
