"""How conversions reach Awin."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from consumer.awin import offline
from consumer.settings.types import Duration, Section


def _offline_field(name: str) -> str:
    if not offline.is_field(name):
        raise ValueError(f"no such field; there are {', '.join(offline.fields())} and custom.N")
    return name


def _importable(columns: dict[str, str]) -> dict[str, str]:
    """Refuse a file that nobody could import (AWIN.md 7): a sale has a time, which comes first, and so much more."""
    fields = list(columns.values())
    if fields[:1] != ["completed_at"]:
        raise ValueError("the first column must carry completed_at, the time of the sale")
    for needed in ("order_ref", "amount"):
        if needed not in fields:
            raise ValueError(f"no column carries {needed}, without which a file says nothing")
    return columns


OfflineField = Annotated[str, AfterValidator(_offline_field)]
Header = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]+$")]


class Retry(Section):
    """When and how often a failed attempt is repeated."""

    base: Duration = Field(timedelta(milliseconds=500), description="First back-off; doubles, with full jitter.")
    cap: Duration = Field(timedelta(seconds=30), le=timedelta(seconds=30), description="Longest back-off.")
    max_attempts: int = Field(
        8, ge=1, description="Attempts before a dead letter, counted only while other orders of the programme succeed."
    )


class Delivery(Section):
    """How conversions reach Awin."""

    mode: Literal["shadow", "test", "live"] = Field(
        "shadow",
        description="`shadow`: decide and record, send nothing. `test`: send with testmode=1. `live`: report sales.",
    )
    cut_over: AwareDatetime | None = Field(
        None, description="Orders completed earlier are not ours to report; default: the first start."
    )
    endpoint: str = Field(
        "https://www.awin1.com/sread.php",
        pattern=r"^https?://[^\s/?#]+[^\s?#]*$",
        description="Where sread requests go: an address without query.",
    )
    max_outstanding: int = Field(64, ge=2, le=10_000, description="Conversions unfinished at once, per instance.")
    connect_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for a connection.")
    read_timeout: Duration = Field(timedelta(seconds=20), description="Longest wait for an answer.")
    write_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for the request to leave.")
    pool_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for a free connection.")
    max_age: Duration = Field(
        timedelta(hours=24), description="Older sales are not sent, since Awin dates them at receipt: dead letter."
    )
    drain_budget: Duration = Field(
        timedelta(seconds=5), description="Time for calls in flight to end when partitions go or we stop."
    )
    dedupe_window: Duration = Field(
        timedelta(days=30), ge=timedelta(days=1), description="How long deliver remembers what it finished."
    )
    unknown_outcome: Literal["retry", "park"] = Field(
        "retry", description="After an attempt that may have reached Awin: send again, or keep as a dead letter."
    )
    retry: Retry = Field(default_factory=Retry, description="Back-off and attempts.")


class Offline(Section):
    """The files of `awin-consumer export-offline`; see docs/operations.md, "Offline files"."""

    columns: Annotated[dict[Header, OfflineField], AfterValidator(_importable)] = Field(
        dict(offline.DEFAULT_COLUMNS),
        description="The columns from left to right: each header with its field, which is one of "
        + ", ".join(f"`{name}`" for name in offline.fields())
        + " and `custom.N` (a custom parameter by its number). The first must be `completed_at`; `order_ref` and "
        "`amount` must be among them.",
    )
    delimiter: Literal["comma", "semicolon", "tab"] = Field("comma", description="What stands between two cells.")
