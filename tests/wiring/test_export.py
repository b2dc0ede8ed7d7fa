"""What the settings say of offline files."""

from __future__ import annotations

import pytest

from consumer.awin.offline import Layout
from consumer.errors import SettingsError
from consumer.settings import Settings, parse
from consumer.wiring.export import layout
from consumer.wiring.operator import writer_id


def settings(**offline: object) -> Settings:
    """Return settings in which files are like this."""
    return parse({"programmes": [{"advertiser_id": "1001"}], "offline": offline, "kafka": {"group": "shop"}})


def test_the_default_layout_is_that_of_the_encoder() -> None:
    """AWIN.md 7's columns, with commas."""
    assert layout(settings()) == Layout()


def test_columns_replace_the_default_ones() -> None:
    """In the order given, none of the default ones beside them."""
    columns = {"Date": "completed_at", "Order no.": "order_ref", "Market": "custom.2", "Net": "amount"}
    found = layout(settings(columns=columns, delimiter="semicolon"))
    assert found == Layout(tuple(columns.items()), ";")
    assert layout(settings(delimiter="tab")).delimiter == "\t"


@pytest.mark.parametrize(
    ("offline", "told"),
    [
        ({"columns": {}}, "offline.columns"),
        ({"columns": {"r": "order_ref", "t": "completed_at", "a": "amount"}}, "first column must carry completed_at"),
        ({"columns": {"t": "completed_at", "a": "amount"}}, "no column carries order_ref"),
        ({"columns": {"t": "completed_at", "r": "order_ref"}}, "no column carries amount"),
        ({"columns": {"a": "order"}}, "no such field; there are completed_at, order_ref, "),
        ({"columns": {"a": "custom.p2"}}, "no such field"),
        ({"columns": {"": "order_ref"}}, "offline.columns"),
        ({"columns": {"a\nb": "order_ref"}}, "offline.columns"),
        ({"delimiter": ","}, "offline.delimiter"),
        ({"header": True}, "offline.header"),
    ],
)
def test_what_no_file_can_be_is_refused(offline: dict[str, object], told: str) -> None:
    """At start, naming the setting."""
    with pytest.raises(SettingsError, match=told):
        settings(**offline)


def test_all_exports_of_a_group_have_one_id() -> None:
    """So that a second one fences the first."""
    assert writer_id(settings()) == "shop-operator"
