"""Rulebooks that decide the worlds of `tests.strategies.worlds`, each otherwise."""

from __future__ import annotations

from hypothesis import strategies as st

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Condition, Groups, Rulebook, Rules
from tests.strategies.clock import CLICK_DELAY_MS, GRACE_MS, ORDER_DELAY_MS, SKEW_MS, WINDOW_MS

SHOES = Rule(name="shoes", channel="content", landing_path=("/shoes",), absent=frozenset({"gclid"}))
NEWS = Rule(name="news", channel=None, query=(("utm_medium", frozenset({"email", "newsletter"})),))
TABLES = (DEFAULT_RULES, DEFAULT_RULES, DEFAULT_RULES, (SHOES, *DEFAULT_RULES), (NEWS, *DEFAULT_RULES), (SHOES,))
WINDOWS: tuple[dict[str, int], ...] = ({}, {}, {"aw": WINDOW_MS // 2}, {"email": 0, "ppcgoogle": CLICK_DELAY_MS})
EUROS = Condition("currency", frozenset({"EUR"}))
NO_CUSTOMER_TYPE = Condition("customer_type", frozenset({None}))
TESTS = Condition("test", frozenset({"true"}))
EXCLUDED = ((), (), ((TESTS,),), ((EUROS, NO_CUSTOMER_TYPE),))


@st.composite
def programmes(draw: st.DrawFn, advertiser_id: str, when: tuple[Condition, ...], shop: dict[str, object]) -> Rules:
    """One programme's rules."""
    return Rules(
        **shop,  # type: ignore[arg-type]  # fields by name
        advertiser_id=advertiser_id,
        when=when,
        currencies=draw(st.sampled_from((frozenset(), frozenset(), frozenset({"EUR", "GBP"})))),
        report=draw(st.sampled_from(("all", "all", "awin"))),
        windows_ms=draw(st.sampled_from(WINDOWS)),
        groups=draw(st.sampled_from((Groups(), Groups(), Groups(default="OTHER"), Groups(codes={"SHOES": "S"})))),
        parts_mismatch=draw(st.sampled_from(("pro_rata", "default_group", "reject"))),
        zero_value=draw(st.sampled_from(("send", "send", "skip"))),
    )


@st.composite
def rulebooks(draw: st.DrawFn, settle_ms: int | None = None) -> Rulebook:
    """The rules of one or two programmes; refused checksums are erased after ``settle_ms``, or soon."""
    shop: dict[str, object] = {
        "model": draw(st.sampled_from(("last_click",) * 7 + ("none",))),
        "order_channel": draw(st.sampled_from(("trust", "touch"))),
        "channel_none": draw(st.sampled_from(("na", "direct"))),
        "channel_unknown": draw(st.sampled_from(("aw", "unknown"))),
        "channel_rules": draw(st.sampled_from(TABLES)),
        "own_domains": draw(st.sampled_from(((), ("shop.example",)))),
        "window_ms": draw(st.sampled_from((WINDOW_MS, WINDOW_MS // 2))),
        "grace_ms": draw(st.sampled_from((GRACE_MS, GRACE_MS, 0))),
        "click_delay_ms": draw(st.sampled_from((CLICK_DELAY_MS, 0))),
        "max_clock_skew_ms": draw(st.sampled_from((SKEW_MS, SKEW_MS, SKEW_MS - 1))),
        "max_order_delay_ms": draw(st.sampled_from((ORDER_DELAY_MS, ORDER_DELAY_MS, 50))),
        "consent_settle_ms": draw(st.sampled_from((1_000, GRACE_MS))) if settle_ms is None else settle_ms,
        "consent_missing": draw(st.sampled_from(("assume", "deny"))),
    }
    first = draw(programmes("1001", draw(st.sampled_from(((), (EUROS,)))), shop))
    second = draw(programmes("2002", draw(st.sampled_from(((), (NO_CUSTOMER_TYPE,)))), shop))
    return Rulebook((first, second), draw(st.sampled_from(EXCLUDED)))
