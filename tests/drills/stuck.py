"""A program: the consumer with loops that can be made to stand still.

``python stuck.py CONFIG``: from SIGUSR1 to SIGUSR2 no loop comes round any more, as one would that waits for a lock
which nobody gives back. Everything else goes on: the ops port, the threads of librdkafka, heartbeats of the group.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from consumer.assignment import Assignment
from consumer.ops import logs
from consumer.ops.metrics import Metrics
from consumer.service import Opener, Service, Stage, stop_on_signals
from consumer.settings import Settings, load
from consumer.state.folder import StateFolder
from consumer.wiring.attribute import open_attribute
from consumer.wiring.deliver import open_deliver


class Sticky:
    """A stage whose loop can be held."""

    def __init__(self, stage: Stage, turns: threading.Event) -> None:
        self._stage = stage
        self._turns = turns

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Work, but stand still while the event is not set."""

        def held() -> None:
            self._turns.wait()
            beat()

        self._stage.run(stop, held)

    def ready(self) -> bool:
        """As the stage says."""
        return self._stage.ready()

    def hurry(self, seconds: float) -> None:
        """As the stage does."""
        self._stage.hurry(seconds)

    @property
    def assignment(self) -> Assignment:
        """The stage's."""
        return self._stage.assignment


def _open(
    opener: Opener,
    turns: threading.Event,
    settings: Settings,
    folder: StateFolder,
    metrics: Metrics,
    stack: ExitStack,
) -> Stage:
    return Sticky(opener(settings, folder, metrics, stack), turns)


def main(config: Path) -> None:
    """Run both stages until SIGTERM."""
    settings = load(config)
    logs.configure(settings.ops.log_level)
    turns = threading.Event()
    turns.set()
    signal.signal(signal.SIGUSR1, lambda *_: turns.clear())
    signal.signal(signal.SIGUSR2, lambda *_: turns.set())
    openers: dict[str, Opener] = {"attribute": open_attribute, "deliver": open_deliver}
    held = {role: partial(_open, opener, turns) for role, opener in openers.items()}
    service = Service(settings, ("attribute", "deliver"), held)  # type: ignore[arg-type]
    stop_on_signals(service)
    service.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
