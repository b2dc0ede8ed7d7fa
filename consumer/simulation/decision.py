"""What was, or would be, said of an order; and how two such decisions differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from consumer.attribution.channels import AWIN_CHANNEL
from consumer.attribution.lastclick import MAX_EVIDENCE
from consumer.events import Conversion, Part

What = Literal["reported", "not_reported", "programme", "channel", "checksums", "parts"]


class Decision(Struct, frozen=True, array_like=True):
    """To whom an order is reported, and as whose. An order that is not reported has none."""

    programme: str
    channel: str
    click_checksums: tuple[str, ...]
    parts: tuple[Part, ...]
    amount: Decimal
    reason: str


class Decided(Struct, frozen=True, array_like=True):
    """What a conversion says was decided, and on which facts."""

    decision: Decision
    session_cut: int | None
    """Next session offset at a forced decision."""
    first_touch: int | None
    """The least session offset among the touches that the conversion tells of."""
    tells_all: bool
    """Whether it tells of all touches that the order saw."""
    erased: tuple[int, ...]
    """Session offsets of touches whose checksum, if they brought one, had been erased, since it was refused."""


def decision_of(conversion: Conversion) -> Decision:
    """Return what a conversion says."""
    return Decision(
        conversion.programme,
        conversion.channel,
        conversion.click_checksums,
        conversion.parts,
        conversion.amount,
        conversion.reason,
    )


def decided_by(conversion: Conversion) -> Decided:
    """Return what a conversion says was decided."""
    touches = [(each.session_offset, each) for each in conversion.evidence if each.session_offset is not None]
    return Decided(
        decision_of(conversion),
        conversion.session_cut,
        min((offset for offset, _ in touches), default=None),
        len(conversion.evidence) < MAX_EVIDENCE,
        tuple([offset for offset, touch in touches if touch.channel == AWIN_CHANNEL and touch.awc is None]),
    )


def differences(before: Decision | None, after: Decision | None) -> tuple[What, ...]:
    """Say in what two decisions about one order differ; ``None`` stands for an order that is not reported."""
    if before is None or after is None:
        return () if before is after else (("reported",) if before is None else ("not_reported",))
    return tuple(_differences(before, after))


def _differences(before: Decision, after: Decision) -> Iterator[What]:
    if before.programme != after.programme:
        yield "programme"
    if before.channel != after.channel:
        yield "channel"
    if before.click_checksums != after.click_checksums:
        yield "checksums"
    if before.parts != after.parts:
        yield "parts"
