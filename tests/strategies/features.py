"""Names everything noteworthy that happens in a world: endings, rules, and boundaries that are met exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from consumer.attribution.rules import Rules
from consumer.demo.reference import Expected, Facts, LoggedOrder, LoggedSession, fault_of_session, history_of
from consumer.demo.reference.conditions import all_hold, is_excluded
from consumer.demo.reference.decision import counting_clicks, is_seen, own_time_ms, statement_of, window_of
from consumer.demo.reference.evidence import MOST
from consumer.demo.reference.landing import Touch
from consumer.demo.reference.money import group_of
from consumer.demo.reference.replay import without_empty_text
from consumer.events import OrderCompleted
from tests.strategies.erasures import ERASURES, features_of_erased, features_of_refusals, features_of_requests
from tests.strategies.worlds import World

Feature = str | tuple[str, str | None]

LANDINGS = (
    "landed at the window's edge",
    "landed just before the window",
    "landed with the order",
    "landed just after the order",
    "landed at its channel's edge",
    "landed just before its channel's window",
    "watermark at the end of the grace",
    "watermark just before the end of the grace",
    "came too late",
    "session landed twice",
    "statement of consent by a repeat",
    "session dead letter",
)
VERDICTS = {
    *("won", "won_no_consent", "no_consent", "earlier", "no_model"),
    *("direct", "same_click", "same_landing", "outside_window", "other_programme"),
}
CLICKS = (
    "landing of another programme",
    "landing of another of our programmes",
    "click at the window's edge",
    "click just before the window",
    "click the delay before its landing",
    "click just more than the delay before its landing",
    "click after its landing",
    "click landed twice",
    "no checksum",
    "one checksum",
    "two checksums",
    "consent takes a checksum",
    "lack of a statement takes a checksum",
    "a market takes a checksum",
    "a market leaves a checksum",
    "order's own awc seen on a landing",
    "order's own awc alone",
    "more seen than is told",
)
IDENTITIES = (
    "order without visitor",
    "empty text",
    "order corrected after a dead letter",
    "same order in two partitions",
    "same reference in two programmes",
    "repeat of one that is not reportable",
    "excluded",
    "several programmes want it",
    "a later programme's",
    "worth nothing, sent",
    "worth nothing, skipped",
    "of no concern to Awin",
    "reported for its channel alone",
    "reported for its checksum alone",
)
BASKETS = (
    "group by code",
    "group of zero",
    "group without a part",
    "discount on the cart",
    "several groups divided pro rata",
    "voucher left out",
    "no voucher left",
    "custom parameter of a field",
    "custom parameter without a value",
    "custom parameter over the order's own",
    "sender replaced",
    "product rows",
    "line that is no product",
    "product of the default group",
)
SITUATIONS = {*LANDINGS, *CLICKS, *IDENTITIES, *BASKETS, *ERASURES}


def features(world: World, expected: Mapping[tuple[int, int], Expected]) -> Iterator[Feature]:
    """Name everything noteworthy that occurs in a world of which the reference says what is ``expected``."""
    shop = world.rules.shop
    history = history_of(world.sessions, shop, Facts())
    visitors = history.visitors
    if any(isinstance(each, LoggedSession) and fault_of_session(each, shop) is not None for each in world.sessions):
        yield "session dead letter"
    yield from features_of_requests(world)
    yield from features_of_refusals(world, history)
    for touches in visitors.values():
        for touch in touches:
            yield ("rule", touch.rule)
            yield ("kind", touch.kind)
    programmes = {rules.advertiser_id: rules for rules in world.rules.programmes}
    for record in world.orders:
        ending = expected[record.partition, record.offset]
        order = without_empty_text(record).event
        yield from features_of_ending(ending)
        yield from features_of_erased(ending)
        yield from features_of_order(world, record, order)
        if ending.why:
            rules = programmes[ending.programme]
            touches = visitors.get((record.partition, order.visitor_id or ""), ())
            yield from features_of_touches(order, touches, rules)
            yield from features_of_clicks(order, touches, ending, rules, programmes)
        if ending.ending == "conversion":
            yield from features_of_conversion(order, ending, programmes[ending.programme])
    yield from features_of_identities(world, expected)


def features_of_ending(ending: Expected) -> Iterator[Feature]:
    """Name what an expectation says."""
    if ending.ending == "dead_letter":
        yield (ending.reason, ending.field)
    else:
        yield ending.ending
    if ending.ending == "not_reportable" and ending.programme and not ending.why:
        yield "worth nothing, skipped"
    if ending.ending == "conversion":
        yield ending.why
        yield from (("note", note) for note in ending.notes)
        yield from (("verdict", each.verdict) for each in ending.evidence)
        if len(ending.evidence) == MOST:
            yield "more seen than is told"
        yield ("no checksum", "one checksum", "two checksums")[len(ending.click_checksums)]
    elif ending.why:
        yield "of no concern to Awin"


def features_of_order(world: World, record: LoggedOrder, order: OrderCompleted) -> Iterator[Feature]:
    """Name what an order says, and who wants it."""
    texts = (record.event.visitor_id, record.event.channel, record.event.awc, record.event.market)
    wanting = [rules for rules in world.rules.programmes if all_hold(rules.when, order)]
    yield from named(
        {
            "order without visitor": order.visitor_id is None,
            "empty text": "" in texts,
            "excluded": is_excluded(order, world.rules),
            "several programmes want it": len(wanting) > 1,
            "a later programme's": bool(wanting) and wanting[0] != world.rules.shop,
        }
    )


def features_of_identities(world: World, expected: Mapping[tuple[int, int], Expected]) -> Iterator[Feature]:
    """Name what happens between the records of one reference."""
    refused: set[tuple[int, str]] = set()
    unreported: set[tuple[int, str, str]] = set()
    reported: dict[str, tuple[int, str]] = {}
    for record in world.orders:
        ending = expected[record.partition, record.offset]
        identity = (ending.partition, ending.programme, ending.order_ref)
        if ending.ending == "dead_letter":
            refused.add((record.partition, ending.order_ref))
        elif ending.ending == "duplicate" and identity in unreported:
            yield "repeat of one that is not reportable"
        elif ending.ending == "not_reportable" and ending.why:
            unreported.add(identity)
        elif ending.ending == "conversion":
            partition, programme = reported.setdefault(ending.order_ref, (record.partition, ending.programme))
            yield from named(
                {
                    "order corrected after a dead letter": (record.partition, ending.order_ref) in refused,
                    "same order in two partitions": partition != record.partition,
                    "same reference in two programmes": programme != ending.programme,
                }
            )


def features_of_touches(order: OrderCompleted, touches: Sequence[Touch], rules: Rules) -> Iterator[Feature]:
    """Name where an order's touches stand."""
    opens_at_ms = order.completed_at_ms - rules.window_ms
    closes_at_ms = order.completed_at_ms + rules.grace_ms
    landings = Counter((touch.session_id, touch.channel, touch.checksum) for touch in touches)
    for touch in touches:
        yield from named(
            {
                "landed at the window's edge": touch.landed_at_ms == opens_at_ms,
                "landed just before the window": touch.landed_at_ms == opens_at_ms - 1,
                "landed with the order": touch.landed_at_ms == order.completed_at_ms,
                "landed just after the order": touch.landed_at_ms == order.completed_at_ms + 1,
            }
        )
        if touch.channel is not None and touch.checksum is None and touch.channel in rules.windows_ms:
            edge_ms = order.completed_at_ms - window_of(touch.channel, rules)
            yield from named(
                {
                    "landed at its channel's edge": touch.landed_at_ms == edge_ms,
                    "landed just before its channel's window": touch.landed_at_ms == edge_ms - 1,
                }
            )
        if not opens_at_ms <= touch.landed_at_ms <= order.completed_at_ms or touch.watermark_ms is None:
            continue
        is_repeat = landings[touch.session_id, touch.channel, touch.checksum] > 1
        yield from named(
            {
                "came too late": touch.watermark_ms >= closes_at_ms,
                "watermark at the end of the grace": touch.watermark_ms == closes_at_ms,
                "watermark just before the end of the grace": touch.watermark_ms == closes_at_ms - 1,
                "session landed twice": is_repeat,
                "statement of consent by a repeat": is_repeat and touch.consent in ("granted", "denied"),
            }
        )


def features_of_clicks(
    order: OrderCompleted,
    touches: Sequence[Touch],
    ending: Expected,
    rules: Rules,
    programmes: Mapping[str, Rules],
) -> Iterator[Feature]:
    """Name where an order's clicks stand."""
    seen = [touch for touch in touches if is_seen(touch, order, rules, None)]
    seen.sort(key=lambda touch: (touch.landed_at_ms, touch.offset))
    clicks = counting_clicks(order, seen, rules)
    is_taken = len(ending.click_checksums) < len({click.kind == "strictly_necessary" for click in clicks})
    is_silent = statement_of(order, seen) is None
    in_market = is_silent and (order.market or "").lower() in rules.consent_missing_in
    is_normal_sent = bool(ending.click_checksums) and any(
        click.checksum == ending.click_checksums[0] and click.kind != "strictly_necessary" for click in clicks
    )
    yield from named(
        {
            "consent takes a checksum": is_taken and not is_silent,
            "lack of a statement takes a checksum": is_taken and is_silent and not in_market,
            "a market takes a checksum": is_taken and in_market and rules.consent_missing == "assume",
            "a market leaves a checksum": is_normal_sent and in_market and rules.consent_missing == "deny",
        }
    )
    if order.awc is not None:
        same = any(touch.checksum == order.awc for touch in seen)
        yield "order's own awc seen on a landing" if same else "order's own awc alone"
    landed = Counter(touch.checksum for touch in seen)
    opens_at_ms = order.completed_at_ms - window_of("aw", rules)
    for touch in seen:
        if touch.checksum is None or touch.kind == "gclid":
            continue
        advertiser = touch.checksum.split("_")[0]
        own_ms = own_time_ms(touch.checksum)
        before_ms = touch.landed_at_ms - own_ms
        is_long_before = before_ms > rules.click_delay_ms
        yield from named(
            {
                "landing of another programme": advertiser != rules.advertiser_id,
                "landing of another of our programmes": advertiser != rules.advertiser_id and advertiser in programmes,
                "click landed twice": landed[touch.checksum] > 1,
                "click after its landing": before_ms < 0,
                "click the delay before its landing": before_ms == rules.click_delay_ms,
                "click just more than the delay before its landing": 0 < before_ms - rules.click_delay_ms <= 1000,
                "click at the window's edge": is_long_before and own_ms == opens_at_ms,
                "click just before the window": is_long_before and 0 < opens_at_ms - own_ms <= 1000,
            }
        )


def features_of_conversion(order: OrderCompleted, ending: Expected, rules: Rules) -> Iterator[Feature]:
    """Name how an order is told."""
    own = {code for code in order.voucher_codes if code}
    codes = [part.code for part in ending.parts]
    groups = [group_of(line, rules.groups) for line in order.lines]
    is_pro_rata = "pro_rata" in ending.notes
    yield from named(
        {
            "worth nothing, sent": ending.amount == 0,
            "reported for its channel alone": rules.report == "awin" and not ending.click_checksums,
            "reported for its checksum alone": rules.report == "awin" and ending.channel != "aw",
            "group by code": any(code in rules.groups.codes.values() for code in codes),
            "group of zero": any(part.amount == 0 for part in ending.parts) and ending.amount != 0,
            "group without a part": is_pro_rata and not set(groups) <= set(codes),
            "discount on the cart": any(line.amount < 0 for line in order.lines) and not is_pro_rata,
            "several groups divided pro rata": is_pro_rata and len(codes) > 1,
            "voucher left out": bool(own - set(ending.vouchers)) and bool(ending.vouchers),
            "no voucher left": bool(own) and not ending.vouchers,
            "custom parameter of a field": bool(rules.custom.keys() & ending.custom.keys() - {"1"}),
            "custom parameter without a value": not rules.custom.keys() <= ending.custom.keys(),
            "custom parameter over the order's own": any(
                number in order.custom and ending.custom.get(number) != order.custom[number]
                for number in rules.custom.keys() - {"1"}
            ),
            "sender replaced": ending.custom["1"] != rules.sender,
            "product rows": bool(ending.products),
            "line that is no product": rules.products and len(ending.products) < len(order.lines),
            "product of the default group": any(product.group == rules.groups.default for product in ending.products),
        }
    )


def named(situations: dict[str, bool]) -> Iterator[str]:
    """Name those that hold."""
    return (situation for situation, holds in situations.items() if holds)
