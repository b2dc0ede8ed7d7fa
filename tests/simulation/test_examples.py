"""Simulations of histories small enough to be worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.rules import Condition, Rulebook, Rules
from consumer.simulation.extent import Range
from consumer.simulation.report import Change, Movement, Report, Total
from tests.attribute.cluster import CONVERSIONS, ORDER_STATE, ORDERS, SESSIONS
from tests.inspect.log_reader import LogReader
from tests.simulation.history import EVERYTHING, MAX_MESSAGE_BYTES, NOON_MS, History, Logged, history, landed, ordered

RULES = Rules(advertiser_id="1001", window_ms=1_000_000, grace_ms=10_000, max_clock_skew_ms=60_000)
PRESENT = Rulebook((RULES,))
AWC = "1001_1699999900_abc"
CLICK = f"https://shop.example/?awc={AWC}"
LETTER = "https://shop.example/?utm_medium=email"
GOOGLE = "https://shop.example/?gclid=x"
DIRECT = "https://shop.example/"
CRM = Rule(name="crm", channel="crm", query=(("utm_medium", frozenset({"email"})),))


def with_rules(**changes: Any) -> Rulebook:
    """Return the present rules, changed."""
    return Rulebook((replace(RULES, **changes),))


WITH_CRM = with_rules(channel_rules=(CRM, *DEFAULT_RULES))


def sides(report: Report) -> dict[str, tuple[str | None, str | None]]:
    """Return the channel before and after of each changed order."""
    return {
        change.order_ref: (
            None if change.before is None else change.before.channel,
            None if change.after is None else change.after.channel,
        )
        for change in report.changes
    }


def three() -> History:
    """Return a history in which ann came by a letter, bob by a click 100 s before, eve by nothing known."""
    records: list[Logged] = [
        landed(-100, CLICK, "bob"),
        landed(-50, LETTER),
        ordered("A"),
        ordered("B", 1, "bob", subtotal=Decimal("20.50")),
        ordered("E", 2, "eve", subtotal=Decimal(5)),
    ]
    return history(PRESENT, records)


def test_a_rule_of_ones_own_moves_the_orders_that_it_matches() -> None:
    """And no others; what moves is told with its value."""
    report = three().simulate(WITH_CRM)
    assert sides(report) == {"A": ("email", "crm")}
    assert (report.compared, report.changed, report.not_compared) == (3, 1, {})
    assert report.totals == (
        Total(currency="EUR", orders=3, amount=Decimal("35.50"), changed_orders=1, changed_amount=Decimal(10)),
    )
    assert report.movements == (
        Movement(currency="EUR", before="email", after="crm", what=(), orders=1, amount=Decimal(10)),
    )


def test_a_shorter_window_takes_old_touches_out() -> None:
    """Bob's click is 101 s old, ann's letter 50; of a visitor who is not known any more Awin is told so."""
    report = three().simulate(with_rules(window_ms=100_000))
    (change,) = report.changes
    assert (change.order_ref, change.what) == ("B", ("checksums",))
    assert change.before is not None
    assert (change.before.channel, change.before.click_checksums) == ("aw", (AWC,))
    assert change.after is not None
    assert (change.after.channel, change.after.click_checksums, change.after.reason) == ("aw", (), "no_landing")
    assert report.movements[0].what == ("checksums",)


def test_a_window_of_one_channel_is_a_window() -> None:
    """Only touches of that channel get too old, and the visitor is known still."""
    assert sides(three().simulate(with_rules(windows_ms={"email": 49_999}))) == {"A": ("email", "na")}


def test_a_longer_window_brings_touches_back() -> None:
    """Also ones from before the first session that the stage ever read."""
    made = History(Rulebook((replace(RULES, window_ms=20_000, max_clock_skew_ms=1_000),)), NOON_MS)
    made.produce([landed(-100, CLICK), landed(-1, DIRECT), ordered("A")])
    made.work()
    made.end()
    assert sides(made.simulate(PRESENT)) == {"A": ("na", "aw")}
    assert made.simulate(made.rulebook).changes == ()


def test_orders_become_reportable_and_cease_to_be() -> None:
    """Exclusion, programmes and the report setting are told as such, with the reason."""
    records: list[Logged] = [landed(-50, LETTER), ordered("A"), ordered("B", 1, "bob"), ordered("A", 3)]
    made = history(with_rules(report="awin"), records)
    assert made.simulate(made.rulebook).changes == ()
    assert sides(made.simulate(PRESENT)) == {"A": (None, "email")}
    excluded = Rulebook((RULES,), ((Condition("order_ref", frozenset({"B"})),),))
    assert sides(made.simulate(excluded)) == {"A": (None, "email"), "B": ("aw", None)}
    dollars = made.simulate(with_rules(currencies=frozenset({"USD"})))
    assert [(change.order_ref, change.what, change.why_not) for change in dollars.changes] == [
        ("B", ("not_reported",), "currency_not_enabled")
    ]
    assert (dollars.unreported, dollars.orders) == (2, 3)


def test_another_programme_is_a_change() -> None:
    """Though the channel stays."""
    french = replace(RULES, advertiser_id="2002", when=(Condition("market", frozenset({"fr"})),))
    made = history(PRESENT, [ordered("A", visitor=None, market="fr"), ordered("B", visitor=None)])
    report = made.simulate(Rulebook((french, RULES)))
    assert [(change.order_ref, change.what) for change in report.changes] == [("A", ("programme",))]
    assert report.movements[0].what == ("programme",)


def test_a_forced_decision_is_a_fact() -> None:
    """By other rules too, an order does not see what had not come when it was decided by force."""
    made = History(PRESENT, forces=True)
    made.produce([landed(-50, LETTER), ordered("A")])
    made.work()
    made.quiet()
    made.produce([landed(-40, GOOGLE)])
    made.work()
    made.end()
    assert made.simulate(PRESENT).changes == ()
    assert sides(made.simulate(WITH_CRM)) == {"A": ("email", "crm")}


def test_a_forced_decision_not_to_report_is_a_fact() -> None:
    """Such an order has no conversion; its link says with which sessions it was decided."""
    made = History(with_rules(report="awin"), forces=True)
    made.produce([landed(-50, LETTER), ordered("A")])
    made.work()
    made.quiet()
    made.produce([landed(-40, CLICK)])
    made.work()
    made.end()
    assert (made.decisions(), made.simulate(made.rulebook).changes) == ({}, ())
    assert sides(made.simulate(WITH_CRM)) == {"A": (None, "crm")}


def test_watermarks_are_those_of_the_stage() -> None:
    """A session ahead of its record's time moves it less far, one too far ahead not at all."""
    ahead: list[Logged] = [landed(15, DIRECT, "bob", stamped_s=5), landed(-40, GOOGLE), ordered("A")]
    made = history(PRESENT, ahead)
    assert made.decisions()[0, 0].channel == "ppcgoogle"
    assert made.simulate(PRESENT).changes == ()
    poison = history(PRESENT, [landed(-10, GOOGLE, stamped_s=-71), ordered("A")])
    assert poison.decisions()[0, 0].reason == "no_landing"
    assert poison.simulate(PRESENT).changes == ()
    at_once = history(with_rules(grace_ms=0), [landed(0, LETTER), ordered("A")])
    assert at_once.decisions()[0, 0].channel == "email"
    assert at_once.simulate(at_once.rulebook).changes == ()


def test_records_are_found_though_their_clocks_differ() -> None:
    """A record may be stamped before its event, an order's and that of the oldest landing in its window."""
    made = history(
        PRESENT, [landed(-1_000, LETTER, stamped_s=-1_060), landed(-900, DIRECT, "bob"), ordered("A", stamped_s=-60)]
    )
    assert made.decisions()[0, 0].channel == "email"
    report = made.simulate(WITH_CRM, Range(NOON_MS, None))
    assert sides(report) == {"A": ("email", "crm")}


def test_partitions_do_not_mix() -> None:
    """The same visitor in another partition is another one, as for the stage."""
    one: list[Logged] = [landed(-60, DIRECT), landed(-50, LETTER), ordered("A")]
    made = history(PRESENT, [*one, landed(-60, DIRECT, partition=1), ordered("B", partition=1)])
    assert made.simulate(PRESENT).changes == ()
    assert sides(made.simulate(WITH_CRM)) == {"A": ("email", "crm")}


def test_what_was_never_read_is_none_of_it() -> None:
    """Orders and sessions from long before the cut-over; it does not matter either that they are gone."""
    made = History(PRESENT, NOON_MS)
    made.produce([landed(-1_200, DIRECT), landed(-1_100, DIRECT), ordered("old", -70), landed(-50, LETTER)])
    made.produce([ordered("before", -1), ordered("A")])
    made.work()
    made.end()
    report = made.simulate(WITH_CRM)
    assert (report.orders, report.not_compared) == (2, {"before_cut_over": 1})
    made.cluster.log.truncate(SESSIONS, 0, 2)
    assert sides(made.simulate(WITH_CRM)) == {"A": ("email", "crm")}


def test_a_corrected_order_outside_the_range_does_not_make_the_first_a_repeat() -> None:
    """The first was refused, whatever came later."""
    made = history(with_rules(currencies=frozenset({"EUR"})), [ordered("A", currency="USD"), ordered("A", 5)])
    report = made.simulate(PRESENT, Range(NOON_MS, NOON_MS + 1_000))
    assert sides(report) == {"A": (None, "aw")}


def test_a_longer_grace_lets_more_in() -> None:
    """A session that came too late for the decision comes in time by another grace."""
    made = history(PRESENT, [landed(-50, LETTER), landed(15, DIRECT, "bob"), landed(-40, GOOGLE), ordered("A")])
    assert sides(made.simulate(with_rules(grace_ms=20_000))) == {"A": ("email", "ppcgoogle")}
    assert made.simulate(with_rules(grace_ms=15_000)).changes == ()


def test_only_the_range_is_decided_again() -> None:
    """From its beginning to before its end, by the time of completion."""
    made = three()
    other = with_rules(model="none")
    for wanted, looked_at, changed in (
        (Range(NOON_MS, NOON_MS + 2_000), 2, {"A"}),
        (Range(NOON_MS + 1, None), 2, set()),
        (Range(NOON_MS + 3_000, None), 0, set()),
    ):
        report = made.simulate(other, wanted)
        assert (report.orders, set(sides(report))) == (looked_at, changed)


def test_a_repeat_of_an_order_before_the_range_is_none_of_it() -> None:
    """It was not reported because of that one, which other rules would not change."""
    made = history(PRESENT, [ordered("A"), ordered("A", 5)])
    report = made.simulate(with_rules(model="none"), Range(NOON_MS + 1_000, None))
    assert (report.not_compared, report.changes) == ({"repeat": 1}, ())


def test_orders_without_their_conversion_are_not_compared() -> None:
    """An expired conversion says nothing, and is told from an order that was not reported."""
    made = three()
    log = made.cluster.log
    for partition in (0, 1):
        log.truncate(CONVERSIONS, partition, log.end_offset(CONVERSIONS, partition))
    report = made.simulate(with_rules(model="none"))
    assert (report.not_compared, report.compared, report.changes) == ({"not_retained": 3}, 0, ())
    assert {kept.topic: kept.since_ms for kept in report.kept} == {ORDERS: None, SESSIONS: None, CONVERSIONS: None}


def test_orders_from_before_the_state_that_is_left_are_not_compared() -> None:
    """Nobody knows whether they were reported."""
    made = History(with_rules(report="awin"))
    made.cluster.clock.advance(-2_000)
    made.produce([landed(-50, LETTER), ordered("A")])
    made.work()
    made.end()
    end = made.cluster.log.end_offset(ORDER_STATE, 0)
    made.cluster.clock.advance(2_000)
    made.produce([ordered("B", 1_100, None, channel="tv")])
    made.work()
    assert sides(made.simulate(PRESENT)) == {"A": (None, "email"), "B": (None, "tv")}
    made.cluster.log.truncate(ORDER_STATE, 0, end)
    report = made.simulate(PRESENT)
    assert (report.not_compared, sides(report)) == ({"not_retained": 1}, {"B": (None, "tv")})


def test_orders_whose_sessions_are_gone_are_not_compared() -> None:
    """Those that may have seen one of them; an order that saw later ones alone is compared."""
    records: list[Logged] = [
        landed(-3_000, LETTER, "bob"),
        landed(-2_900, DIRECT, "eve"),
        landed(-2_100, LETTER, "bob"),
        landed(-1_400, LETTER, "ann"),
        ordered("old", -2_800, "bob"),
        ordered("B", -1_300, "bob"),
        ordered("A", -1_250, "ann"),
        ordered("none", -1_200, None),
    ]
    made = history(PRESENT, records)
    made.cluster.log.truncate(SESSIONS, 0, 2)
    report = made.simulate(WITH_CRM)
    assert sides(report) == {"A": ("email", "crm"), "B": ("email", "crm")}
    assert report.not_compared == {"sessions_gone": 1}
    made.cluster.log.truncate(SESSIONS, 0, 3)
    report = made.simulate(WITH_CRM)
    assert (report.not_compared, report.compared) == ({"sessions_gone": 3}, 1)
    assert report.kept[1].since_ms == NOON_MS - 1_400_000


def test_an_order_that_saw_a_session_that_is_gone_is_not_compared() -> None:
    """However long after what is left it came; nor is one whose older touches a longer window would bring back."""
    records: list[Logged] = [landed(-900, LETTER), landed(-850, DIRECT, "bob"), ordered("A"), ordered("B", 1, "bob")]
    made = history(PRESENT, records)
    made.cluster.log.truncate(SESSIONS, 0, 1)
    assert made.simulate(PRESENT).not_compared == {"sessions_gone": 1}
    assert made.simulate(with_rules(window_ms=1_000_001)).not_compared == {"sessions_gone": 2}
    short = history(with_rules(window_ms=300_000), records)
    short.cluster.log.truncate(SESSIONS, 0, 1)
    assert short.simulate(short.rulebook).not_compared == {}
    assert short.simulate(PRESENT).not_compared == {"sessions_gone": 2}


def test_what_is_not_decided_yet_is_not_compared() -> None:
    """A pending order has no decision to compare with."""
    made = History(PRESENT)
    made.produce([landed(-50, LETTER), ordered("A"), ordered("B", visitor=None)])
    made.work()
    report = made.simulate(PRESENT)
    assert (report.compared, report.not_compared) == (1, {"pending": 1})


def test_the_stage_may_go_on_meanwhile() -> None:
    """Whatever is read and decided between two questions, present rules change nothing."""
    questions = 0
    for moment in range(1, 100):
        made = History(PRESENT)
        made.produce([landed(-50, LETTER), ordered("A"), ordered("B", 1), ordered("C", 2, None)])
        made.work()
        made.produce([ordered("D", 3, None), ordered("E", 4)])
        reader, questions = LogReader(made.cluster.log, compacted={ORDER_STATE}), 0

        def go_on(made: History = made, moment: int = moment) -> None:
            nonlocal questions
            questions += 1
            if questions == moment:
                made.work()
                made.end()

        reader.before_reading = go_on
        report = made.simulation(PRESENT, reader).run(EVERYTHING)
        assert report.changes == (), moment
        assert report.orders == report.compared + report.not_compared.get("pending", 0), moment
        if questions < moment:
            break
    assert questions > 10


def test_forgotten_visitors_stay_forgotten() -> None:
    """Their orders are not decided again, whether they were decided before or after."""
    made = History(PRESENT)
    made.produce([landed(-50, CLICK), ordered("A"), ordered("B", visitor="bob")])
    made.work()
    made.forget("ann", 0)
    made.work()
    made.produce([ordered("A2", 5)])
    made.work()
    made.end()
    report = made.simulate(with_rules(model="none"))
    assert (report.not_compared, report.compared) == ({"erased": 2}, 1)


def test_an_order_that_came_after_its_visitor_was_forgotten_is_not_compared() -> None:
    """Though the request came after all sessions that it could see."""
    made = History(PRESENT)
    made.produce([landed(-50, CLICK), landed(50, DIRECT, "bob"), landed(51, DIRECT, "bob")])
    made.work()
    made.forget("ann", 0)
    made.work()
    made.produce([ordered("A", stamped_s=90)])
    made.work()
    made.end()
    assert made.decisions()[0, 0].reason == "no_landing"
    assert made.simulate(PRESENT).not_compared == {"erased": 1}


def test_what_may_have_been_erased_is_not_guessed() -> None:
    """An order without conversion does not say which checksums it missed; one that was never refused for long can."""
    for consent, granted_by, left_out in (
        ("denied", "landing", {"erased": 1}),
        ("denied", "order", {"erased": 1}),
        (None, "landing", {}),
    ):
        made = History(with_rules(consent_settle_ms=1_000, report="awin"))
        made.produce([landed(-500, CLICK, consent=consent), landed(-400, DIRECT, "bob")])  # type: ignore[arg-type]
        made.work()
        made.sweep()
        made.produce([landed(-50, LETTER, consent="granted" if granted_by == "landing" else None)])
        made.produce([ordered("A", consent="granted" if granted_by == "order" else None)])
        made.work()
        made.end()
        assert (0, 0) in made.decisions() if consent is None else made.decisions() == {}
        report = made.simulate(made.rulebook)
        assert (report.not_compared, report.changes) == (left_out, ())
    quick = history(
        with_rules(report="awin"),
        [landed(-60, LETTER, consent="denied"), landed(-50, LETTER, consent="granted"), ordered("A")],
    )
    assert sides(quick.simulate(PRESENT)) == {"A": (None, "email")}


def test_erased_checksums_stay_erased() -> None:
    """A checksum that was refused and erased is not sent by other rules either, though it was granted later."""
    made = History(with_rules(consent_settle_ms=1_000))
    made.produce([landed(-500, CLICK, consent="denied"), landed(-400, DIRECT, "bob")])
    made.work()
    made.sweep()
    made.produce([landed(-50, DIRECT, consent="granted"), ordered("A")])
    made.work()
    made.end()
    assert made.decisions()[0, 0].click_checksums == ()
    assert made.simulate(made.rulebook).changes == ()
    other = Rulebook((replace(made.rulebook.shop, windows_ms={"aw": 1}),))
    assert sides(made.simulate(other)) == {"A": ("aw", "na")}


def test_orders_too_large_to_be_kept_stay_dead_letters() -> None:
    """By the size that state would have to keep."""
    made = history(PRESENT, [ordered("A", voucher_codes=("x" * MAX_MESSAGE_BYTES,))])
    report = made.simulate(PRESENT)
    assert (made.decisions(), report.unreported, report.changes) == ({}, 1, ())


def test_what_cannot_be_read_is_counted() -> None:
    """Order records in the range among what is not compared, conversions in a note."""
    made = history(PRESENT, [ordered("A")])
    for at_ms in (NOON_MS, NOON_MS - 1):
        made.cluster.log.produce(ORDERS, b"key", b"junk", 0, timestamp_ms=at_ms)
    made.work()
    made.cluster.log.produce(CONVERSIONS, b"key", b"junk", 0)
    report = made.simulate(PRESENT, Range(NOON_MS, None))
    assert (report.orders, report.not_compared) == (2, {"unreadable": 1})
    assert report.notes == ("1 records of awin.conversion cannot be decoded",)


def test_a_consumer_that_never_ran_has_no_history() -> None:
    """Its partitions are named."""
    made = History(PRESENT)
    made.produce([ordered("A")])
    report = made.simulate(PRESENT)
    assert (report.orders, report.changes) == (0, ())
    assert report.notes == tuple(f"partition {number} of order.completed was never worked on" for number in (0, 1))


def test_the_newest_changes_are_listed() -> None:
    """The others are counted, and told one by one to whoever asks."""
    told: list[Change] = []
    other = with_rules(window_ms=1)
    report = three().simulation(other).run(EVERYTHING, listed=1, on_change=told.append)
    assert [change.order_ref for change in report.changes] == ["B"]
    assert (report.changed, sorted(change.order_ref for change in told)) == (2, ["A", "B"])
    assert three().simulation(other).run(EVERYTHING, listed=0).changes == ()
