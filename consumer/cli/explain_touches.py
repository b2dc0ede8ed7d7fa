"""The touches that a decision looked at, for people. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from consumer.attribution.conversion import FORGOTTEN
from consumer.cli.output import section, table
from consumer.events import Conversion
from consumer.inspect.consent import evidence_is_left_out
from consumer.inspect.touches import TouchFound
from consumer.inspect.words import VERDICTS, length, moment

_WON = frozenset({"won", "won_no_consent"})
_KINDS = {"strictly_necessary": "strictly necessary", "gclid": "of Google's parallel tracking"}


def write(conversion: Conversion, touches: Sequence[TouchFound], console: Console) -> None:
    """Write every touch with its fate, or why there is none."""
    section(console, "Touches, the latest click first")
    if touches:
        columns = ("age", "channel", "rule", "what became of it")
        console.print(table(columns, map(_touch, touches), whole=columns[:3]))
    elif evidence_is_left_out(conversion):
        console.print("not told: with them the conversion would have been too large for its topic")
    elif FORGOTTEN in conversion.notes:
        console.print("none since the visitor was forgotten")
    else:
        console.print("none: no landing of the visitor was seen, or the order has no visitor")


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
