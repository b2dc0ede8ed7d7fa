"""How far an attempt has come, as the HTTP library tells while it works.

What httpx raises says what went wrong, but not always when. Its trace does:
https://www.encode.io/httpcore/extensions/#trace. A transport that tells nothing leaves everything false.
"""

from __future__ import annotations


class Course:
    """The course of one exchange over HTTP/1.1; given to a request as its extension ``trace``."""

    def __init__(self) -> None:
        self.connecting = False
        """A connection was begun for this request."""
        self.sending = False
        """Its first byte may have left."""

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
