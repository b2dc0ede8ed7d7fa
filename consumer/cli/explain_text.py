"""An explanation for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from consumer.attribution.conversion import FORGOTTEN
from consumer.cli import explain_amount, explain_delivery, explain_programme, explain_record
from consumer.cli.output import pairs, place, section, table
from consumer.events import Conversion
from consumer.inspect.consent import ConsentFound, evidence_is_left_out
from consumer.inspect.explanation import Explanation
from consumer.inspect.touches import TouchFound
from consumer.inspect.traces import Decided, Forgotten
from consumer.inspect.words import NOT_SAID, NOTES, REASONS, STATES, VERDICTS, length, moment

_COLOURS = {"delivered": "green", "exported": "green", "dead_letter": "red", "unreceipted": "red", "unknown": "red"}
_SINCE = dict.fromkeys(("pending", "outstanding", "unreceipted", "for_export", "deferred"), "since")
_WON = frozenset({"won", "won_no_consent"})
_KINDS = {"strictly_necessary": "strictly necessary", "gclid": "of Google's parallel tracking"}


def write(found: Explanation, console: Console) -> None:
    """Write everything that was found, the answer first."""
    since = "" if found.since_ms is None else f", {_SINCE.get(found.state, 'on')} {moment(found.since_ms)} UTC"
    colour = _COLOURS.get(found.state, "yellow")
    of = "" if found.programme is None else f" of programme {found.programme}"
    name = escape(f"Order {found.order_ref}{of}")
    console.print(f"[bold]{name}[/]: [{colour}]{STATES[found.state]}[/]{since}")
    if found.state == "unknown":
        console.print(_unknown(found.unread_orders), soft_wrap=not console.is_terminal)
    if found.conversion is not None:
        _write_decision(found.conversion, found, console)
    elif found.judgement is not None and found.order is not None:
        explain_record.write(found, found.order, console)
    else:
        _write_undecided(found, console)
    if found.receipt is not None:
        explain_delivery.write_receipt(found.receipt, console)
    if found.refusals:
        explain_delivery.write_refusals(found.refusals, console)
    for note in found.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")


def _write_undecided(found: Explanation, console: Console) -> None:
    """Write what is known of an order that has no conversion, or not any more."""
    waiting, remembered = found.waiting, found.remembered
    if waiting is not None:
        section(console, "Waiting")
        console.print(pairs([("completed", moment(waiting.completed_at_ms)), ("order record", place(waiting.source))]))
    if remembered is not None:
        section(console, "Decision")
        checksums = ", ".join(remembered.click_checksums) or "none"
        rows = [("channel", remembered.channel), ("checksums", checksums)]
        rows.append(("completed", moment(remembered.completed_at_ms)))
        console.print(pairs([*rows, ("order record", place(remembered.source))]))
    explain_programme.write(found, console)


def _write_decision(decided: Decided, found: Explanation, console: Console) -> None:
    section(console, "Touches, the latest click first")
    if found.touches:
        columns = ("age", "channel", "rule", "what became of it")
        console.print(table(columns, map(_touch, found.touches), whole=columns[:3]))
    elif evidence_is_left_out(decided.conversion):
        console.print("not told: with them the conversion would have been too large for its topic")
    elif FORGOTTEN in decided.conversion.notes:
        console.print("none since the visitor was forgotten")
    else:
        console.print("none: no landing of the visitor was seen, or the order has no visitor")
    section(console, "Decision")
    console.print(pairs(_decision(decided, found)))
    explain_programme.write(found, console)
    section(console, "Amount")
    explain_amount.write(decided.conversion, found.arithmetic, console)
    explain_delivery.write_request(found, decided.conversion, console)


def _touch(touch: TouchFound) -> tuple[str, ...]:
    """Describe a touch; its age is that of the click, by which touches are ranked."""
    lines = [VERDICTS.get(touch.verdict, touch.verdict)]
    if touch.verdict in _WON:
        lines[0] = f"[green]{lines[0]}[/]"
    lines += [f"[dim]{escape(line)}[/]" for line in _details(touch)]
    return length(touch.age_ms), touch.channel or "none", touch.rule or "", "\n".join(lines)


def _details(touch: TouchFound) -> Iterator[str]:
    if touch.session_offset is None:
        yield "came with the order"
    else:
        said = f", consent {touch.consent}" if touch.consent is not None else ""
        yield f"landed {moment(touch.landed_at_ms)}{said}"
        if touch.clicked_at_ms != touch.landed_at_ms:
            yield f"clicked {moment(touch.clicked_at_ms)}"
    if touch.awc is not None:
        yield touch.awc
    if touch.kind == "erased":
        yield "its checksum was refused, and is erased"
    elif touch.kind in _KINDS:
        yield f"its checksum is {_KINDS[touch.kind]}"


def _decision(decided: Decided, found: Explanation) -> Iterator[tuple[str, str]]:
    conversion = decided.conversion
    yield "channel", f"{conversion.channel}: {REASONS.get(conversion.reason, conversion.reason)}"
    yield "checksums", ", ".join(conversion.click_checksums) or "none"
    if FORGOTTEN in conversion.notes:
        yield "forgotten", _forgotten(found.forgotten)
    if found.consent is not None:
        yield "consent", _consent(found.consent)
    yield "completed", moment(conversion.completed_at_ms)
    yield "decided", f"{moment(decided.decided_at_ms)}, {_when(conversion)}"
    yield "mode", f"{conversion.mode} ({conversion.method})" + (", marked as a test" if conversion.test else "")
    if found.order is not None:
        yield "order", explain_record.facts(found.order.order)
    yield "order record", place(conversion.source)
    yield "conversion", place(decided.at)
    if found.repeats:
        yield "repeats", ", ".join(map(place, found.repeats))


def _forgotten(request: Forgotten | None) -> str:
    """Say what was forgotten, and when, if the request is still there."""
    words = NOTES[FORGOTTEN]
    return words if request is None else f"on {moment(request.asked_at_ms)} {words}"


def _consent(consent: ConsentFound) -> str:
    effect = ": so a checksum was withheld" if consent.withheld else ""
    if consent.said_by == "order":
        return f"{consent.statement}, said by the order itself{effect}"
    if consent.said_by == "landing":
        return f"{consent.statement}, said last by the landing of {moment(consent.landed_at_ms or 0)}{effect}"
    if consent.said_by == "nobody":
        setting = f"consent.markets: {consent.market}" if consent.market else "consent.missing"
        return escape(f"nobody said anything: taken as {consent.statement} ({setting}){effect}")
    known = "denied" if consent.withheld else "not known"
    return f"{known}: {NOT_SAID[consent.said_by]}{effect}"


def _when(conversion: Conversion) -> str:
    if conversion.session_cut is not None:
        return f"by force, having read the sessions to offset {conversion.session_cut:,}"
    if conversion.decidable_at_ms == conversion.completed_at_ms:
        return "at once: the order has no visitor, or no grace"
    waited = length(conversion.decidable_at_ms - conversion.completed_at_ms)
    return f"when the sessions' watermark was {waited} past the order"


def _unknown(unread_orders: int | None) -> str:
    unread = (
        f"up to {unread_orders:,} order records are still unread" if unread_orders else "all order records are read"
    )
    return (
        f"There is no conversion, dead letter, pending order or order record of this reference; {unread}. Everything "
        "expires with its topic. Is it another programme (--programme)?"
    )
