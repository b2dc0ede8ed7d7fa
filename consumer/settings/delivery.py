"""How conversions reach Awin."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from consumer.awin import conversion_api, offline
from consumer.settings.types import Duration, HttpAddress, Section


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


class Deferred(Section):
    """Conversions that are put off: how long they rest before they are tried again."""

    delay: Duration = Field(timedelta(minutes=1), gt=timedelta(0), description="At first.")
    max_delay: Duration = Field(
        timedelta(minutes=15),
        description="At the most: the delay doubles with every pass over a partition that settles nothing.",
    )

    @model_validator(mode="after")
    def _grows(self) -> Deferred:
        if self.max_delay < self.delay:
            raise ValueError("max_delay must not be less than delay")
        return self


class Breaker(Section):
    """When a programme's requests no longer get through, it is left alone but for single probes."""

    failures: int = Field(5, ge=1, description="So many attempts in a row must have failed.")
    after: Duration = Field(timedelta(seconds=5), description="They must have failed for so long.")
    cooldown: Duration = Field(
        timedelta(seconds=5),
        gt=timedelta(0),
        description="From opening to the first probe; doubles with each that fails.",
    )
    max_cooldown: Duration = Field(timedelta(minutes=1), description="Longest time between two probes.")

    @model_validator(mode="after")
    def _grows(self) -> Breaker:
        if self.max_cooldown < self.cooldown:
            raise ValueError("max_cooldown must not be less than cooldown")
        return self


class ConversionApi(Section):
    """Calls of Awin's Conversion API, for programmes with that method."""

    endpoint: HttpAddress = Field(
        conversion_api.ENDPOINT,
        pattern=r"^https?://[^\s/?#]+[^\s?#]*[^\s?#/]$",
        description="Where calls go: what comes before `/<advertiser id>/orders`.",
    )
    batch_size: int = Field(
        conversion_api.MAX_ORDERS,
        ge=1,
        le=conversion_api.MAX_ORDERS,
        description="Most orders in one call; never more than half of `delivery.max_outstanding`: raise that for many.",
    )
    batch_age: Duration = Field(
        timedelta(seconds=10), le=timedelta(seconds=60), description="How long an order waits for others."
    )
    calls_per_minute: int = Field(20, ge=1, description="Most calls of one key, over all instances: Awin's limit.")


class Delivery(Section):
    """How conversions reach Awin."""

    mode: Literal["shadow", "test", "live"] = Field(
        "shadow",
        description="`shadow`: decide and record, send nothing. `test`: send with testmode=1. `live`: report sales.",
    )
    cut_over: AwareDatetime | None = Field(
        None, description="Orders completed earlier are not ours to report; default: the first start."
    )
    endpoint: HttpAddress = Field(
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
    backlog_after: Duration = Field(
        timedelta(minutes=3),
        description="An order completed longer ago is put off when it is read, so that newer ones go first: for Awin "
        "it has lost its priority anyway.",
    )
    deferred: Deferred = Field(default_factory=Deferred, description="Conversions that are put off.")
    breaker: Breaker = Field(default_factory=Breaker, description="What stops a programme for a while.")
    conversion_api: ConversionApi = Field(default_factory=ConversionApi, description="Calls of the Conversion API.")
    halt_after: int = Field(
        10,
        ge=1,
        description="So many orders of a programme rejected in a row, with none delivered between, halt it on every "
        "instance, until `awin-consumer programmes resume`.",
    )


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
