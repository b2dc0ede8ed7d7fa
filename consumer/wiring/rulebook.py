"""The rules of attribution, from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from consumer import __version__
from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Condition, Groups, Rulebook, Rules
from consumer.settings import Settings, milliseconds
from consumer.settings.channels import ChannelRule
from consumer.settings.decision import Programme
from consumer.settings.order_fields import Conditions, Value


def rulebook(settings: Settings) -> Rulebook:
    """Return every programme's rules."""
    return Rulebook(
        tuple(_rules(settings, programme) for programme in settings.programmes),
        tuple(_conditions(each) for each in settings.orders.exclude),
    )


def _rules(settings: Settings, programme: Programme) -> Rules:
    attribution, channels = settings.attribution, settings.channels
    return Rules(
        advertiser_id=programme.advertiser_id,
        when=_conditions(programme.when),
        currencies=frozenset(programme.currencies),
        method=programme.method,
        mode=settings.delivery.mode,
        report=programme.report,
        model=attribution.model,
        order_channel=attribution.order_channel,
        channel_none=channels.none,
        channel_unknown=channels.unknown,
        channel_rules=_channel_rules(channels.rules),
        own_domains=channels.own_domains,
        window_ms=milliseconds(attribution.window),
        windows_ms=_all_milliseconds(attribution.windows) | _all_milliseconds(programme.windows),
        grace_ms=milliseconds(attribution.grace),
        click_delay_ms=milliseconds(attribution.click_delay),
        max_clock_skew_ms=milliseconds(attribution.max_clock_skew),
        max_order_delay_ms=milliseconds(attribution.max_order_delay),
        consent_missing=settings.consent.missing,
        consent_missing_in={market.lower(): missing for market, missing in settings.consent.markets.items()},
        consent_settle_ms=milliseconds(settings.consent.settle),
        groups=Groups(
            field=programme.groups.field, codes=dict(programme.groups.codes), default=programme.groups.default
        ),
        parts_mismatch=programme.parts_mismatch,
        zero_value=programme.zero_value,
        voucher_codes=frozenset(programme.voucher_codes),
        custom=dict(programme.custom),
        products=programme.products,
        sender=f"awin-s2s-consumer/{__version__}",
    )


def _all_milliseconds(durations: Mapping[str, timedelta]) -> dict[str, int]:
    return {name: milliseconds(duration) for name, duration in durations.items()}


def _conditions(conditions: Conditions) -> tuple[Condition, ...]:
    return tuple(Condition(field, frozenset(map(_text, values))) for field, values in conditions.items())


def _text(value: Value) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


def _channel_rules(lines: tuple[ChannelRule | str, ...]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for line in lines:
        rules += [_channel_rule(line)] if isinstance(line, ChannelRule) else DEFAULT_RULES
    return tuple(rules)


def _channel_rule(line: ChannelRule) -> Rule:
    return Rule(
        name=line.name,
        channel=line.channel,
        given=frozenset(line.given),
        absent=frozenset(line.absent),
        query=tuple((name, frozenset(map(str.lower, values))) for name, values in line.query.items()),
        referrer=frozenset(line.referrer),
        own_referrer=line.own_referrer,
        landing_host=frozenset(line.landing_host),
        landing_path=line.landing_path,
    )
