"""How long the attribute stage spends on telling its metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from consumer.attribute.ports import AttributeMetrics


class TimedMetrics:
    """Hands every call on, and adds up how long they take."""

    def __init__(self, metrics: AttributeMetrics) -> None:
        self._metrics = metrics
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return the method of this name, timed."""
        told = cast("Callable[..., None]", getattr(self._metrics, name))

        def timed(*arguments: Any, **named: Any) -> None:
            began_s = time.perf_counter()
            told(*arguments, **named)
            self.seconds += time.perf_counter() - began_s

        self.__dict__[name] = timed
        return timed
