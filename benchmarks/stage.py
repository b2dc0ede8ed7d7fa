"""The measured process: the attribute stage as ``awin-consumer run --role attribute`` runs it, and its `usage`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import usage
from consumer.ops import logs
from consumer.service import Service, stop_on_signals
from consumer.settings import load


def main(config: Path) -> None:
    """Run until SIGTERM."""
    settings = load(config)
    logs.configure(settings.ops.log_level)
    service = Service(settings, ("attribute",))
    stop_on_signals(service)
    usage.answer(lambda: _usage(service))
    service.run()


def _usage(service: Service) -> usage.Usage:
    total = service.metrics.total
    return usage.Usage(
        cpu_s=usage.own_cpu_s(),
        peak_rss_bytes=usage.own_peak_rss_bytes(),
        records=int(total("awin_records_total")),
        restored_changes=int(total("awin_restored_changes_total")),
        restore_s=total("awin_restore_seconds_total"),
        ready=service.health.ready().ok,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
