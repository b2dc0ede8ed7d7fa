"""The plain server-to-server request: ``GET https://www.awin1.com/sread.php``.

Source: Awin's server-to-server page, whose template is
``?tt=ss&tv=2&merchant=&amount=&ch=&parts=GROUP:amount&vc=&cr=&ref=&testmode=&cks=``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import quote

from consumer.awin import wording
from consumer.errors import Unreportable
from consumer.events import Conversion, Product

ENDPOINT = "https://www.awin1.com/sread.php"
MAX_URL_CHARACTERS = 8_000
"""Awin names no limit; web servers commonly take 8 KB of request line."""
MAX_SALE_CHARACTERS = 32_000
"""No HTTP server takes more; many refuse much less (414), which is a rejection to be seen."""

_Parameters = list[tuple[str, str]]


class SreadRequest(NamedTuple):
    """A request, and what it leaves unsaid."""

    url: str
    """The whole of it, in ASCII, every value percent-encoded exactly once as UTF-8."""
    left_out: Literal["", "products", "products_and_custom"]
    """What did not fit the limit: product rows, and custom parameters from 2 on. The sale itself is always said."""


def request(conversion: Conversion, endpoint: str = ENDPOINT, max_characters: int = MAX_URL_CHARACTERS) -> SreadRequest:
    """Return the request for a conversion; over the limit it has no product rows, then no custom parameters.

    Raises:
        Unreportable: see `parameters`; or ``request_too_long``: the sale alone is longer than any server takes.
    """
    sale, custom, rows = _sale(conversion), _custom(conversion), _rows(conversion)
    request = _fitting(endpoint, sale, custom, rows, max_characters)
    if len(request.url) > max(MAX_SALE_CHARACTERS, max_characters):
        raise Unreportable(
            "request_too_long",
            "",
            f"the request has {len(request.url)} characters without product rows and custom parameters: look at the "
            "order's voucher codes and commission groups",
        )
    return request


def parameters(conversion: Conversion) -> list[tuple[str, str]]:
    """Return all that there is to say, name and unencoded value, in the order of Awin's template.

    Raises:
        Unreportable: ``negative_amount``, or ``bad_amount`` for one that the currency's minor digits cannot express.
    """
    return _sale(conversion) + _custom(conversion) + _rows(conversion)


def _fitting(
    endpoint: str, sale: _Parameters, custom: _Parameters, rows: _Parameters, max_characters: int
) -> SreadRequest:
    url = _url(endpoint, sale + custom + rows)
    if len(url) <= max_characters or not (rows or len(custom) > 1):
        return SreadRequest(url, "")
    url = _url(endpoint, sale + custom)
    if len(url) <= max_characters or len(custom) <= 1:
        return SreadRequest(url, "products")
    return SreadRequest(_url(endpoint, sale + custom[:1]), "products_and_custom")


def _url(endpoint: str, said: _Parameters) -> str:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in said)
    return f"{endpoint}?{query}"


def _sale(conversion: Conversion) -> _Parameters:
    said = [
        ("tt", "ss"),
        ("tv", "2"),
        ("merchant", conversion.programme),
        ("amount", wording.amount(conversion.amount, conversion.currency, "amount")),
        ("ch", conversion.channel),
        ("parts", wording.parts(conversion)),
        ("vc", wording.voucher(conversion)),
        ("cr", conversion.currency),
        ("ref", conversion.order_ref),
        ("testmode", wording.flag(wording.is_test(conversion))),
    ]
    if conversion.click_checksums:
        said.append(("cks", ",".join(conversion.click_checksums)))
    if conversion.customer_acquisition is not None:
        said.append(("customeracquisition", conversion.customer_acquisition))
    return said


def _custom(conversion: Conversion) -> _Parameters:
    return [(f"p{number}", text) for number, text in wording.custom(conversion)]


def _rows(conversion: Conversion) -> _Parameters:
    """Return a row for each product; none where the reference holds a pipe, since a row could not name its order."""
    if "|" in conversion.order_ref:
        return []
    return [(f"bd[{index}]", _row(conversion, product)) for index, product in enumerate(conversion.products)]


def _row(conversion: Conversion, product: Product) -> str:
    """Write ``AW:P|advertiser|ref|product id|name|unit price|quantity|sku|group|category``."""
    values = (
        "AW:P",
        conversion.programme,
        conversion.order_ref,
        product.product_id,
        product.name,
        wording.amount(product.unit_price, conversion.currency, "products"),
        str(product.quantity),
        product.sku,
        product.group,
        product.category,
    )
    return "|".join(wording.product_text(value) for value in values)
