"""Examples worked out by hand, put through the whole stage."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.demo.reference import LoggedOrder, LoggedSession
from consumer.events import Conversion
from tests.attribute.cluster import ORDERS, Cluster
from tests.attribute.endings import check_endings, check_state, conversions_of, dead_letters_of
from tests.attribute.scripts import Play, Script
from tests.reference.baskets import Basket
from tests.reference.cases import RULES, log, ordered
from tests.reference.decisions import Case
from tests.reference.details import Detail
from tests.reference.sales import Sale

IDLE_WAIT_S = 10.0


def check_case(case: Case) -> None:
    """Decide the case's order, by force if it has a cut, and make sure that it comes out as worked out by hand."""
    sessions, order = log(*case.landings), ordered(**case.order)
    rules = replace(RULES, **case.rules)
    if case.cut is None:
        found = [_decided(rules, [*sessions, order]), _decided(rules, [order], after=sessions)]
    else:
        found = [_decided(rules, [*sessions[: case.cut], order], force=True, after=sessions[case.cut :])]
    for decided in found:
        assert (decided.channel, decided.reason) == (case.channel, case.why)
        assert decided.click_checksums == case.checksums
        assert decided.session_cut == case.cut


def check_basket(basket: Basket) -> None:
    """Decide an order of these lines, and make sure that its amounts are as worked out by hand."""
    order = ordered(currency=basket.currency, subtotal=Decimal(basket.subtotal), lines=basket.lines, visitor_id=None)
    decided = _decided(replace(RULES, **basket.rules), [order])
    parts = "|".join(f"{part.code}:{part.amount.normalize():f}" for part in decided.parts)
    assert decided.amount == Decimal(basket.amount)
    assert parts == "|".join(_normal(part) for part in basket.parts.split("|"))
    assert " ".join(decided.notes) == basket.notes


def check_detail(detail: Detail) -> None:
    """Decide the detail's order, and make sure that the conversion says what was worked out by hand."""
    decided = _decided(replace(RULES, **detail.rules), [ordered(**detail.order)])
    assert decided.vouchers == detail.vouchers
    assert decided.custom == detail.custom
    assert decided.products == detail.products


def check_sale(sale: Sale) -> None:
    """Play the sale's records, and make sure that each ends as was worked out by hand."""
    cluster = Cluster(sale.rulebook)
    play = Play(cluster, Script([*sale.sessions, *sale.orders], 100, 0, ()), {})
    play.run()
    play.end_event_time()
    check_endings(cluster, play.input)
    check_state(cluster)
    letters = dead_letters_of(cluster)
    converted = conversions_of(cluster)
    for order, ending in zip(sale.orders, sale.endings.split(), strict=True):
        programme, _, what = ending.rpartition(":")
        place = order.partition, order.offset
        if what == "conversion":
            assert converted.pop(place).programme == programme
        elif what not in {"duplicate", "not_reportable"}:
            assert letters.pop((ORDERS, *place)).reason == what
    assert not converted
    assert not letters


def _normal(part: str) -> str:
    code, _, amount = part.partition(":")
    return f"{code}:{Decimal(amount).normalize():f}"


def _decided(
    rules: Rules,
    reading: Sequence[LoggedSession | LoggedOrder],
    *,
    force: bool = False,
    after: Sequence[LoggedSession] = (),
) -> Conversion:
    """Play a world of one order; what comes ``after`` comes when all before it has been worked on, by force if so."""
    cluster = Cluster(rules, idle_wait_s=IDLE_WAIT_S)
    play = Play(cluster, Script(reading, 100, 0, ()), {})
    play.run()
    if force:
        cluster.wait(2 * IDLE_WAIT_S)
    for session in after:
        play.produce([session])
        cluster.settle()
    play.end_event_time()
    (decided,) = check_endings(cluster, play.input).conversions.values()
    check_state(cluster)
    return decided
