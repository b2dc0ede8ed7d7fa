"""The Avro codec: values of the topics to Structs, and back.

Decoders take whatever resolves to our contracts, in any framing of `consumer.stream.framing`. Encoders write our own
schemas, single-object encoded, the same record always to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation
from io import BytesIO
from typing import Any, Generic

from fastavro import schemaless_writer
from msgspec import Struct

from consumer.errors import Undecodable
from consumer.events import Control, Conversion, DeadLetter, OrderCompleted, Receipt, SessionLanded
from consumer.stream.amounts import unscaled
from consumer.stream.conversion_body import write_conversion
from consumer.stream.decoder import Decoder, RecordT
from consumer.stream.framing import single_object_prefix
from consumer.stream.order_body import read_order
from consumer.stream.schemas import Schemas
from consumer.stream.session_body import read_session

YEAR_2000_MS = 946_684_800_000
YEAR_2100_MS = 4_102_444_800_000

_OPTIONAL_TEXT = ("visitor_id", "session_id", "customer_id", "market", "channel", "awc")
_OPTIONAL_TEXT_OF_LINE = ("sku", "name", "category", "commission_group")

_READ_STEP = Decimal("1E-10")
_READ_LIMITS = Context(prec=25, traps=[InvalidOperation, Inexact])


class SessionDecoder(Decoder[SessionLanded]):
    """Decodes ``session.landed``. A symbol of consent that we do not know is ``unknown``.

    Sessions written with our own schema take the hot path of `consumer.stream.session_body`.
    """

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("session.landed", SessionLanded, schemas)

    def _own_reader(self) -> Callable[[bytes, int], SessionLanded]:
        return read_session

    def _check(self, record: SessionLanded) -> None:
        if not (record.session_id and record.visitor_id and record.landing_url):
            name = next(name for name in ("session_id", "visitor_id", "landing_url") if not getattr(record, name))
            raise Undecodable("missing_field", name, f"{name} is empty: a session cannot do without; see its producer")
        if not YEAR_2000_MS <= record.landed_at_ms < YEAR_2100_MS:
            raise _bad_event_time("landed_at")


class OrderDecoder(Decoder[OrderCompleted]):
    """Decodes ``order.completed``. Amounts are exact, whatever scale the producer writes.

    Optional text that is empty is read as null: producers write ``""`` for none.

    Amounts are below 10^15 and have at most ten decimals that are not zero, so that sums of them are exact in
    `decimal`'s default context; others are ``undecodable``.

    Orders written with our own schema take the hot path of `consumer.stream.order_body`.
    """

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("order.completed", OrderCompleted, schemas)

    def _own_reader(self) -> Callable[[bytes, int], OrderCompleted]:
        return read_order

    def _build(self, body: dict[str, Any]) -> OrderCompleted:
        if body["customer_type"] == "UNKNOWN":
            body["customer_type"] = None
        _drop_empty(body, _OPTIONAL_TEXT)
        for line in body["lines"]:
            _drop_empty(line, _OPTIONAL_TEXT_OF_LINE)
        return super()._build(body)

    def _check(self, record: OrderCompleted) -> None:
        if not YEAR_2000_MS <= record.completed_at_ms < YEAR_2100_MS:
            raise _bad_event_time("completed_at")
        _check_money("subtotal", record.subtotal)
        for line in record.lines:
            _check_money("lines.unit_price", line.unit_price)
            _check_money("lines.amount", line.amount)


class ConversionDecoder(Decoder[Conversion]):
    """Decodes ``awin.conversion``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.conversion", Conversion, schemas)


class ReceiptDecoder(Decoder[Receipt]):
    """Decodes ``awin.receipt``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.receipt", Receipt, schemas)


class DeadLetterDecoder(Decoder[DeadLetter]):
    """Decodes ``awin.dead-letter``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.dead-letter", DeadLetter, schemas)


class ControlDecoder(Decoder[Control]):
    """Decodes ``awin.control``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.control", Control, schemas)


class _Encoder(Generic[RecordT]):
    """Encodes one topic's records with our own schema, single-object encoded."""

    def __init__(self, topic: str, schemas: Schemas) -> None:
        contract = schemas.contract(topic)
        self._form = contract.form
        self._prefix = single_object_prefix(contract.written.fingerprint)

    def __call__(self, record: RecordT) -> bytes:
        """Encode one record; equal records give equal bytes.

        Raises:
            ValueError: an amount has more than four decimals, is 10^16 or more, or is no number.
        """
        value = BytesIO()
        value.write(self._prefix)
        schemaless_writer(value, self._form, _body(record))
        return value.getvalue()


class SessionEncoder(_Encoder[SessionLanded]):
    """Encodes ``session.landed``, for producers; market and customer_id are null."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("session.landed", schemas)


class OrderEncoder(_Encoder[OrderCompleted]):
    """Encodes ``order.completed``, for producers."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("order.completed", schemas)


class ConversionEncoder(_Encoder[Conversion]):
    """Encodes ``awin.conversion``, on the hot path of `consumer.stream.conversion_body`."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.conversion", schemas)

    def __call__(self, record: Conversion) -> bytes:
        """See `_Encoder.__call__`."""
        return self._prefix + write_conversion(record)


class ReceiptEncoder(_Encoder[Receipt]):
    """Encodes ``awin.receipt``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.receipt", schemas)


class ControlEncoder(_Encoder[Control]):
    """Encodes ``awin.control``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.control", schemas)


class DeadLetterEncoder(_Encoder[DeadLetter]):
    """Encodes ``awin.dead-letter``."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__("awin.dead-letter", schemas)


def _body(value: object) -> object:
    """Turn a Struct into what fastavro writes: dicts in a fixed order, lists, and amounts as unscaled bytes."""
    if isinstance(value, Struct):
        return {name: _body(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_body(item) for item in value]
    if isinstance(value, dict):
        return dict(sorted(value.items()))
    if isinstance(value, Decimal):
        return unscaled(value)
    return value


def _drop_empty(body: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        body[name] = body[name] or None


def _check_money(field: str, amount: Decimal) -> None:
    try:
        amount.quantize(_READ_STEP, context=_READ_LIMITS)
    except ArithmeticError as error:
        message = f"{field} is 10^15 or more, or has more than ten decimals: see the producer's amounts"
        raise Undecodable("undecodable", field, message) from error


def _bad_event_time(field: str) -> Undecodable:
    message = f"{field} is not between the years 2000 and 2099: it holds milliseconds UTC; see the producer's clock"
    return Undecodable("bad_event_time", field, message)
