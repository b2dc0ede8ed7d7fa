"""The ways in which conversions reach Awin, as delivery sees them: a small port, and `sread` behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from consumer.awin import sread
from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.sender import Answer
from consumer.events import Conversion, Outcome
from consumer.events import Method as MethodName


class Prepared(NamedTuple):
    """What a method makes of one conversion."""

    content: bytes
    left_out: str
    """What did not fit and is not said; empty when everything is."""


class Told(NamedTuple):
    """What an answer says of one conversion."""

    outcome: Outcome
    message: str
    """For people; holds nothing personal."""


class CallEnd(Struct, frozen=True):
    """What an answer says of all conversions of a call."""

    kind: Literal["told", "split", "key_refused"]
    """``told``: of each what became of it. ``split``: one bad conversion may have spoilt the others, so send them in
    two halves. ``key_refused``: the programme's key is not accepted, which is no conversion's fault."""
    told: tuple[Told, ...]
    """One for each conversion, in their order; with ``split`` what holds if there is but one."""


class Method(Protocol):
    """Turns conversions into requests and answers into outcomes; knows nothing of Kafka or of retrying."""

    name: MethodName
    most: int
    """Conversions that one request may carry."""
    gather_s: float
    """How long conversions wait for others to share a request with."""
    one_call_at_a_time: bool
    """Whether a programme's next call waits for the answer to the last one."""

    def prepare(self, conversion: Conversion) -> Prepared:
        """Write one conversion.

        Raises:
            Unreportable: it cannot be expressed.
        """

    def request(self, programme: str, prepared: Sequence[Prepared]) -> HttpRequest:
        """Return the request that carries these conversions of one programme."""

    def read(self, programme: str, answer: Answer, order_refs: Sequence[str]) -> CallEnd:
        """Say what an answer means for the conversions of these references."""

    def renew_key(self, programme: str) -> bool:
        """Read the programme's key again; return whether it is another than that of the latest request."""


class Sread:
    """One GET request per conversion. See `consumer.awin.sread`."""

    name: MethodName = "sread"
    most = 1
    gather_s = 0.0
    one_call_at_a_time = False

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def prepare(self, conversion: Conversion) -> Prepared:
        """See `Method.prepare`."""
        request = sread.request(conversion, self._endpoint)
        return Prepared(request.url.encode(), request.left_out)

    def request(self, programme: str, prepared: Sequence[Prepared]) -> HttpRequest:  # noqa: ARG002  # it is in the URL
        """See `Method.request`."""
        (one,) = prepared
        return HttpRequest(url=one.content.decode())

    def read(self, programme: str, answer: Answer, order_refs: Sequence[str]) -> CallEnd:  # noqa: ARG002  # as above
        """See `Method.read`."""
        return CallEnd("told", (Told(answer.outcome, answer.excerpt),) * len(order_refs))

    def renew_key(self, programme: str) -> bool:  # noqa: ARG002  # it takes none
        """See `Method.renew_key`."""
        return False
