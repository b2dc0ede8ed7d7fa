"""What the stand-in makes of a request before it answers, and what it demands of any, whatever the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consumer.demo.awin.behaviour import Answer
from consumer.demo.awin.connection import Request
from consumer.demo.awin.record import AwinRequest


@dataclass(frozen=True, slots=True)
class Judgement:
    """One HTTP request, judged."""

    request: AwinRequest
    refusal: Answer | None
    """What it meets whatever was planned."""


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
