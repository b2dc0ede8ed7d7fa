"""What a run has broken, told from what went in, what Awin saw and what the topics say at the end. Pure.

Knows nothing of how the product works: an order is what the brute-force reference makes of the logs, and a sale is
what Awin accepted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumer.demo.awin import Answer, AwinRequest, Redirect
from consumer.demo.comparison import nearest
from consumer.demo.reference import Expected
from consumer.events import DeadLetter, Receipt

Order = tuple[str, str]
"""Programme and order reference."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which nothing of a programme may arrive at Awin; epoch milliseconds."""

    programme: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a run has left."""

    expected: Sequence[Expected]
    """Every ending, by the reference."""
    receipts: Sequence[Receipt]
    """All of them; of an order the newest comes last."""
    dead_letters: Sequence[DeadLetter]
    """Those of deliver."""
    requests: Sequence[AwinRequest]
    violations: Sequence[str]
    """Of Awin's rules."""
    offline: Collection[str]
    """Programmes that are left to files."""
    silences: Sequence[Silence]
    calls_ms: Sequence[int]
    """When each call of the Conversion API arrived; all are of one key."""
    calls_per_minute: int
    """So many the key allows."""
    max_outstanding: int
    interruptions: int
    """Deaths of deliver, and releases of partitions that it lost or left with doubts."""
    others: Sequence[str] = ()
    """What else was found to be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Figures, and every broken promise by name."""

    orders: int
    """That Awin has to hear of."""
    delivered: int
    """Of these, how many Awin accepted."""
    rejected: int
    """Of the others, how many are dead letters because Awin did not want them."""
    left_for_export: int
    lost: Mapping[Order, str]
    """Orders without an ending that is theirs, and what they have instead."""
    wrong: Sequence[str]
    repeats: Mapping[Order, int]
    """How often Awin accepted an order beyond the first time."""
    after_unknown: int
    """So many of these followed an attempt that is known as one of unknown outcome."""
    sent_twice_bound: int

    @property
    def sent_twice(self) -> int:
        """How many sales Awin accepted in excess."""
        return sum(self.repeats.values())

    def broken(self) -> list[str]:
        """Return every broken promise."""
        found = [f"lost: {order_ref} of {programme}: {why}" for (programme, order_ref), why in self.lost.items()]
        found += [f"wrong: {each}" for each in self.wrong]
        if self.sent_twice > self.sent_twice_bound:
            found.append(f"{self.sent_twice} repeats, but no more than {self.sent_twice_bound} can be explained")
        return found


def judge(evidence: Evidence) -> Verdict:
    """Hold the evidence against the promises."""
    conversions = _conversions(evidence.expected)
    receipts = {(receipt.programme, receipt.order_ref): receipt for receipt in evidence.receipts}
    seen = _seen(evidence.requests)
    accepted = {order: sum(request.accepted for request in requests) for order, requests in seen.items()}
    repeats = {order: times - 1 for order, times in accepted.items() if times > 1}
    unknown = {order: receipt.unknown_attempts for order, receipt in receipts.items()}
    after_unknown = sum(min(times, unknown.get(order, 0)) for order, times in repeats.items())
    told = [order for order in conversions if order[0] not in evidence.offline]
    return Verdict(
        orders=len(told),
        delivered=sum(accepted.get(order, 0) > 0 for order in told),
        rejected=sum(order in receipts and receipts[order].ending == "dead_letter" for order in told),
        left_for_export=len(conversions) - len(told),
        lost=dict(_lost(conversions, receipts, seen, evidence)),
        wrong=[
            *evidence.violations,
            *_wrong_requests(conversions, seen, evidence.offline),
            *_wrong_receipts(conversions, receipts),
            *_unflagged(seen, receipts),
            *_broken_silences(evidence),
            *_too_many_calls(sorted(evidence.calls_ms), evidence.calls_per_minute),
            *evidence.others,
        ],
        repeats=repeats,
        after_unknown=after_unknown,
        sent_twice_bound=evidence.interruptions * evidence.max_outstanding + after_unknown,
    )


def _conversions(expected: Iterable[Expected]) -> Mapping[Order, Sequence[Expected]]:
    found: dict[Order, list[Expected]] = defaultdict(list)
    for ending in expected:
        if ending.ending == "conversion":
            found[ending.programme, ending.order_ref].append(ending)
    return found


def _seen(requests: Iterable[AwinRequest]) -> Mapping[Order, Sequence[AwinRequest]]:
    found: dict[Order, list[AwinRequest]] = defaultdict(list)
    for request in requests:
        found[request.parameters.get("merchant", ""), request.ref].append(request)
    return found


def _lost(
    conversions: Iterable[Order],
    receipts: Mapping[Order, Receipt],
    seen: Mapping[Order, Sequence[AwinRequest]],
    evidence: Evidence,
) -> Iterator[tuple[Order, str]]:
    """Yield every order that has no ending which is true, and what it has instead."""
    rejected = Counter(
        (letter.programme or "", letter.order_ref or "")
        for letter in evidence.dead_letters
        if letter.reason == "rejected"
    )
    for order in conversions:
        receipt = receipts.get(order)
        if order[0] in evidence.offline:
            why = _not_left(receipt)
        else:
            why = _not_ended(receipt, seen.get(order, ()), rejected[order])
        if why:
            yield order, why


def _not_left(receipt: Receipt | None) -> str:
    """Say why an order is not properly left for the export; empty if it is."""
    if receipt is None:
        return "no receipt"
    is_left = receipt.ending == "deferred" and receipt.reason == "offline"
    return "" if is_left else f"{receipt.ending} ({receipt.reason}) instead of left for the export"


def _not_ended(receipt: Receipt | None, requests: Sequence[AwinRequest], rejected_letters: int) -> str:
    """Say why an order has no ending that is true; empty if it has."""
    if receipt is None:
        return "no receipt"
    if receipt.ending == "delivered":
        return "" if any(request.accepted for request in requests) else "delivered, but Awin never accepted it"
    if receipt.ending != "dead_letter":
        return f"{receipt.ending} ({receipt.reason}), and nothing more comes"
    if receipt.reason != "rejected" or not any(map(_is_rejection, requests)):
        return f"a dead letter ({receipt.reason}), but Awin never rejected it"
    return "" if rejected_letters == 1 else f"rejected, with {rejected_letters} dead letters"


def _is_rejection(request: AwinRequest) -> bool:
    """Whether Awin said no to this order, and not to the pace, the key or the moment."""
    behaviour = request.behaviour
    if isinstance(behaviour, Answer):
        return request.failed or (400 <= behaviour.status < 500 and behaviour.status not in {401, 408, 425, 429})
    return isinstance(behaviour, Redirect)


def _may_be_booked(request: AwinRequest) -> bool:
    """Whether whoever sent this cannot be sure that Awin did not take it."""
    behaviour = request.behaviour
    if isinstance(behaviour, Answer):
        says_no = 300 <= behaviour.status < 500 or behaviour.status == 503
        return not request.failed and not says_no
    return not isinstance(behaviour, Redirect)


def _wrong_requests(
    conversions: Mapping[Order, Sequence[Expected]],
    seen: Mapping[Order, Sequence[AwinRequest]],
    offline: Collection[str],
) -> Iterator[str]:
    for (programme, order_ref), requests in seen.items():
        known = conversions.get((programme, order_ref))
        if known is None:
            yield f"{len(requests)} requests for {order_ref} of {programme}, which is not to be reported"
            continue
        if programme in offline:
            yield f"{len(requests)} requests for {order_ref} of {programme}, which is left to files"
        for request in requests:
            differences = nearest(request.parameters, known)
            if any(differences):
                names = [name for name, differs in differences._asdict().items() if differs]
                yield f"request {request.number} for {order_ref} of {programme} says another {', '.join(names)}"


def _wrong_receipts(conversions: Iterable[Order], receipts: Mapping[Order, Receipt]) -> Iterator[str]:
    for programme, order_ref in receipts.keys() - set(conversions):
        yield f"a receipt for {order_ref} of {programme}, which is not to be reported"


def _unflagged(seen: Mapping[Order, Sequence[AwinRequest]], receipts: Mapping[Order, Receipt]) -> Iterator[str]:
    """Whatever may be booked twice must say so."""
    for order, requests in seen.items():
        booked = sum(map(_may_be_booked, requests))
        receipt = receipts.get(order)
        if booked > 1 and not (receipt and (receipt.possible_repeat or receipt.unknown_attempts)):
            times = sum(request.accepted for request in requests)
            said = f"may be booked {booked} times ({times} accepted)"
            yield f"{order[1]} of {order[0]} {said}, but its receipt does not say so"


def _broken_silences(evidence: Evidence) -> Iterator[str]:
    for silence in evidence.silences:
        for request in evidence.requests:
            is_its = request.parameters.get("merchant") == silence.programme
            if is_its and silence.since_ms < request.received_at_ms < silence.until_ms:
                late_s = (request.received_at_ms - silence.since_ms) / 1000
                yield f"{request.ref} of {silence.programme} was sent {late_s:.1f} s after nothing should be sent"


def _too_many_calls(calls_ms: Sequence[int], allowed: int) -> Iterator[str]:
    """Say of the fullest minute what it held, if that was too much."""
    in_minute = [bisect_left(calls_ms, at_ms + 60_000) - number for number, at_ms in enumerate(calls_ms)]
    if max(in_minute, default=0) > allowed:
        yield f"{max(in_minute)} calls of one key in a minute, which allows {allowed}"
