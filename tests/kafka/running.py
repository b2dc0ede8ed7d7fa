"""Both stages at work while a test looks on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.service import Service
from tests.kafka.shell import Shell


@contextmanager
def running(shell: Shell) -> Iterator[Service]:
    """Let them work within the ``with`` block, from when they are ready."""
    service = Service(shell.settings, ("attribute", "deliver"))
    thread = threading.Thread(target=service.run, name="service")
    thread.start()
    try:
        deadline_s = time.monotonic() + 60
        while not service.health.ready().ok:
            assert thread.is_alive()
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        yield service
    finally:
        service.stop()
        thread.join()
