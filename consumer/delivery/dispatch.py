"""Conversions on their way to Awin: each programme's in a queue of its own, behind its gate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count

from consumer.delivery.attempt.method import Method
from consumer.delivery.attempt.sender import Answer
from consumer.delivery.attempt.worker import Ticket, Worker
from consumer.delivery.deferral import Why
from consumer.delivery.metrics import Attempted, DeliverMetrics, ProgrammeStanding
from consumer.delivery.outstanding import Decided, Outstanding
from consumer.delivery.pacing.gate import Gates
from consumer.delivery.pacing.limiter import RateLimiter
from consumer.delivery.pacing.retry import Retries
from consumer.delivery.queue import Call, Queue
from consumer.delivery.sent import TOO_OLD
from consumer.delivery.settings import DeliverSettings
from consumer.delivery.verdicts import Verdicts
from consumer.errors import Reject, Unreportable
from consumer.events import Method as MethodName

_NO_PACE = RateLimiter(None, lambda: 0.0)


class Dispatch:
    """Makes attempts until it is known of each conversion what becomes of it. Belongs to the polling thread.

    A conversion that waits for its next attempt holds no connection.

    Args:
        worker: makes them.
        methods: by name; all that a conversion may have but ``offline``.
        gates: of the programmes.
        paces: of calls whose key allows only so many, by programme and method.
        retries: when to try again.
        settings: limits.
        metrics: where numbers go.
        halt: told of a programme that had to be stopped, and why.
        now_ms: the wall clock.
        monotonic_s: the clock for waits.
    """

    def __init__(
        self,
        worker: Worker,
        methods: Mapping[MethodName, Method],
        gates: Gates,
        paces: Mapping[str, RateLimiter],
        retries: Retries,
        settings: DeliverSettings,
        metrics: DeliverMetrics,
        *,
        halt: Callable[[str, str], None],
        now_ms: Callable[[], int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._worker = worker
        self._methods = methods
        self._gates = gates
        self._paces = paces
        self._settings = settings
        self._metrics = metrics
        self._verdicts = Verdicts(retries, settings, halt, monotonic_s)
        self._now_ms = now_ms
        self._monotonic_s = monotonic_s
        self._numbers = count()
        self._queues: dict[tuple[str, MethodName], Queue] = {}
        self._in_flight: dict[int, Call] = {}

    def add(self, item: Outstanding) -> Decided | None:
        """Take in a conversion to be sent; return what becomes of it if that is known already."""
        conversion = item.conversion
        method = self._methods[conversion.method]
        gate = self._gates.of(conversion.programme)
        if why := gate.turns_away:
            return Decided(item, put_off=why)
        if item.prepared is None:
            try:
                item.prepared = method.prepare(conversion)
            except Unreportable as error:
                return Decided(item, error)
        self._queue(conversion.programme, conversion.method, method).add(
            item, self._monotonic_s(), fresh=not item.deferrals
        )
        return None

    def in_flight(self, partition: int | None = None) -> int:
        """Return how many conversions' attempts are under way, of one partition or in all."""
        items = (item for call in self._in_flight.values() for item in call.items)
        return sum(not item.dropped and partition in {None, item.at.partition} for item in items)

    def due_in_s(self) -> float | None:
        """Return the seconds until the next attempt may be due; ``None`` when none is waited for."""
        now_s = self._monotonic_s()
        times = [due_s for queue in self._queues.values() if (due_s := queue.due_in_s(now_s)) is not None]
        return min(times) if times else None

    def start(self, generation: int, *, hurry: bool = False) -> list[Decided]:
        """Begin every attempt that is due and allowed; return of what turned out to need none what becomes of it.

        In a ``hurry`` conversions wait for no others to share a request with: there is no room for more.
        """
        decided: list[Decided] = []
        for place, queue in tuple(self._queues.items()):
            before = queue.under_way
            decided += self._start(queue, generation, hurry=hurry)
            if queue.under_way > before:
                # It comes last the next time, so that of programmes with the same key none waits for ever.
                self._queues[place] = self._queues.pop(place)
        return decided

    def relieve(self, others: Callable[[], Collection[str]], most: int, *, fresh: bool) -> list[Decided]:
        """Put off what cannot begin now and was not sent yet, the latest first, so that others find room.

        What the next call takes stays, unless it waits for a probe.

        Args:
            others: returns the programmes whose conversions wait for room; ``""`` for conversions not known yet.
            most: so many may stay of each programme.
            fresh: whether fresh conversions make room, too, and not only those that were put off already.
        """
        large = [queue for queue in self._queues.values() if len(queue) > most and queue.holds_up]
        theirs = set(others()) if large else set()
        if self._gates.alone:
            theirs.discard("")
        decided: list[Decided] = []
        for queue in large:
            if theirs - {queue.programme}:
                why: Why = "breaker" if queue.is_probed else "limit"
                decided += [Decided(item, put_off=why) for item in queue.withdraw(len(queue) - most, fresh=fresh)]
        return decided

    def collect(self, timeout_s: float) -> list[Decided]:
        """Take in answers, waiting up to the timeout for the first; return what they decide."""
        decided: list[Decided] = []
        for reply in self._worker.replies(timeout_s):
            call = self._in_flight.pop(reply.number, None)
            if call is None:
                continue
            call.queue.under_way -= 1
            call.queue.gate.cap.give_back()
            if reply.answer is None:
                self._not_started(call)
            else:
                self._metrics.attempted(_attempted(call, reply.answer, reply.seconds))
                decided += self._verdicts.on(call, reply.answer, reply.started_at_ms)
        return decided

    def standings(self) -> dict[str, ProgrammeStanding]:
        """Return how many conversions of each programme wait or are under way, and which limits they wait for."""
        found: dict[str, ProgrammeStanding] = {}
        for queue in self._queues.values():
            before = found.get(queue.programme, ProgrammeStanding())
            found[queue.programme] = ProgrammeStanding(
                limits=before.limits | queue.limits(),
                waiting=before.waiting + len(queue),
                in_flight=before.in_flight + queue.under_way,
            )
        return found

    def forget(self, partition: int) -> None:
        """Drop a partition's conversions; attempts under way for nothing else are broken off."""
        for queue in self._queues.values():
            queue.forget(partition)
        broken_off = []
        for number, call in self._in_flight.items():
            for item in call.items:
                item.dropped = item.dropped or item.at.partition == partition
            if all(item.dropped for item in call.items):
                broken_off.append(number)
        for number in broken_off:
            call = self._in_flight.pop(number)
            call.queue.under_way -= 1
            call.queue.gate.cap.give_back()
            call.queue.gate.breaker.withdrawn(call.probe)
        self._worker.cancel(broken_off)

    def _queue(self, programme: str, name: MethodName, method: Method) -> Queue:
        queue = self._queues.get((programme, name))
        if queue is None:
            pace = self._paces.get(programme, _NO_PACE) if name == "conversion_api" else _NO_PACE
            queue = self._queues[programme, name] = Queue(programme, method, self._gates.of(programme), pace)
        return queue

    def _start(self, queue: Queue, generation: int, *, hurry: bool) -> Iterator[Decided]:
        now_s = self._monotonic_s()
        while len(queue):
            permit = queue.gate.permit()
            if permit == "stop":
                if why := queue.gate.turns_away:
                    yield from (Decided(item, put_off=why) for item in queue.withdraw())
                return
            if queue.blocked:
                return
            call = queue.take(now_s, hurry=hurry)
            if call is None:
                return
            yield from self._without_too_old(call)
            if call.items:
                self._submit(call, generation, now_s, probe=permit == "probe")

    def _without_too_old(self, call: Call) -> Iterator[Decided]:
        items, call.items = call.items, []
        for item in items:
            age_ms = self._now_ms() - item.conversion.completed_at_ms
            sent_anyway = item.replay is not None and item.replay.send_too_old
            if age_ms > self._settings.max_age_ms and not sent_anyway:
                yield Decided(
                    item,
                    Reject(
                        TOO_OLD, "completed_at", f"the order was completed {age_ms // 1000} s ago: Awin dates it today"
                    ),
                )
            else:
                call.items.append(item)

    def _submit(self, call: Call, generation: int, now_s: float, *, probe: bool) -> None:
        queue = call.queue
        queue.gate.rate.take()
        queue.pace.take()
        queue.gate.cap.take()
        queue.under_way += 1
        call.began_s = now_s
        if probe:
            call.probe = queue.gate.breaker.probing()
        request = queue.method.request(queue.programme, [item.prepared for item in call.items if item.prepared])
        number = next(self._numbers)
        self._in_flight[number] = call
        self._worker.submit(Ticket(number, request, generation))

    def _not_started(self, call: Call) -> None:
        call.queue.gate.breaker.withdrawn(call.probe)
        call.queue.again([item for item in call.items if not item.dropped], self._monotonic_s())


def _attempted(call: Call, answer: Answer, seconds: float) -> Attempted:
    # Without a status the excerpt is the name of what went wrong.
    failure = answer.excerpt if answer.http_status is None else f"http_{answer.http_status}"
    return Attempted(
        programme=call.queue.programme,
        method=call.queue.method.name,
        outcome=answer.outcome,
        failure="" if answer.outcome == "delivered" else failure,
        seconds=seconds,
        again=any(item.attempts > 0 for item in call.items),
    )
