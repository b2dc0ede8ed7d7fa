"""Examples worked out by hand, put through the whole stage."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from consumer.attribution.rules import Rules
from consumer.demo.reference import LoggedOrder, LoggedSession
from consumer.events import Conversion
from tests.attribute.cluster import Cluster
from tests.attribute.endings import check_endings, check_state
from tests.attribute.scripts import Play, Script
from tests.reference.baskets import Basket
from tests.reference.cases import RULES, log, ordered
from tests.reference.decisions import Case

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
    decided = _decided(RULES, [order])
    parts = "|".join(f"{part.code}:{part.amount.normalize():f}" for part in decided.parts)
    assert decided.amount == Decimal(basket.amount)
    assert parts == "|".join(_normal(part) for part in basket.parts.split("|"))


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
    (decided,) = check_endings(cluster, play.input).values()
    check_state(cluster)
    return decided
