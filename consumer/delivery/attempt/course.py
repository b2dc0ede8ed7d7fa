"""How far an attempt has come, as the HTTP library tells while it works.

What httpx raises says what went wrong, but not always when. Its trace does:
https://www.encode.io/httpcore/extensions/#trace. A transport that tells nothing leaves everything false.
"""

from __future__ import annotations

import asyncio


class Course:
    """The course of one exchange over HTTP/1.1; given to a request as its extension ``trace``."""

    def __init__(self) -> None:
        self.connecting = False
        """A connection was begun for this request."""
        self.sending = False
        """Its first byte may have left."""
        self.answered_early = False
        """The answer had been read before the request was sent, so it answers another one, or none."""
        self._turned = False

    @property
    def never_sent(self) -> bool:
        """Whether it is certain that not a byte has left."""
        return self.connecting and not self.sending

    async def __call__(self, event: str, _: object) -> None:
        """Take note of an event."""
        match event:
            case "connection.connect_tcp.started":
                self.connecting = True
            case "http11.send_request_headers.started":
                self.sending = True
            case "http11.receive_response_headers.started":
                asyncio.get_running_loop().call_soon(self._turn)
            case "http11.receive_response_headers.complete":
                # Nothing is read from a socket but by a turn of the event loop, and nothing while a request is sent.
                self.answered_early = not self._turned

    def _turn(self) -> None:
        self._turned = True
