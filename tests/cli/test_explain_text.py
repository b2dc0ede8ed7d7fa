"""What people read about an order, on a terminal of a hundred columns."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

from msgspec.structs import replace
from rich.console import Console

from consumer.attribution import conversion, erasure, lastclick
from consumer.attribution.rules import Condition, Groups, Rulebook, Rules
from consumer.attribution.touch import Kind, Touch
from consumer.cli import explain_text
from consumer.events import OrderCompleted, OrderLine, Position, SessionLanded
from consumer.inspect.explanation import explain
from consumer.inspect.judgement import Stand, judge
from consumer.inspect.traces import Decided, DecidedAgain, Forgotten, Judgement, OrderFound, Remembered, Traces, Waiting

NOON_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
AWC = "1001_1699988000_a430d81e22c9e8687f423efcf024fbaa"
SOURCE = Position("order.completed", 3, 17)
GERMAN = Condition("market", frozenset({"de", "at", None}))
RULES = Rules(
    advertiser_id="1001",
    when=(GERMAN,),
    groups=Groups(field="category", codes={"shoes": "SHOES"}),
    products=True,
    mode="live",
    sender="sender-1.0",
)
DUTCH = Rules(advertiser_id="2002", when=(Condition("market", frozenset({"nl"})),))
BOOK = Rulebook((DUTCH, RULES))


def line(amount: str, category: str | None, name: str = "Name") -> OrderLine:
    """Return a line of one piece."""
    price = Decimal(amount)
    return OrderLine(product_id="p", name=name, unit_price=price, quantity=1, amount=price, category=category)


ORDER = OrderCompleted(
    order_id="id-1",
    order_ref="R[1]",
    completed_at_ms=NOON_MS,
    currency="EUR",
    subtotal=Decimal("90.00"),
    visitor_id="ann",
    lines=(line("60.005", "shoes", "Shoe [M]"), line("39.995", "hats")),
    voucher_codes=("SAVE10",),
    customer_type="NEW",
    market="de",
)
TOUCHES = (
    Touch(1, NOON_MS - 3 * HOUR_MS, 0, "s1", "aw", "awc", AWC, Kind.NORMAL.value, "granted"),
    Touch(2, NOON_MS - HOUR_MS, 0, "s2", "email", "utm_email", None, 0, "denied"),
    Touch(3, NOON_MS - 60_000, 0, "s3"),
)
SESSIONS = {
    1: SessionLanded("s1", "ann", NOON_MS - 3 * HOUR_MS, f"https://shop.example/?awc={AWC}&sn=1", consent="granted"),
    2: SessionLanded("s2", "ann", NOON_MS - HOUR_MS, "https://shop.example/?utm_medium=email", consent="denied"),
    3: SessionLanded("s3", "ann", NOON_MS - 60_000, "https://shop.example/"),
}


def decided(
    order: OrderCompleted = ORDER, rules: Rules = RULES, cut: int | None = None, touches: tuple[Touch, ...] = TOUCHES
) -> Decided:
    """Return an order's conversion."""
    attribution = lastclick.decide(order, touches, rules, 1_000 if cut is None else cut)
    made = conversion.build(order, b"", attribution, rules, SOURCE, cut, entered_at_ms=NOON_MS)
    return Decided(at=Position("awin.conversion", 0, 5), decided_at_ms=NOON_MS + 10_000, conversion=made)


def told(traces: Traces, book: Rulebook = BOOK, width: int = 100) -> list[str]:
    """Return the lines that are printed."""
    out = StringIO()
    console = Console(file=out, width=width, highlight=False, force_terminal=True, color_system=None)
    explain_text.write(explain("1001", ORDER.order_ref, traces, book), console)
    lines = [each.rstrip() for each in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


def whole(**changes: Any) -> Traces:
    """Return everything that there is of the order, changed."""
    traces = Traces(
        conversions=(decided(),), order=OrderFound(at=SOURCE, recorded_at_ms=NOON_MS, order=ORDER), sessions=SESSIONS
    )
    return replace(traces, **changes)


def row(lines: list[str], name: str) -> str:
    """Return what stands behind a name."""
    return next(each[len(name) :].strip() for each in lines if each.startswith(f"{name} "))


def section(lines: list[str], title: str) -> list[str]:
    """Return the lines of a section."""
    begin = lines.index(title) + 1
    return lines[begin : lines.index("", begin) if "" in lines[begin:] else None]


def test_every_touch_is_told_with_its_fate() -> None:
    """Age, channel, rule and verdict; below them when, what it says, and its checksum, whole."""
    touches = section(told(whole()), "Touches, the latest click first")
    assert [" ".join(each.split()) for each in touches if each and not each.startswith(" ")][2:] == [
        "1 min none no channel: a direct or internal landing wins nothing",
        "1 h email utm_email won: its channel is the order's",
        "3 h 20 min aw awc a later touch won; without consent its checksum is not sent along",
    ]
    details = [each.strip() for each in touches if each.startswith(" ")]
    assert details == [
        "landed 2023-11-14 22:12:20",
        "landed 2023-11-14 21:13:20, consent denied",
        "landed 2023-11-14 19:13:20, consent granted",
        "clicked 2023-11-14 18:53:20",
        AWC,
        "its checksum is strictly necessary",
    ]


def test_the_decision_says_who_said_what() -> None:
    """The last word about consent, what came of it, and the order's facts."""
    lines = told(whole())
    assert row(lines, "channel") == "email: the last touch with a channel won"
    assert row(lines, "consent") == (
        "denied, said last by the landing of 2023-11-14 21:13:20: so a checksum was withheld"
    )
    assert row(lines, "order") == "id-1, of a visitor, market de, customer NEW, vouchers SAVE10"
    assert row(lines, "order record") == "order.completed[3] at offset 17"
    by_order = told(whole(order=OrderFound(at=SOURCE, recorded_at_ms=NOON_MS, order=replace(ORDER, consent="granted"))))
    assert row(by_order, "consent").startswith("granted, said by the order itself")
    assert row(told(whole(sessions={})), "consent").startswith("denied: the records that would say who said what")
    seen = tuple(Touch(number, NOON_MS - number, 0, f"s{number}", "email", "letter") for number in range(20))
    many = told(whole(conversions=(decided(touches=seen),)))
    assert row(many, "consent").startswith(
        "not known: the order saw 20 touches or more, and the conversion tells of 20"
    )
    silent = Traces(
        conversions=(decided(replace(ORDER, visitor_id=None)),),
        order=OrderFound(at=SOURCE, recorded_at_ms=NOON_MS, order=ORDER),
    )
    assert row(told(silent), "consent") == "nobody said anything: taken as granted (consent.missing)"
    forced = told(whole(conversions=(decided(cut=1_234),)))
    assert row(forced, "decided").endswith("by force, having read the sessions to offset 1,234")


def test_a_forgotten_visitor_is_told_with_the_time() -> None:
    """Of the request, where it is still there; it is no note on the amount."""
    made = decided(touches=(erasure.marker(7, NOON_MS - HOUR_MS),))
    request = Forgotten(at=Position("session.landed", 3, 7), asked_at_ms=NOON_MS - HOUR_MS)
    lines = told(whole(conversions=(made,), forgotten=request), width=150)
    assert section(lines, "Touches, the latest click first") == ["none since the visitor was forgotten"]
    assert row(lines, "forgotten").startswith("on 2023-11-14 21:13:20 the visitor was forgotten before this order was ")
    later = told(whole(conversions=(made,), order=None), width=150)
    assert row(later, "forgotten").startswith("the visitor was forgotten before this order was read")
    assert "forgotten" not in " ".join(section(later, "Amount"))


def test_the_programme_is_told_with_its_conditions() -> None:
    """Those that were tried before it, too; and if the settings have changed since."""
    lines = section(told(whole()), "Programme, by the settings as they are")
    assert [" ".join(each.split()) for each in lines[2:]] == [
        "2002 market is nl de does not hold",
        "1001 market is at or de or nothing de holds: so it is this one",
    ]
    changed = told(whole(), Rulebook((RULES, DUTCH), ((Condition("voucher_codes", frozenset({"SAVE10"})),),)))
    told_of = "By the settings as they are it would not be reported (set 1 of orders.exclude): voucher_codes is SAVE10."
    assert told_of in " ".join(changed)
    nobody = told(whole(), Rulebook((DUTCH,)))
    assert "The settings have changed since: now its programme would be none." in nobody


def test_the_amount_is_worked_out() -> None:
    """From the lines to the groups to the parts."""
    lines = [" ".join(each.split()) for each in section(told(whole()), "Amount")]
    assert lines[0] == "line product category group amount"
    assert lines[2:] == [
        "1 p Shoe [M] shoes SHOES 60.005",
        "2 p Name hats DEFAULT (no code for it) 39.995",
        "sum of the lines 100.00",
        "subtotal of the order 90.00 EUR",
    ]
    rest = told(whole())
    parts = [" ".join(each.split()) for each in rest[rest.index(next(x for x in rest if "divided in prop" in x)) :]]
    assert parts[1:6] == [
        "group sum of its lines share of the amount cut down rest part",
        parts[2],
        "SHOES 60.005 54.0045 54.00 54.00",
        "DEFAULT 39.995 35.9955 35.99 +0.01 36.00",
        "amount 90.00",
    ]


def test_an_amount_without_the_orders_record() -> None:
    """Only the parts are known, and what was done for them."""
    lines = told(whole(order=None))
    assert section(lines, "Amount")[:3] == ["amount        90.00 EUR", "part SHOES    54.00", "part DEFAULT  36.00"]
    changed = told(whole(), Rulebook((replace(RULES, groups=Groups()),)))
    assert "The settings have changed since: by them the parts would be others." in changed
    assert "part SHOES    54.00" in changed


def test_product_rows_stand_apart_from_the_request() -> None:
    """The request names them in one line."""
    lines = told(whole())
    assert [" ".join(each.split()) for each in section(lines, "Product rows")[2:]] == [
        "p Shoe [M] 60.01 1 SHOES shoes",
        "p Name 40.00 1 DEFAULT hats",
    ]
    assert row(lines, "bd[0] …") == "the product rows above, 2"
    assert row(lines, "ref") == "R[1]"
    assert row(lines, "parts") == "SHOES:54.00|DEFAULT:36.00"


def test_orders_that_are_not_decided_have_a_programme_too() -> None:
    """By the order's record."""
    waiting = Waiting(since_ms=NOON_MS, completed_at_ms=NOON_MS, source=SOURCE)
    lines = told(Traces(waiting=waiting, order=OrderFound(at=SOURCE, recorded_at_ms=NOON_MS, order=ORDER)))
    assert lines[0].startswith("Order R[1] of programme 1001: waiting for the sessions before it, not decided yet,")
    assert "Programme, by the settings as they are" in lines
    remembered = Remembered(completed_at_ms=NOON_MS, channel="email", click_checksums=(), source=SOURCE, reported=False)
    assert "decided, and not reported: it does not concern Awin" in told(Traces(remembered=remembered))[0]
    assert "up to 5 order records are still unread" in " ".join(told(Traces(unread_orders=5)))


def untraced(book: Rulebook = BOOK, order: OrderCompleted = ORDER, read_to: int = 18) -> list[str]:
    """Return what is printed of an order that left only its record."""
    record = OrderFound(at=SOURCE, recorded_at_ms=NOON_MS + 1_000, order=order)
    judgement = judge(record, Stand(cut_over_ms=NOON_MS - HOUR_MS, first_order=0, read_to=read_to), book)
    return told(Traces(order=record, other_records=2, judgement=judgement), book, width=150)


def test_an_excluded_order_shows_the_set_that_takes_it_out() -> None:
    """By its place in the settings, with what the order has."""
    sets = ((Condition("currency", frozenset({"GBP"})),), (GERMAN, Condition("test", frozenset({"false"}))))
    lines = untraced(Rulebook(BOOK.programmes, sets))
    assert lines[0] == "Order R[1]: not reported: orders.exclude takes it out"
    rows = section(lines, "Taken out by set 2 of orders.exclude")
    assert [each.split() for each in rows[2:]] == [
        ["market", "is", "at", "or", "de", "or", "nothing", "de"],
        ["test", "is", "false", "false"],
    ]
    assert row(lines, "order").startswith("id-1, of a visitor, market de")
    assert row(lines, "order record") == "order.completed[3] at offset 17, 2023-11-14 22:13:21"
    assert row(lines, "other records") == "2 more have this reference; this one is the newest"
    assert "Programme" not in " ".join(lines)


def test_an_order_before_the_cut_over_shows_it() -> None:
    """Both times."""
    lines = untraced(order=replace(ORDER, completed_at_ms=NOON_MS - 2 * HOUR_MS))
    assert lines[0] == "Order R[1]: not reported: it was completed before the cut-over"
    assert row(lines, "completed") == "2023-11-14 20:13:20"
    assert row(lines, "cut-over") == "2023-11-14 21:13:20: orders completed before are not ours to report"


def test_what_became_of_a_record_is_not_guessed() -> None:
    """What the settings make of it is told, and its programme."""
    accepted = untraced()
    assert accepted[0] == "Order R[1] of programme 1001: its record is there, but what became of it is not known"
    assert "By the settings as they are it is accepted. What state" in " ".join(accepted)
    assert "Programme, by the settings as they are" in accepted
    refused = " ".join(untraced(order=replace(ORDER, currency="euro")))
    assert "By the settings as they are it is refused: currency is not three upper-case letters: send an" in refused
    assert untraced(read_to=17)[0] == "Order R[1]: not read yet by the attribute stage"


def decided_again(*, agrees: bool | None, since_ms: int | None = None, **changes: Any) -> list[str]:
    """Return what is printed of an order without conversion that was decided again."""
    again = DecidedAgain(conversion=decided().conversion, agrees=agrees, sessions_since_ms=since_ms)
    record = OrderFound(at=SOURCE, recorded_at_ms=NOON_MS, order=ORDER)
    return told(replace(Traces(order=record, again=again, sessions=SESSIONS), **changes), width=150)


def test_a_decision_made_again_is_told_as_such() -> None:
    """After what is remembered: whether it is the same, what it rests on, and what is not there any more."""
    remembered = Remembered(
        completed_at_ms=NOON_MS,
        channel="email",
        click_checksums=(),
        source=SOURCE,
        session_cut=1_234,
        reported=False,
    )
    lines = decided_again(agrees=True, since_ms=NOON_MS - 4 * HOUR_MS, remembered=remembered)
    assert row(section(lines, "Decision"), "decided") == "by force, having read the sessions to offset 1,234"
    touches = [" ".join(each.split()) for each in section(lines, "Touches, the latest click first")]
    assert "1 h email utm_email won: its channel is the order's" in touches
    again = section(lines, "Decided again")
    assert row(again, "result") == "this is what was decided"
    assert row(again, "channel") == "email: the last touch with a channel won"
    assert row(again, "consent").startswith("denied, said last by the landing of 2023-11-14 21:13:20")
    assert row(again, "sessions") == "those from before 2023-11-14 18:13:20 are not there any more"
    assert row(again, "order").startswith("id-1, of a visitor")
    assert "only the stage knew" in " ".join(again)
    assert "Amount" in lines
    assert not [each for each in lines if each.startswith("Request")]
    other = section(decided_again(agrees=False, remembered=remembered), "Decided again")
    assert row(other, "result").startswith("this is not what was decided: sessions are gone or had come too late")


def test_a_decision_that_was_never_made_is_told_as_such() -> None:
    """Of an order that waits, or that is worth nothing."""
    waiting = Waiting(since_ms=NOON_MS, completed_at_ms=NOON_MS, source=SOURCE)
    pending = decided_again(agrees=None, waiting=waiting)
    assert [each.split(" ")[0] for each in section(pending, "As it would be decided")][:3] == [
        *("channel", "checksums", "consent"),
    ]
    worthless = decided_again(agrees=None, judgement=Judgement(ending="zero_value", programme="1001"))
    assert worthless[0].endswith("not reported: it is worth nothing (programmes.zero_value: skip)")
    assert row(worthless, "order record").startswith("order.completed[3] at offset 17")
    assert "As it would be decided" in worthless
