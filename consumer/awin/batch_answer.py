"""What an answer of the Conversion API says about each order of its call. Source: AWIN.md 6, as other code expects it.

The body is read as far as it makes sense, and never trusted: what it does not clearly say, it does not say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from consumer.awin.answer import excerpt, outcome_of_status
from consumer.events import Outcome

_PARTIAL = {206, 207}
_ABOUT_THE_CONTENT = {400, 406, 413, 422}
_ABOUT_THE_KEY = {401, 403}
_ABOUT_THE_ATTEMPT = {408, 425}


class OrderAnswer(NamedTuple):
    """What an answer says about one order."""

    outcome: Outcome
    message: str
    """For people: one short clean line, empty when there is nothing to add to the outcome."""


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """What an answer says about a call."""

    kind: Literal["per_order", "bisect", "key_refused", "throttled", "unknown"]
    """``bisect``: the call was refused as a whole, perhaps for the fault of one order, so parts of it may pass.
    ``key_refused``: nobody looked at the orders; the same call may pass with another key.
    ``throttled``: the same call may pass later.
    ``unknown``: each of its orders may have been booked."""
    orders: tuple[OrderAnswer, ...] = ()
    """For ``per_order``: one for each order of the call, in their order. Else empty."""
    message: str = ""
    """For all but ``per_order``, as `OrderAnswer.message`."""


def read(status: int, body: bytes, order_refs: Sequence[str], *, key: str = "") -> BatchAnswer:
    """Return what an answer says about the orders of its call. Whatever the body is, it raises nothing.

    - Any 2xx delivers every order that the body does not name as failed. That holds for those that nobody documents,
      as with sread: the orders were received, and to send them again could book them twice.
    - 206 and 207 say that orders fared differently, so they deliver only those that the body names as successful and
      not as failed. One that is named in neither way, or in both, is ``unknown``.
    - 400, 406, 413 and 422 are about the content: of a single order they are its rejection.
    - 401 and 403 are about the key, 408 and 425 about the attempt: whether it arrived in whole is not known.
    - Any other 4xx, and 3xx, is about the programme or the address, so trying parts would lead nowhere: it rejects all
      orders, and a run of rejections halts the programme.

    Args:
        status: of the answer.
        body: as far as it was read.
        order_refs: the references of the call's orders.
        key: the call's API key: should the body repeat it, no message does.
    """
    outcome = outcome_of_status(status)
    if outcome == "delivered":
        answers = _accepted(_lists(body), body, order_refs, key, partial=status in _PARTIAL)
        return BatchAnswer(kind="per_order", orders=tuple(answers))
    message = _clean(body, key)
    if status in _ABOUT_THE_KEY:
        return BatchAnswer(kind="key_refused", message=message)
    if outcome == "throttled":
        return BatchAnswer(kind="throttled", message=message)
    if outcome == "unknown" or status in _ABOUT_THE_ATTEMPT:
        return BatchAnswer(kind="unknown", message=message)
    if status in _ABOUT_THE_CONTENT and len(order_refs) > 1:
        return BatchAnswer(kind="bisect", message=message)
    return BatchAnswer(kind="per_order", orders=tuple(_refused(_lists(body), message, order_refs, key)))


class _Lists(NamedTuple):
    """Who is named in a body, and what is said about each, once for each time."""

    batch_id: str
    successful: Mapping[str, list[str]]
    failed: Mapping[str, list[str]]


def _accepted(
    lists: _Lists | None, body: bytes, order_refs: Sequence[str], key: str, *, partial: bool
) -> Iterator[OrderAnswer]:
    if lists is None:
        received = OrderAnswer("delivered", _clean(body, key))
        yield from [OrderAnswer("unknown", "the answer cannot be read") if partial else received] * len(order_refs)
        return
    times = Counter(order_refs)
    for ref in order_refs:
        yield _of_order(lists, ref, times[ref] if partial else 0, key)


def _of_order(lists: _Lists, ref: str, needed: int, key: str) -> OrderAnswer:
    """Judge an order that must be named as successful ``needed`` times to count as delivered."""
    successful, failed = lists.successful.get(ref, []), lists.failed.get(ref, [])
    if failed and successful:
        return OrderAnswer("unknown", "the answer names the order as successful and as failed")
    if failed:
        return OrderAnswer("rejected", _clean(failed[0].encode(), key) or "the answer gives no reason")
    if len(successful) < needed:
        return OrderAnswer("unknown", "the answer does not name the order")
    told = (("batch", lists.batch_id), ("correlation", next(iter(successful), "")))
    return OrderAnswer("delivered", _clean(", ".join(f"{what} {name}" for what, name in told if name).encode(), key))


def _refused(lists: _Lists | None, message: str, order_refs: Sequence[str], key: str) -> Iterator[OrderAnswer]:
    for ref in order_refs:
        reasons = lists.failed.get(ref, []) if lists else []
        yield OrderAnswer("rejected", _clean(next(iter(reasons), "").encode(), key) or message)


def _lists(body: bytes) -> _Lists | None:
    """Return what a body says; ``None`` when it is not of the form that other code expects."""
    try:
        content = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    successes, failures = _at(content, "successfulOrders"), _at(content, "failedOrders")
    if not isinstance(content, dict) or not isinstance(successes, list | None) or not isinstance(failures, list | None):
        return None
    successful: dict[str, list[str]] = defaultdict(list)
    for entry in successes or ():
        successful[_text(_at(entry, "orderReference"))].append(_text(_at(entry, "correlationId")))
    failed: dict[str, list[str]] = defaultdict(list)
    for entry in failures or ():
        for ref in {_text(_at(entry, "order", "orderReference")), _text(_at(entry, "orderReference"))}:
            failed[ref].append(_reasons(_at(entry, "errors")))
    return _Lists(_text(content.get("batchId")), successful, failed)


def _reasons(errors: object) -> str:
    """Write ``[{field, message}]`` as text, and as much as is there of another form."""
    pairs = [(_text(_at(each, "field")), _text(_at(each, "message"))) for each in _listed(errors)]
    return "; ".join(": ".join(filter(None, pair)) for pair in pairs if any(pair))


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _at(value: object, *path: str) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _clean(said: bytes, key: str) -> str:
    return excerpt(said.replace(key.encode(), b"[redacted]") if key else said)
