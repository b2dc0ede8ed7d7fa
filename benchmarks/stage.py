"""The measured process: one stage as ``awin-consumer run --role …`` runs it, and its `usage`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from benchmarks import usage
from benchmarks.timed_metrics import TimedMetrics
from consumer.attribute.ports import AttributeMetrics
from consumer.ops import logs
from consumer.ops.attribute_reporter import AttributeReporter
from consumer.ops.metrics import Metrics
from consumer.service import Service, Stage, stop_on_signals
from consumer.settings import Settings, load
from consumer.state.folder import StateFolder
from consumer.wiring.attribute import now_ms, open_attribute
from consumer.wiring.clients import Role
from consumer.wiring.deliver import open_deliver


def main(config: Path, role: Role) -> None:
    """Run until SIGTERM."""
    settings = load(config)
    logs.configure(settings.ops.log_level)
    timed: list[TimedMetrics] = []

    def open_timed(settings: Settings, folder: StateFolder, metrics: Metrics, stack: ExitStack) -> Stage:
        timed.append(TimedMetrics(AttributeReporter(metrics, now_ms)))
        return open_attribute(settings, folder, metrics, stack, reporter=lambda _: cast("AttributeMetrics", timed[-1]))

    service = Service(settings, (role,), openers={"attribute": open_timed, "deliver": open_deliver})
    stop_on_signals(service)
    usage.answer(lambda: _usage(service, timed[-1].seconds if timed else 0.0))
    service.run()


def _usage(service: Service, metrics_s: float) -> usage.Usage:
    total = service.metrics.total
    return usage.Usage(
        cpu_s=usage.own_cpu_s(),
        peak_rss_bytes=usage.own_peak_rss_bytes(),
        rss_bytes=usage.own_rss_bytes(),
        records=int(total("awin_records_total")),
        restored_changes=int(total("awin_restored_changes_total")),
        restore_s=total("awin_restore_seconds_total"),
        store_memory_bytes=int(total("awin_store_memory_bytes")),
        conversions=int(total("awin_conversions_total")),
        put_off=int(total("awin_deferrals_total")),
        attempts=int(total("awin_attempts_total")),
        metrics_s=metrics_s,
        ready=service.health.ready().ok,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "deliver" if sys.argv[2:] == ["deliver"] else "attribute")
