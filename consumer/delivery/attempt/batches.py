"""The Conversion API as a `consumer.delivery.attempt.method.Method`: many conversions of a programme by one call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from consumer.awin import conversion_api
from consumer.awin.batch_answer import BatchAnswer
from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.keys import ApiKeys
from consumer.delivery.attempt.method import CallEnd, Prepared, Told
from consumer.delivery.attempt.sender import Answer
from consumer.errors import Unreportable
from consumer.events import Conversion, Outcome
from consumer.events import Method as MethodName

_OF_KIND: dict[str, Outcome] = {
    "bisect": "rejected",
    "key_refused": "not_sent",
    "throttled": "throttled",
    "unknown": "unknown",
}


class ConversionApi:
    """Calls of up to ``most`` orders.

    Args:
        endpoint: see `consumer.awin.conversion_api.request`.
        keys: of the programmes.
        most: orders in one call.
        gather_s: how long an order waits for others.
        with_time: programmes for which Awin has activated the transaction time.
    """

    name: MethodName = "conversion_api"
    one_call_at_a_time = True

    def __init__(
        self, endpoint: str, keys: ApiKeys, *, most: int, gather_s: float, with_time: Collection[str] = ()
    ) -> None:
        self.most = min(most, conversion_api.MAX_ORDERS)
        self.gather_s = gather_s
        self._endpoint = endpoint
        self._keys = keys
        self._with_time = frozenset(with_time)
        self._used: dict[str, str] = {}

    def prepare(self, conversion: Conversion) -> Prepared:
        """See `consumer.delivery.attempt.method.Method.prepare`; ``no_api_key``: the programme has none (any more)."""
        if conversion.programme not in self._keys:
            raise Unreportable(
                "no_api_key", "method", f"set programmes.api_key_file of {conversion.programme}, then replay this"
            )
        with_time = conversion.programme in self._with_time
        return Prepared(conversion_api.order(conversion, transaction_time=with_time), "")

    def request(self, programme: str, prepared: Sequence[Prepared]) -> HttpRequest:
        """See `consumer.delivery.attempt.method.Method.request`."""
        key = self._used[programme] = self._keys.of(programme)
        return conversion_api.request(programme, [each.content for each in prepared], key, self._endpoint)

    def read(self, programme: str, answer: Answer, order_refs: Sequence[str]) -> CallEnd:
        """See `consumer.delivery.attempt.method.Method.read`."""
        if answer.http_status is None:
            return CallEnd("told", (Told(answer.outcome, answer.excerpt),) * len(order_refs))
        key = self._used.get(programme, "")
        said = conversion_api.read(answer.http_status, answer.body, order_refs, key=key)
        if said.kind == "per_order":
            return CallEnd("told", tuple(Told(*each) for each in said.orders))
        return CallEnd(_kind(said), (Told(_OF_KIND[said.kind], said.message),) * len(order_refs))

    def renew_key(self, programme: str) -> bool:
        """See `consumer.delivery.attempt.method.Method.renew_key`."""
        self._keys.renew(programme)
        return self._keys.of(programme) != self._used.get(programme)


def _kind(said: BatchAnswer) -> Literal["told", "split", "key_refused"]:
    match said.kind:
        case "bisect":
            return "split"
        case "key_refused":
            return "key_refused"
        case _:
            return "told"
