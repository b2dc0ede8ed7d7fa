"""What the stand-in makes of a request before it answers, and what it demands of any, whatever the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from consumer.demo.awin.behaviour import OK, Answer, Behaviour
from consumer.demo.awin.connection import Request
from consumer.demo.awin.record import AwinCall, AwinRequest


@dataclass(frozen=True, slots=True)
class Judgement:
    """One HTTP request, judged."""

    asking: AwinRequest
    """The request; of a call all of it, without its orders."""
    requests: tuple[AwinRequest, ...]
    """The orders that came: the request, or those of the call."""
    refusal: Answer | None
    """What it meets whatever was planned."""
    call: AwinCall | None = None
    success: Answer = OK
    """What it meets when nothing else is planned than success."""

    def answered(self, behaviour: Behaviour) -> Behaviour:
        """Return what is really done: of an answer that says no more than 200, what `success` says."""
        if not isinstance(behaviour, Answer) or behaviour.status != 200 or behaviour.body:
            return behaviour
        headers = {**self.success.headers, **behaviour.headers}
        return replace(self.success, headers=headers, delay_s=behaviour.delay_s)


class Repeats:
    """Holds a repeat against the first arrival of its reference: two tracking methods must not disagree."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}

    def contradiction(self, parameters: Mapping[str, str]) -> Iterator[str]:
        """Yield a violation when the amount was another one before."""
        said = f"{parameters.get('amount')} {parameters.get('cr')}"
        if said != self._said.setdefault((parameters.get("merchant", ""), parameters.get("ref", "")), said):
            yield "amount: was another when this ref came before"


def protocol_violations(request: Request) -> Iterator[str]:
    """Yield what is wrong with how a request uses HTTP."""
    if request.version != "HTTP/1.1":
        yield "version: is not HTTP/1.1"
    if "host" not in request.headers:
        yield "host: header is missing"
