"""*Streams*: how far behind, what waits for sessions, commits, state and restores."""

from __future__ import annotations

from consumer.ops import catalogue as m
from tools.dashboards.panels import Page, Panel, Query, Row, quantile, rate, selected

PAGE = Page(
    name="streams",
    title="Awin S2S: Streams",
    description="Reading, joining and committing; state and its restores.",
    rows=(
        Row(
            "Reading",
            (
                Panel(
                    title="Records read",
                    description="By stage and topic.",
                    unit="ops",
                    queries=(Query(f"sum by (stage, topic) ({rate(m.RECORDS.name)})", "{{stage}}: {{topic}}"),),
                ),
                Panel(
                    title="Records not read yet",
                    description="Lag, by stage and topic.",
                    unit="none",
                    queries=(Query(f"sum by (stage, topic) ({selected(m.LAG.name)})", "{{stage}}: {{topic}}"),),
                ),
                Panel(
                    title="Age of the newest record read, where there are newer ones",
                    description="Lag in time. Deferred conversions rest on purpose.",
                    unit="s",
                    queries=(
                        Query(
                            f"max by (stage, topic) ((time() - {selected(m.POSITION.name)}) and {selected(m.LAG.name)} > 0)",
                            "{{stage}}: {{topic}}",
                        ),
                    ),
                    warn=120,
                    bad=300,
                    empty="everything is read",
                ),
                Panel(
                    title="Records written",
                    description="By stage and topic.",
                    unit="ops",
                    queries=(Query(f"sum by (stage, topic) ({rate(m.WRITTEN.name)})", "{{stage}}: {{topic}}"),),
                ),
                Panel(
                    title="Where the loops' time goes",
                    description="Seconds a second in each state: poll is waiting for records, commit waiting for the broker.",
                    unit="percentunit",
                    queries=(Query(f"avg by (stage, state) ({rate(m.LOOP_SECONDS.name)})", "{{stage}}: {{state}}"),),
                    kind="bars",
                ),
                Panel(
                    title="Brokers connected",
                    description="By stage and pod; 0 while none answers.",
                    unit="none",
                    queries=(Query(f"min by (stage, pod) ({selected(m.BROKERS_UP.name)})", "{{pod}} {{stage}}"),),
                ),
            ),
        ),
        Row(
            "Joining",
            (
                Panel(
                    title="Orders that wait for sessions",
                    description="By partition. They wait for the grace, or on a quiet partition for attribution.idle_wait.",
                    unit="none",
                    queries=(Query(f"sum by (partition) ({selected(m.PENDING.name)})", "partition {{partition}}"),),
                ),
                Panel(
                    title="Event time behind the clock",
                    description="How far the watermark of each session partition lags behind now.",
                    unit="s",
                    queries=(
                        Query(
                            f"time() - (max by (partition) ({selected(m.WATERMARK.name)}) > 0)",
                            "partition {{partition}}",
                        ),
                    ),
                    empty="no session yet",
                ),
                Panel(
                    title="Late sessions",
                    description="Sessions after the grace of orders that they could have decided; half and 95 in 100 are "
                    "less late than the lines say.",
                    unit="s",
                    queries=(
                        Query(quantile(0.5, m.LATE_SESSIONS.name), "p50"),
                        Query(quantile(0.95, m.LATE_SESSIONS.name), "p95"),
                    ),
                    empty="none is late",
                ),
                Panel(
                    title="What landings carry",
                    description="Sessions, those with a query string, and click checksums by form.",
                    unit="ops",
                    queries=(
                        Query(f"sum({rate(m.SESSIONS.name)})", "sessions"),
                        Query(f"sum({rate(m.SESSIONS_WITH_QUERY.name)})", "with a query string"),
                        Query(f"sum by (form) ({rate(m.SESSION_CHECKSUMS.name)})", "checksum, {{form}}"),
                    ),
                ),
                Panel(
                    title="From completion to decision",
                    description="Half, 95 and 99 in 100 orders are decided faster.",
                    unit="s",
                    queries=tuple(
                        Query(quantile(share, m.DECISION_SECONDS.name), f"p{share * 100:.0f}")
                        for share in (0.5, 0.95, 0.99)
                    ),
                ),
                Panel(
                    title="What was done to express orders",
                    description="Notes on conversions, and those decided by force on a quiet partition.",
                    unit="ops",
                    queries=(
                        Query(f"sum by (note) ({rate(m.NOTED.name)})", "{{note}}"),
                        Query(f"sum({rate(m.FORCED.name)})", "forced"),
                    ),
                ),
            ),
        ),
        Row(
            "Committing and state",
            (
                Panel(
                    title="Duration of a commit",
                    description="95 and 99 in 100 are faster, by stage.",
                    unit="s",
                    queries=(
                        Query(quantile(0.95, m.COMMIT_SECONDS.name, by="le, stage"), "{{stage}} p95"),
                        Query(quantile(0.99, m.COMMIT_SECONDS.name, by="le, stage"), "{{stage}} p99"),
                    ),
                ),
                Panel(
                    title="Transactions taken back",
                    description="By stage and why. Their work is done again.",
                    unit="ops",
                    queries=(Query(f"sum by (stage, reason) ({rate(m.ABORTED.name)})", "{{stage}}: {{reason}}"),),
                    kind="bars",
                ),
                Panel(
                    title="Rebalances",
                    description="Partitions given, revoked or lost.",
                    unit="ops",
                    queries=(Query(f"sum by (stage, event) ({rate(m.REBALANCED.name)})", "{{stage}}: {{event}}"),),
                    kind="bars",
                ),
                Panel(
                    title="State on disk",
                    description="By store.",
                    unit="bytes",
                    queries=(Query(f"sum by (stage, store) ({selected(m.STORE_BYTES.name)})", "{{stage}}: {{store}}"),),
                ),
                Panel(
                    title="Restoring",
                    description="Partitions that are given and not worked on yet, and what is left to read of them.",
                    unit="none",
                    queries=(
                        Query(f"sum by (stage) ({selected(m.RESTORING.name)})", "{{stage}}: partitions"),
                        Query(f"sum by (stage) ({selected(m.RESTORE_REMAINING.name)})", "{{stage}}: records left"),
                    ),
                ),
                Panel(
                    title="Restored changes",
                    description="A second of restoring.",
                    unit="ops",
                    queries=(
                        Query(
                            f"sum by (stage) ({rate(m.RESTORED_CHANGES.name)}) / sum by (stage) ({rate(m.RESTORE_SECONDS.name)})",
                            "{{stage}}",
                        ),
                    ),
                    empty="nothing was restored",
                ),
            ),
        ),
    ),
)
