"""The examples of docs/attribution.md come out as they say, from the product and from the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from consumer.attribution import conversion, lastclick
from consumer.attribution.channels import ChannelTable
from consumer.attribution.landing import read
from consumer.attribution.parts import divide
from consumer.attribution.rules import Rulebook, Rules
from consumer.attribution.touch import Touch
from consumer.demo.reference import LoggedOrder, LoggedSession, expect
from consumer.errors import Reject
from consumer.events import Consent, OrderCompleted, OrderLine, SessionLanded
from consumer.money import to_minor_units
from consumer.settings import parse
from consumer.wiring.rulebook import rulebook

PAGE = Path(__file__).parents[2] / "docs" / "attribution.md"
AT_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
LANDING = re.compile(r"(\d+)h (\S+)(?: from (\S+))?(?: consent (\S+))?")


class Row(NamedTuple):
    """One example: its cells, without code marks."""

    cells: tuple[str, ...]


def rows(headline: str) -> Iterator[Row]:
    """Yield the rows of the table that begins so."""
    lines = PAGE.read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(headline))
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        yield Row(tuple(cell.strip().replace("`", "").replace("\\|", "|") for cell in cells))


def book(said: str) -> Rulebook:
    """Return the rules with the settings of an example."""
    values: dict[str, Any] = {
        "channels": {"own_domains": ["shop.example"]},
        "programmes": [{"advertiser_id": "1001"}],
    }
    name, _, value = said.partition(": ")
    if name == "channels.none":
        values["channels"]["none"] = value
    elif name == "windows":
        channel, window = value.split()
        values["attribution"] = {"windows": {channel: window}}
    elif name == "consent.markets":
        market, missing = value.split()
        values["consent"] = {"markets": {market: missing}}
    elif name == "parts_mismatch":
        values["programmes"][0][name] = value
    elif name:
        values["attribution"] = {name: value}
    return rulebook(parse(values))


def ordered(said: str, **fields: Any) -> OrderCompleted:
    """Return the order of an example."""
    name, _, value = said.partition(": ")
    return OrderCompleted(
        **{
            "order_id": "1",
            "order_ref": "R",
            "completed_at_ms": AT_MS,
            "currency": "EUR",
            "subtotal": Decimal(1),
            "visitor_id": "v",
            **fields,
            **({name: value} if name else {}),
        }
    )


def landed(said: str) -> list[SessionLanded]:
    """Return the landings of an example, in the order of time."""
    sessions = []
    for number, each in enumerate(() if said == "none" else said.split("<br>")):
        match = LANDING.fullmatch(each)
        assert match is not None, each
        hours, address, referrer, consent = match.groups()
        at_ms = AT_MS - int(hours) * HOUR_MS
        url = f"https://shop.example{address}"
        sessions.append(SessionLanded(f"s{number}", "v", at_ms, url, referrer, cast("Consent | None", consent)))
    return sorted(sessions, key=lambda session: session.landed_at_ms)


def decided(order: OrderCompleted, sessions: list[SessionLanded], rules: Rules) -> tuple[str, str, str]:
    """Return what the product says: channel, checksums and reason."""
    table = ChannelTable(rules.own_domains, rules.channel_rules)
    touches = []
    for offset, session in enumerate(sessions):
        channel, rule, awc, kind, _ = read(session.landing_url, session.referrer, table)
        landed_at_ms, consent = session.landed_at_ms, session.consent
        touches.append(Touch(offset, landed_at_ms, 0, session.session_id, channel, rule, awc, kind, consent))
    found = lastclick.decide(order, touches, rules)
    return found.channel, ",".join(found.click_checksums), found.reason


@pytest.mark.parametrize("row", list(rows("| landings | order |")), ids=lambda row: " ".join(row.cells[:3]))
def test_channel_and_checksum(row: Row) -> None:
    """Every row of the first table."""
    landings, said, settings, *expected = row.cells
    sessions, order, rules = landed(landings), ordered(said), book(settings)
    assert decided(order, sessions, rules.shop) == tuple(expected)
    logged = [LoggedSession(0, offset, each.landed_at_ms, each) for offset, each in enumerate(sessions)]
    found = expect(logged, [LoggedOrder(0, 0, AT_MS, order)], rules)[0, 0]
    assert (found.channel, ",".join(found.click_checksums), found.why) == tuple(expected)


@pytest.mark.parametrize("row", list(rows("| lines | subtotal |")), ids=lambda row: " ".join(row.cells[:3]))
def test_parts(row: Row) -> None:
    """Every row of the second table."""
    said, subtotal, settings, parts, notes = row.cells
    lines = []
    for each in said.split(", ") if said else ():
        group, amount = each.split()
        total, code = Decimal(amount), None if group == "-" else group
        lines.append(OrderLine(product_id="p", unit_price=total, quantity=1, amount=total, commission_group=code))
    order = ordered("", subtotal=Decimal(subtotal), lines=tuple(lines))
    rules = book(settings)
    expected = expect([], [LoggedOrder(0, 0, AT_MS, order)], rules)[0, 0]
    if "parts_mismatch: reject" in settings:
        with pytest.raises(Reject) as caught:
            conversion.accept(order, rules)
        assert caught.value.reason == expected.reason == parts
        return
    found = divide(order, to_minor_units(order.subtotal, "EUR"), rules.shop)
    assert "|".join(f"{part.code}:{part.amount}" for part in found.parts) == parts
    assert (" ".join(found.notes), expected.parts) == (notes, found.parts)


def test_the_tables_are_there() -> None:
    """A changed headline would test nothing."""
    assert len(list(rows("| landings | order |"))) > 25
    assert len(list(rows("| lines | subtotal |"))) > 7
