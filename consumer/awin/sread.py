"""The plain server-to-server request: ``GET https://www.awin1.com/sread.php``.

Source: Awin's server-to-server page, whose template is
``?tt=ss&tv=2&merchant=&amount=&ch=&parts=GROUP:amount&vc=&cr=&ref=&testmode=&cks=``.
"""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

from consumer import money
from consumer.errors import Unreportable
from consumer.events import Conversion, Part

ENDPOINT = "https://www.awin1.com/sread.php"


def url(conversion: Conversion, endpoint: str = ENDPOINT) -> str:
    """Return the whole request as an ASCII URL, every value percent-encoded exactly once as UTF-8.

    Raises:
        Unreportable: see `parameters`.
    """
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters(conversion))
    return f"{endpoint}?{query}"


def parameters(conversion: Conversion) -> list[tuple[str, str]]:
    """Return what the request says, name and unencoded value, in the order of Awin's template.

    Raises:
        Unreportable: ``negative_amount``, or ``bad_amount`` for one that the currency's minor digits cannot express.
    """
    said = [
        ("tt", "ss"),
        ("tv", "2"),
        ("merchant", conversion.programme),
        ("amount", _amount(conversion.amount, conversion.currency, "amount")),
        ("ch", conversion.channel),
        ("parts", "|".join(_part(part, conversion.currency) for part in conversion.parts)),
        ("vc", conversion.vouchers[0] if conversion.vouchers else ""),
        ("cr", conversion.currency),
        ("ref", conversion.order_ref),
        ("testmode", "1" if conversion.test or conversion.mode == "test" else "0"),
    ]
    if conversion.click_checksums:
        said.append(("cks", ",".join(conversion.click_checksums)))
    if conversion.customer_acquisition is not None:
        said.append(("customeracquisition", conversion.customer_acquisition))
    said += [(f"p{number}", conversion.custom[number]) for number in sorted(conversion.custom, key=_numerically)]
    return said


def _part(part: Part, currency: str) -> str:
    return f"{part.code}:{_amount(part.amount, currency, 'parts')}"


def _amount(amount: Decimal, currency: str, field: str) -> str:
    """Write an amount with its currency's minor digits, whatever scale it travelled with."""
    if amount < 0:
        raise Unreportable("negative_amount", field, f"{field} is negative: a sale is reported with zero or more")
    try:
        return money.written(amount, currency)
    except ArithmeticError as error:
        message = f"{field} has more digits than {currency} can express: it was not rounded when the order was decided"
        raise Unreportable("bad_amount", field, message) from error


def _numerically(number: str) -> tuple[int, str]:
    return len(number), number
