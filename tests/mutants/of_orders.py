"""Broken rules about conversions and which orders become one: sections 6 and 8 of docs/attribution.md."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

OF_ORDERS = {
    "a custom parameter has the last value": Mutant(
        "a custom parameter has the first value of its field (section 6)",
        "attribution/extras.py",
        "said[number] = values[0]",
        "said[number] = values[-1]",
    ),
    "the order may say who sends": Mutant(
        "the order's own custom parameters count from 2 on (section 6)",
        "attribution/extras.py",
        'r"[2-9]|[1-9][0-9]+"',
        'r"[1-9][0-9]*"',
    ),
    "rows whether they are wanted or not": Mutant(
        "product rows where programmes.products is on (section 6)",
        "attribution/conversion.py",
        "extras.products(order, rules) if rules.products else ()",
        "extras.products(order, rules)",
    ),
    "only the order makes a test": Mutant(
        "a sale is a test by its own flag or by delivery.mode (section 6)",
        "attribution/conversion.py",
        'test=order.test or rules.mode == "test"',
        "test=order.test",
    ),
    "only the mode makes a test": Mutant(
        "a sale is a test by its own flag or by delivery.mode (section 6)",
        "attribution/conversion.py",
        'test=order.test or rules.mode == "test"',
        'test=rules.mode == "test"',
    ),
    "a reference may be longer": Mutant(
        "order_ref has at most 50 characters (section 6)",
        "attribution/conversion.py",
        "MAX_REF_CHARACTERS = 50",
        "MAX_REF_CHARACTERS = 51",
    ),
    "the order's channel may be anything": Mutant(
        "the order's channel has 1 to 20 ASCII alphanumerics (section 6)",
        "attribution/conversion.py",
        "if order.channel is not None and not _CHANNEL.fullmatch(order.channel):",
        "if order.channel is not None and not _CHANNEL.match(order.channel):",
    ),
    "a negative subtotal is a sale": Mutant(
        "a negative subtotal is a dead letter (section 6)",
        "attribution/conversion.py",
        "if order.subtotal < 0:",
        "if order.subtotal < -1:",
    ),
    "worthless orders are reported": Mutant(
        "an order worth nothing is skipped when zero_value says so (section 8)",
        "attribution/conversion.py",
        'return None if rules.zero_value == "skip" and',
        'return None if rules.zero_value == "none" and',
    ),
    "an order just not of the future is": Mutant(
        "more than max_clock_skew after its record is of the future (section 8)",
        "attribute/partition.py",
        "if event_time_ms > record.timestamp_ms + self._shop.max_clock_skew_ms:",
        "if event_time_ms >= record.timestamp_ms + self._shop.max_clock_skew_ms:",
    ),
    "sessions may be of the future": Mutant(
        "sessions of the future leave neither touch nor watermark (section 8)",
        "attribute/partition.py",
        "if landed_at_ms > record.timestamp_ms + self._max_clock_skew_ms:",
        "if landed_at_ms > record.timestamp_ms + 2 * self._max_clock_skew_ms:",
    ),
    "lines make no conflict": Mutant(
        "the same reference with other lines is a conflict (section 8)",
        "attribution/conversion.py",
        "_encode((by_value(order.subtotal), order.currency, lines))",
        "_encode((by_value(order.subtotal), order.currency))",
    ),
    "a programme's windows give way": Mutant(
        "programmes.windows come before attribution.windows (section 3)",
        "wiring/rulebook.py",
        "_all_milliseconds(attribution.windows) | _all_milliseconds(programme.windows)",
        "_all_milliseconds(programme.windows) | _all_milliseconds(attribution.windows)",
    ),
}
