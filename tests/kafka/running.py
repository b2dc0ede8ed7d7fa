"""Both stages at work while a test looks on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.service import Service
from tests.kafka.crash.program import wait_until
from tests.kafka.shell import Shell


@contextmanager
def running(shell: Shell) -> Iterator[Service]:
    """Let them work within the ``with`` block, from when they are ready."""
    service = Service(shell.settings, ("attribute", "deliver"))
    thread = threading.Thread(target=service.run, name="service")
    thread.start()
    try:
        wait_until(lambda: service.health.ready().ok or not thread.is_alive(), "both stages are ready")
        assert thread.is_alive()
        yield service
    finally:
        service.stop()
        thread.join()
