"""*Delivery*: the calls to Awin, what waits, and what was put aside."""

from __future__ import annotations

from consumer.ops import catalogue as m
from tools.dashboards.panels import Page, Panel, Query, Row, equals, quantile, rate, selected

PAGE = Page(
    name="delivery",
    title="Awin S2S: Delivery",
    description="The calls to Awin: how many, how they end, how long they take, what waits for them.",
    rows=(
        Row(
            "Calls",
            (
                Panel(
                    title="Calls by outcome",
                    description="delivered, rejected, throttled, not_sent (nothing left), unknown (it may have arrived).",
                    unit="reqps",
                    queries=(Query(f"sum by (outcome) ({rate(m.ATTEMPTS.name)})", "{{outcome}}"),),
                    kind="bars",
                ),
                Panel(
                    title="Calls that fail, by class",
                    description="The HTTP status, or the error where there was none.",
                    unit="reqps",
                    queries=(Query(f"sum by (failure) ({rate(m.FAILURES.name)})", "{{failure}}"),),
                    kind="bars",
                    empty="no call fails",
                ),
                Panel(
                    title="Duration of a call",
                    description="Half, 95 and 99 in 100 are faster.",
                    unit="s",
                    queries=tuple(
                        Query(quantile(share, m.ATTEMPT_SECONDS.name), f"p{share * 100:.0f}")
                        for share in (0.5, 0.95, 0.99)
                    ),
                ),
                Panel(
                    title="Repeated calls",
                    description="For conversions that were sent before; and conversions that may have reached Awin twice.",
                    unit="ops",
                    queries=(
                        Query(f"sum by (programme) ({rate(m.RETRIES.name)})", "again, {{programme}}"),
                        Query(
                            f"sum by (programme) ({rate(m.POSSIBLE_REPEATS.name)})", "possible repeat, {{programme}}"
                        ),
                    ),
                ),
                Panel(
                    title="Under way",
                    description="Calls in flight, by programme.",
                    unit="none",
                    queries=(Query(f"sum by (programme) ({selected(m.IN_FLIGHT.name)})", "{{programme}}"),),
                ),
                Panel(
                    title="Requests that were too long",
                    description="What they leave out: product rows first, then custom parameters.",
                    unit="ops",
                    queries=(Query(f"sum by (what) ({rate(m.CUT.name)})", "{{what}}"),),
                    empty="none was cut",
                ),
            ),
        ),
        Row(
            "What waits",
            (
                Panel(
                    title="Stopped programmes",
                    description="1 while nothing is sent. `awin-consumer programmes list | resume`.",
                    unit="none",
                    queries=(
                        Query(
                            f"max by (programme, reason) ({selected(m.STOPPED.name)}) > 0", "{{programme}} {{reason}}"
                        ),
                    ),
                    bad=1,
                    empty="none is stopped",
                ),
                Panel(
                    title="Limits that are waited for",
                    description="1 while conversions wait for the programme's rate, its concurrency, or its key's calls.",
                    unit="none",
                    queries=(
                        Query(f"max by (programme, limit) ({selected(m.LIMITED.name)}) > 0", "{{programme}} {{limit}}"),
                    ),
                    empty="no limit is met",
                ),
                Panel(
                    title="In hand",
                    description="Conversions that are not finished, against how many may be (`delivery.max_outstanding`).",
                    unit="none",
                    queries=(
                        Query(f"sum({selected(m.OUTSTANDING.name)})", "in hand"),
                        Query(f"sum({selected(m.OUTSTANDING_LIMIT.name)})", "at most"),
                    ),
                ),
                Panel(
                    title="Waiting for their attempt",
                    description="Conversions in hand that are not under way, by programme.",
                    unit="none",
                    queries=(Query(f"sum by (programme) ({selected(m.WAITING.name)})", "{{programme}}"),),
                ),
                Panel(
                    title="Put off",
                    description="Conversions that are tried later, by why.",
                    unit="ops",
                    queries=(Query(f"sum by (reason) ({rate(m.DEFERRALS.name)})", "{{reason}}"),),
                    kind="bars",
                    empty="nothing is put off",
                ),
                Panel(
                    title="Put aside",
                    description="Dead letters by stage and reason. `awin-consumer dead-letters list | show | replay`; "
                    "`awin-consumer explain ORDER_REF` tells what became of an order.",
                    unit="ops",
                    queries=(
                        Query(f"sum by (stage, reason) ({rate(m.DEAD_LETTERS.name)}) > 0", "{{stage}}: {{reason}}"),
                    ),
                    kind="bars",
                    empty="nothing is put aside",
                ),
            ),
        ),
        Row(
            "How long sales take",
            tuple(
                Panel(
                    title=f"Since {words}",
                    description=f"From {words} to the report being on record; half, 95 and 99 in 100 are faster. "
                    "`awin-consumer explain ORDER_REF` shows the times of one order.",
                    unit="s",
                    queries=tuple(
                        Query(quantile(share, m.DELIVERY_SECONDS.name, equals("since", since)), f"p{share * 100:.0f}")
                        for share in (0.5, 0.95, 0.99)
                    ),
                    width=6,
                    warn=60,
                    bad=120,
                )
                for since, words in (
                    ("completion", "the order's completion"),
                    ("entry", "its entry into Kafka"),
                    ("decidable", "it could be decided"),
                    ("conversion", "its conversion"),
                )
            ),
        ),
    ),
)
