"""*Overview*: do sales reach Awin, and if not, why and since when? What is reported?"""

from __future__ import annotations

from consumer.ops import catalogue as m
from tools.dashboards.panels import Page, Panel, Query, Row, equals, quantile, rate, selected

_AGE = f"time() - min({selected(m.OLDEST.name)})"
_IN_TIME = rate(f"{m.DELIVERY_SECONDS.name}_bucket", equals("since", "entry"), equals("le", "120.0"))
_LATE = f"1 - sum({_IN_TIME}) / sum({rate(m.DUE.name)})"
_OF_NONE = rate(m.CONVERSIONS.name, equals("channel", "na"))

PAGE = Page(
    name="overview",
    title="Awin S2S: Overview",
    description="Is money flowing? From left to right: how long the oldest sale waits, whether sales are in time, what "
    "stops them. Below: what is reported to Awin.",
    rows=(
        Row(
            "Do sales reach Awin?",
            (
                Panel(
                    title="The oldest undelivered sale",
                    description="Since it entered Kafka. Awin prefers calls within two minutes. Nothing waits: no data. "
                    "`awin-consumer audit` names orders without an ending, `awin-consumer explain ORDER_REF` tells of one.",
                    unit="s",
                    queries=(Query(_AGE, "age"),),
                    kind="number",
                    width=6,
                    warn=120,
                    bad=300,
                    empty="nothing waits",
                ),
                Panel(
                    title="Sales that are late now",
                    description="Share of the orders due that did not reach Awin within 120 s of entering Kafka. The "
                    "objective is 1 % over 30 days.",
                    unit="percentunit",
                    queries=(Query(f"clamp_min({_LATE}, 0)", "late"),),
                    kind="number",
                    width=6,
                    warn=0.01,
                    bad=0.14,
                    empty="no orders",
                ),
                Panel(
                    title="Programmes that are stopped",
                    description="Paused by hand, halted by refusals, or their breaker open. `awin-consumer programmes list` "
                    "says since when and why.",
                    unit="none",
                    queries=(
                        Query(f"count(max by (programme) ({selected(m.STOPPED.name)}) > 0) or vector(0)", "stopped"),
                    ),
                    kind="number",
                    width=6,
                    bad=1,
                ),
                Panel(
                    title="Stages that are not ready",
                    description="They wait for the broker, for their group, or restore. `/readyz` of the pod says which.",
                    unit="none",
                    queries=(Query(f"count({selected(m.READY.name)} == 0) or vector(0)", "not ready"),),
                    kind="number",
                    width=6,
                    bad=1,
                ),
                Panel(
                    title="Due and delivered",
                    description="Orders that are to be sent, and sales that Awin was told of. They lie on each other while "
                    "all is well; delivered stays below during an outage and above it afterwards.",
                    unit="ops",
                    queries=(
                        Query(f"sum({rate(m.DUE.name)})", "due"),
                        Query(f"sum({rate(m.DELIVERED.name)})", "delivered"),
                    ),
                    width=12,
                ),
                Panel(
                    title="How long sales take",
                    description="99 in 100 are faster. From the order's completion, its entry into Kafka, when it could be "
                    "decided (grace passed), its conversion. Where the first differs from the second, the shop tells late. "
                    "`awin-consumer explain ORDER_REF` shows the times of one order.",
                    unit="s",
                    queries=(Query(quantile(0.99, m.DELIVERY_SECONDS.name, by="le, since"), "since {{since}}"),),
                    width=12,
                    warn=60,
                    bad=120,
                ),
            ),
        ),
        Row(
            "What is reported",
            (
                Panel(
                    title="Sales by channel",
                    description="The channel that Awin is told for each order. `aw` is Awin, `na` none.",
                    unit="ops",
                    queries=(Query(f"sum by (channel) ({rate(m.DELIVERED.name)})", "{{channel}}"),),
                    kind="bars",
                    width=8,
                ),
                Panel(
                    title="Sales by programme",
                    description="Delivered, by advertiser id.",
                    unit="ops",
                    queries=(Query(f"sum by (programme) ({rate(m.DELIVERED.name)})", "{{programme}}"),),
                    kind="bars",
                    width=8,
                ),
                Panel(
                    title="Value of sales",
                    description="What was delivered, in the currency's unit a second.",
                    unit="none",
                    queries=(Query(f"sum by (currency) ({rate(m.DELIVERED_VALUE.name)})", "{{currency}} a second"),),
                    width=8,
                ),
                Panel(
                    title="Endings of orders",
                    description="What attribute made of order records: decided, or why not.",
                    unit="ops",
                    queries=(Query(f"sum by (ending) ({rate(m.ORDERS.name)})", "{{ending}}"),),
                    kind="bars",
                    width=8,
                ),
                Panel(
                    title="Endings of conversions",
                    description="What deliver made of them; what is put off is not over yet.",
                    unit="ops",
                    queries=(Query(f"sum by (ending) ({rate(m.ENDINGS.name)})", "{{ending}}"),),
                    kind="bars",
                    width=8,
                ),
                Panel(
                    title="Shares that tell of silent errors",
                    description="Orders with a click checksum, of no channel (na), with a share in the default commission "
                    "group. A jump says that clicks or groups get lost on the way.",
                    unit="percentunit",
                    queries=(
                        Query(
                            f"sum({rate(m.WITH_CHECKSUM.name)}) / sum({rate(m.CONVERSIONS.name)})", "with a checksum"
                        ),
                        Query(
                            f"sum({_OF_NONE}) / sum({rate(m.CONVERSIONS.name)})",
                            "of no channel",
                        ),
                        Query(f"sum({rate(m.DEFAULT_GROUP.name)}) / sum({rate(m.CONVERSIONS.name)})", "default group"),
                    ),
                    width=8,
                ),
            ),
        ),
    ),
)
