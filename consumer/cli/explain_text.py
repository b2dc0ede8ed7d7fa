"""An explanation for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.markup import escape

from consumer import money
from consumer.cli import explain_amount
from consumer.cli.output import pairs, table
from consumer.events import Conversion, OrderCompleted, Position, Receipt
from consumer.inspect.choice import Check, Tried
from consumer.inspect.consent import ConsentFound
from consumer.inspect.explanation import Decided, Explanation, Refusal, TouchFound
from consumer.inspect.words import LEFT_OUT, OUTCOMES, REASONS, STATES, VERDICTS, length, moment

_COLOURS = {"delivered": "green", "exported": "green", "dead_letter": "red", "unreceipted": "red", "unknown": "red"}
_SINCE = dict.fromkeys(("pending", "outstanding", "unreceipted", "for_export", "deferred"), "since")
_WON = frozenset({"won", "won_no_consent"})
_KINDS = {"strictly_necessary": "strictly necessary", "gclid": "of Google's parallel tracking"}
_ROW = "bd["


def write(found: Explanation, console: Console) -> None:
    """Write everything that was found, the answer first."""
    since = "" if found.since_ms is None else f", {_SINCE.get(found.state, 'on')} {moment(found.since_ms)} UTC"
    colour = _COLOURS.get(found.state, "yellow")
    name = escape(f"Order {found.order_ref} of programme {found.programme}")
    console.print(f"[bold]{name}[/]: [{colour}]{STATES[found.state]}[/]{since}")
    if found.state == "unknown":
        console.print(_unknown(found.unread_orders), soft_wrap=not console.is_terminal)
    if found.conversion is not None:
        _write_decision(found.conversion, found, console)
    else:
        _write_undecided(found, console)
    if found.receipt is not None:
        _section(console, "Delivery")
        console.print(pairs(_delivery(found.receipt)))
    if found.refusals:
        _section(console, "Dead letters")
        for each in found.refusals:
            console.print(pairs(_refusal(each)))
    for note in found.notes:
        console.print(f"\n[yellow]note:[/] {escape(note)}")


def _write_undecided(found: Explanation, console: Console) -> None:
    """Write what is known of an order that has no conversion, or not any more."""
    waiting, remembered = found.waiting, found.remembered
    if waiting is not None:
        _section(console, "Waiting")
        console.print(pairs([("completed", moment(waiting.completed_at_ms)), _order_record(waiting.source)]))
    if remembered is not None:
        _section(console, "Decision")
        checksums = ", ".join(remembered.click_checksums) or "none"
        rows = [("channel", remembered.channel), ("checksums", checksums)]
        rows.append(("completed", moment(remembered.completed_at_ms)))
        console.print(pairs([*rows, _order_record(remembered.source)]))
    _write_programmes(found, console)


def _write_decision(decided: Decided, found: Explanation, console: Console) -> None:
    _section(console, "Touches, the latest click first")
    if found.touches:
        columns = ("age", "channel", "rule", "what became of it")
        console.print(table(columns, map(_touch, found.touches), whole=columns[:3]))
    else:
        console.print("none: no landing of the visitor was seen, or the order has no visitor")
    _section(console, "Decision")
    console.print(pairs(_decision(decided, found)))
    _write_programmes(found, console)
    _section(console, "Amount")
    explain_amount.write(decided.conversion, found.arithmetic, console)
    _write_request(found, decided.conversion, console)


def _section(console: Console, title: str) -> None:
    console.print(f"\n[bold]{title}[/]")


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
    if found.consent is not None:
        yield "consent", _consent(found.consent)
    yield "completed", moment(conversion.completed_at_ms)
    yield "decided", f"{moment(decided.decided_at_ms)}, {_when(conversion)}"
    yield "mode", f"{conversion.mode} ({conversion.method})" + (", marked as a test" if conversion.test else "")
    if found.order is not None:
        yield "order", escape(", ".join(_facts(found.order.order)))
    yield _order_record(conversion.source)
    yield "conversion", _place(decided.at)
    if found.repeats:
        yield "repeats", ", ".join(map(_place, found.repeats))


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
    return f"{known}: the records that would say who said what are not all there any more{effect}"


def _facts(order: OrderCompleted) -> Iterator[str]:
    yield order.order_id
    yield "of a visitor" if order.visitor_id else "without visitor"
    for name, value in (("market", order.market), ("channel", order.channel), ("customer", order.customer_type)):
        if value:
            yield f"{name} {value}"
    if order.voucher_codes:
        yield f"vouchers {' '.join(order.voucher_codes)}"
    if order.test:
        yield "a test"


def _write_programmes(found: Explanation, console: Console) -> None:
    """Say which conditions led to the programme; nothing where there is only one, without conditions."""
    if any(each.checks for each in found.programmes) or len(found.programmes) > 1:
        _section(console, "Programme, by the settings as they are")
        console.print(
            table(("programme", "condition", "the order has", ""), _conditions(found.programmes), whole=("programme",))
        )
    takes = next((each.programme for each in found.programmes if each.holds), None)
    if found.programmes and takes != found.programme:
        other = "none" if takes is None else takes
        console.print(f"[yellow]The settings have changed since: now its programme would be {other}.[/]")
    if found.excluded_by:
        conditions = " and ".join(map(_condition, found.excluded_by))
        console.print(f"[yellow]By the settings as they are it would not be reported: {conditions}.[/]")


def _conditions(programmes: Iterable[Tried]) -> Iterator[tuple[str, ...]]:
    for each in programmes:
        if not each.checks:
            yield each.programme, "takes every order", "", "[green]so it is this one[/]"
        for number, check in enumerate(each.checks):
            last = number == len(each.checks) - 1
            verdict = "holds" if check.holds else "does not hold"
            if each.holds and last:
                verdict = f"[green]{verdict}: so it is this one[/]"
            found = escape(", ".join(check.found)) or "nothing"
            yield each.programme if number == 0 else "", _condition(check), found, verdict


def _condition(check: Check) -> str:
    wanted = ["nothing" if value is None else value for value in check.wanted]
    return escape(f"{check.field} is {' or '.join(wanted)}")


def _when(conversion: Conversion) -> str:
    if conversion.session_cut is not None:
        return f"by force, having read the sessions to offset {conversion.session_cut:,}"
    if conversion.decidable_at_ms == conversion.completed_at_ms:
        return "at once: the order has no visitor, or no grace"
    waited = length(conversion.decidable_at_ms - conversion.completed_at_ms)
    return f"when the sessions' watermark was {waited} past the order"


def _write_request(found: Explanation, conversion: Conversion, console: Console) -> None:
    if conversion.products:
        _section(console, "Product rows")
        columns = ("product", "name", "unit price", "quantity", "sku", "group", "category")
        rows = (
            (
                escape(each.product_id),
                escape(each.name),
                money.written(each.unit_price, conversion.currency),
                each.quantity,
                escape(each.sku),
                each.group,
                escape(each.category),
            )
            for each in conversion.products
        )
        console.print(table(columns, rows, numbers=("unit price", "quantity"), whole=("unit price", "group")))
    if found.request:
        not_sent = " (not sent: shadow)" if conversion.mode == "shadow" else ""
        _section(console, f"Request{not_sent}, {len(found.url):,} characters")
        said = [(name, escape(value)) for name, value in found.request.items() if not name.startswith(_ROW)]
        rows_said = sum(name.startswith(_ROW) for name in found.request)
        if rows_said:
            said.append((f"{_ROW}0] …", f"the product rows above, {rows_said:,}"))
        if found.left_out:
            said.append(("left out", LEFT_OUT[found.left_out]))
        console.print(pairs(said))


def _delivery(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield "ending", receipt.ending.replace("_", " ") + (f": {receipt.reason}" if receipt.reason else "")
    yield "finished", f"{moment(receipt.finished_at_ms)}, {_after(receipt)} the order"
    yield "attempts", _attempts(receipt)
    if receipt.outcome is not None:
        status = "" if receipt.http_status is None else f"HTTP {receipt.http_status}, "
        yield "last answer", status + OUTCOMES.get(receipt.outcome, receipt.outcome)
    if receipt.excerpt:
        yield "file" if receipt.ending == "exported" else "it said", escape(receipt.excerpt)
    if receipt.possible_repeat:
        yield "possible repeat", "yes: a crash may have let it reach Awin before its first counted attempt"
    if receipt.repeats:
        yield "repeats", f"{receipt.repeats:,} later conversions said the same and were not sent"


def _after(receipt: Receipt) -> str:
    late_ms = receipt.finished_at_ms - receipt.completed_at_ms
    return f"{length(late_ms)} {'after' if late_ms >= 0 else 'before'}"


def _attempts(receipt: Receipt) -> str:
    first = "" if receipt.first_attempt_at_ms is None else f", the first {moment(receipt.first_attempt_at_ms)}"
    unknown = f", of which {receipt.unknown_attempts:,} with an unknown outcome" if receipt.unknown_attempts else ""
    return f"{receipt.attempts:,}{unknown}{first}"


def _refusal(refusal: Refusal) -> Iterator[tuple[str, str]]:
    field = f", field {refusal.field}" if refusal.field else ""
    yield "reason", escape(f"{refusal.reason}{field} ({refusal.stage}, {moment(refusal.failed_at_ms)})")
    yield "message", escape(refusal.message)
    if refusal.by_content:
        yield "note", "the record could not be read; its bytes hold this order reference"
    if refusal.replayed_at_ms is not None:
        yield "replayed", moment(refusal.replayed_at_ms)
    yield "dead letter", _place(refusal.at)


def _order_record(source: Position) -> tuple[str, str]:
    return "order record", _place(source)


def _place(at: Position) -> str:
    return escape(f"{at.topic}[{at.partition}] at offset {at.offset}")


def _unknown(unread_orders: int | None) -> str:
    unread = (
        f"up to {unread_orders:,} order records are still unread" if unread_orders else "all order records are read"
    )
    return (
        f"There is no conversion, dead letter or pending order of this reference; {unread}. An order completed before "
        "the cut-over, or taken out by orders.exclude or zero_value, leaves no trace, and everything expires with its "
        "topic. Is it another programme (--programme)?"
    )
