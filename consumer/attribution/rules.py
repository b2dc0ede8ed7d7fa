"""The settings of a decision, as frozen values that pure code can be given."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.events import Method, Mode

LineField = Literal["commission_group", "category", "sku", "product_id", "name"]
Mismatch = Literal["pro_rata", "default_group", "reject"]


class Condition(Struct, frozen=True):
    """A field of an order has one of these values; ``None`` among them stands for its absence."""

    field: str
    """See `consumer.attribution.order_fields`."""
    values: frozenset[str | None]


class Groups(Struct, frozen=True, kw_only=True):
    """Which commission group a line belongs to."""

    field: LineField = "commission_group"
    """What of a line tells its group."""
    codes: dict[str, str] = {}
    """The group of each value; empty when the value is the code itself."""
    default: str = "DEFAULT"
    """The group of lines that tell none, or a value without code."""


class Rules(Struct, frozen=True, kw_only=True):
    """What `docs/attribution.md` leaves to the user, for one programme; durations in milliseconds."""

    advertiser_id: str
    when: tuple[Condition, ...] = ()
    """Which orders are this programme's: those for which all of these hold."""
    currencies: frozenset[str] = frozenset()
    """Currencies enabled at Awin; empty: not checked."""
    method: Method = "sread"
    mode: Mode = "shadow"
    report: Literal["all", "awin"] = "all"
    model: Literal["last_click", "none"] = "last_click"
    order_channel: Literal["trust", "touch"] = "trust"
    channel_none: str = "na"
    channel_unknown: str = "aw"
    channel_rules: tuple[Rule, ...] = DEFAULT_RULES
    own_domains: tuple[str, ...] = ()
    window_ms: int = 30 * 86_400_000
    """The longest window."""
    windows_ms: dict[str, int] = {}
    """Shorter ones, by channel."""
    grace_ms: int = 10_000
    click_delay_ms: int = 300_000
    max_clock_skew_ms: int = 300_000
    max_order_delay_ms: int = 7 * 86_400_000
    consent_missing: Literal["assume", "deny"] = "assume"
    consent_missing_in: dict[str, Literal["assume", "deny"]] = {}
    """The same for single markets, these in lower case."""
    consent_settle_ms: int = 1_800_000
    """How long after its landing a refusal may still be followed by a grant."""
    groups: Groups = Groups()
    parts_mismatch: Mismatch = "pro_rata"
    zero_value: Literal["send", "skip"] = "send"
    voucher_codes: frozenset[str] = frozenset()
    """The only ones to be reported; empty: all."""
    custom: dict[str, str] = {}
    """Custom parameters by number: the order's field whose value each carries."""
    products: bool = False
    """Whether requests carry product rows."""
    sender: str = "awin-s2s-consumer"
    """Name and version, sent as custom parameter 1."""

    def consent_missing_for(self, market: str | None) -> Literal["assume", "deny"]:
        """Return what holds for an order of this market, whatever its capitals, when nothing was said."""
        return self.consent_missing_in.get((market or "").lower(), self.consent_missing)

    def window_of(self, channel: str | None) -> int:
        """Return how far back a touch of this channel counts."""
        return self.window_ms if channel is None else self.windows_ms.get(channel, self.window_ms)


class Rulebook(Struct, frozen=True):
    """Every programme's rules, and which orders are no programme's.

    What concerns sessions and time (channel table, own domains, longest window, grace, skew, delays) is the same in
    all of them.
    """

    programmes: tuple[Rules, ...]
    exclude: tuple[tuple[Condition, ...], ...] = ()
    """Orders for which all conditions of one of these hold are not reported."""

    @property
    def shop(self) -> Rules:
        """What is the same for every programme."""
        return self.programmes[0]
