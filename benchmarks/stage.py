"""The measured process: one stage as ``awin-consumer run --role …`` runs it, and its `usage`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import usage
from consumer.ops import logs
from consumer.service import Service, stop_on_signals
from consumer.settings import load
from consumer.wiring.clients import Role


def main(config: Path, role: Role) -> None:
    """Run until SIGTERM."""
    settings = load(config)
    logs.configure(settings.ops.log_level)
    service = Service(settings, (role,))
    stop_on_signals(service)
    usage.answer(lambda: _usage(service))
    service.run()


def _usage(service: Service) -> usage.Usage:
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
        ready=service.health.ready().ok,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), "deliver" if sys.argv[2:] == ["deliver"] else "attribute")
