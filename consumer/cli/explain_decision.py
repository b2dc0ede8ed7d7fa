"""A decision, and what it rests on, for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from consumer.attribution.conversion import FORGOTTEN
from consumer.cli import explain_amount, explain_programme, explain_record, explain_touches
from consumer.cli.output import pairs, place, section
from consumer.events import Conversion
from consumer.inspect.consent import ConsentFound
from consumer.inspect.explanation import Explanation
from consumer.inspect.traces import Decided, DecidedAgain, Forgotten, Remembered
from consumer.inspect.words import NOT_SAID, NOTES, REASONS, length, moment

_AGREES = {
    True: "[green]this is what was decided[/]",
    False: "[yellow]this is not what was decided: sessions are gone or had come too late, checksums were erased, "
    "or the settings have changed since[/]",
}


def write(decided: Decided, found: Explanation, console: Console) -> None:
    """Write what a conversion says was decided."""
    explain_touches.write(decided.conversion, found.touches, console)
    section(console, "Decision")
    console.print(pairs(_decision(decided, found)))
    _write_rest(decided.conversion, found, console)


def write_remembered(remembered: Remembered, console: Console) -> None:
    """Write what is remembered of a decision without its conversion."""
    section(console, "Decision")
    console.print(pairs(_remembered(remembered)))


def write_again(again: DecidedAgain, found: Explanation, console: Console) -> None:
    """Write the decision that was made again from what is still there."""
    conversion = again.conversion
    explain_touches.write(conversion, found.touches, console)
    section(console, "As it would be decided" if found.remembered is None else "Decided again")
    console.print(pairs(_again(again, found)))
    console.print(
        "[dim]Worked out from the visitor's sessions that the topics still hold, by the settings as they are. Which "
        "sessions came too late, and which refused checksums had been erased, only the stage knew.[/]",
        soft_wrap=not console.is_terminal,
    )
    _write_rest(conversion, found, console)


def _write_rest(conversion: Conversion, found: Explanation, console: Console) -> None:
    explain_programme.write(found, console)
    section(console, "Amount")
    explain_amount.write(conversion, found.arithmetic, console)


def _decision(decided: Decided, found: Explanation) -> Iterator[tuple[str, str]]:
    conversion = decided.conversion
    yield from _why(conversion, found)
    yield "completed", moment(conversion.completed_at_ms)
    yield "decided", f"{moment(decided.decided_at_ms)}, {_when(conversion)}"
    yield "mode", f"{conversion.mode} ({conversion.method})" + (", marked as a test" if conversion.test else "")
    if found.order is not None:
        yield "order", explain_record.facts(found.order.order)
    yield "order record", place(conversion.source)
    yield "conversion", place(decided.at)
    if found.repeats:
        yield "repeats", ", ".join(map(place, found.repeats))


def _remembered(remembered: Remembered) -> Iterator[tuple[str, str]]:
    yield "channel", remembered.channel
    yield "checksums", ", ".join(remembered.click_checksums) or "none"
    yield "completed", moment(remembered.completed_at_ms)
    if remembered.session_cut is not None:
        yield "decided", _forced(remembered.session_cut)
    yield "order record", place(remembered.source)


def _again(again: DecidedAgain, found: Explanation) -> Iterator[tuple[str, str]]:
    if again.agrees is not None:
        yield "result", _AGREES[again.agrees]
    yield from _why(again.conversion, found)
    if again.sessions_since_ms is not None:
        yield "sessions", f"[yellow]those from before {moment(again.sessions_since_ms)} are not there any more[/]"
    if found.order is not None and found.judgement is None:
        yield "order", explain_record.facts(found.order.order)


def _why(conversion: Conversion, found: Explanation) -> Iterator[tuple[str, str]]:
    yield "channel", f"{conversion.channel}: {REASONS.get(conversion.reason, conversion.reason)}"
    yield "checksums", ", ".join(conversion.click_checksums) or "none"
    if FORGOTTEN in conversion.notes:
        yield "forgotten", _forgotten(found.forgotten)
    if found.consent is not None:
        yield "consent", _consent(found.consent)


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
        return _forced(conversion.session_cut)
    if conversion.decidable_at_ms == conversion.completed_at_ms:
        return "at once: the order has no visitor, or no grace"
    waited = length(conversion.decidable_at_ms - conversion.completed_at_ms)
    return f"when the sessions' watermark was {waited} past the order"


def _forced(session_cut: int) -> str:
    return f"by force, having read the sessions to offset {session_cut:,}"
