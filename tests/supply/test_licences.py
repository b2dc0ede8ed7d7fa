"""Whether all that we run with may be used as it is."""

from __future__ import annotations

import pytest

from tools.licences import BEGIN, END, PAGE, kind_of, licence_of, locked, table


def test_the_page_lists_them() -> None:
    """As `python -m tools.licences` writes it."""
    written = PAGE.read_text("utf-8")
    assert written[written.index(BEGIN) + len(BEGIN) : written.index(END)] == table()


def test_none_is_refused_or_unknown() -> None:
    """A strong copyleft would bind us; an unknown licence allows nothing."""
    assert {pin.name: kind_of(licence_of(pin.name)) for pin in locked() if pin.name != "certifi"} == {
        pin.name: "permissive" for pin in locked() if pin.name != "certifi"
    }
    assert kind_of(licence_of("certifi")) == "file copyleft"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "permissive"),
        ("MPL-2.0", "file copyleft"),
        ("GPL-3.0-only", "refused"),
        ("AGPL-3.0-or-later", "refused"),
        ("LGPL-2.1-only", "refused"),
        ("LicenseRef-Proprietary", "refused"),
        ("GPL-2.0-only OR Apache-2.0", "permissive"),
        ("Apache-2.0 AND BSD-2-Clause", "permissive"),
        ("MIT AND GPL-3.0-only", "refused"),
        ("MIT AND MPL-2.0 OR GPL-3.0-only", "file copyleft"),
        ("(MIT)", "refused"),
        ("", "refused"),
    ],
)
def test_expressions(expression: str, kind: str) -> None:
    """Of alternatives the best counts, of what holds together the worst; what is not understood is refused."""
    assert kind_of(expression) == kind


def test_a_package_that_is_not_there_is_told() -> None:
    """Nobody can say its licence."""
    with pytest.raises(LookupError, match="no-such-package is not installed"):
        licence_of("no-such-package")
