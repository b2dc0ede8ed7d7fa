"""The settings' reference page, made from the fields' own types, defaults and descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from consumer.settings import Settings

_INTRODUCTION = """\
# Configuration

<!-- Generated: awin-consumer settings reference > docs/configuration.md -->

Settings come from a YAML file and from environment variables, which win. The file is the one named by `--config` or
`AWIN_CONFIG`, else `config.yaml` in the current folder if there is one. `config.example.yaml` is a commented start.
Unknown settings are refused. `awin-consumer check` tells whether a configuration works.

A **duration** is a number with a unit: `250ms`, `10s`, `5m`, `24h`, `30d`. In an environment variable, lists and
mappings are JSON: `AWIN_PROGRAMMES='[{"advertiser_id": "1001"}]'`.

## Fields of an order

Conditions (`programmes[].when`, `orders.exclude`) and custom parameters name fields of an order: `order_id`,
`order_ref`, `visitor_id`, `session_id`, `customer_id`, `currency`, `customer_type`, `consent`, `market`, `channel`,
`test`, `voucher_codes`; `custom.NAME` for an entry of `custom`; `lines.product_id`, `lines.sku`, `lines.name`,
`lines.category`, `lines.commission_group` for what any line has. A condition gives one value or a list, and holds when
the field has any of them; `null` stands for a field that is empty or absent. What they mean exactly stands in
[attribution.md](attribution.md), section 8.
"""
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_NAMES: Mapping[object, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    Path: "path",
    AwareDatetime: "date and time with its zone",
}


class Setting(NamedTuple):
    """One row of the reference, in plain text but for code marks."""

    key: str
    type: str
    default: str
    variable: str
    description: str


def markdown() -> str:
    """Return the whole page."""
    sections = [_INTRODUCTION]
    top = [setting for setting in settings() if "." not in setting.key]
    sections.append(f"## Top level\n\n{_table(top)}")
    for name, info in Settings.model_fields.items():
        rows = [setting for setting in settings() if setting.key.startswith((f"{name}.", f"{name}[]."))]
        if rows:
            model = _model(info.annotation)
            about = f"{model.__doc__}\n\n" if model is not None and model.__doc__ else ""
            sections.append(f"## {name}\n\n{about}{_table(rows)}")
    return "\n".join(sections)


def settings() -> list[Setting]:
    """Return every setting, in the order in which they are declared."""
    return list(_settings(Settings, "", "AWIN_"))


def _settings(model: type[BaseModel], prefix: str, variable: str) -> Iterator[Setting]:
    for name, info in model.model_fields.items():
        inner = _model(info.annotation)
        is_list = _item(info.annotation) is not None
        if inner is not None and is_list:
            yield _setting(prefix + name, variable + name.upper(), info)
            yield from (each._replace(variable="") for each in _settings(inner, f"{prefix}{name}[].", ""))
        elif inner is not None:
            yield from _settings(inner, f"{prefix}{name}.", f"{variable}{name.upper()}__")
        else:
            yield _setting(prefix + name, variable + name.upper(), info)


def _setting(key: str, variable: str, info: FieldInfo) -> Setting:
    default = "**required**" if info.is_required() else _default(info.get_default(call_default_factory=True))
    return Setting(key, _type(info.annotation) + _limits(info.metadata), default, variable, info.description or "")


def _table(rows: Sequence[Setting]) -> str:
    lines = ["| setting | type | default | description |", "|---|---|---|---|"]
    for row in rows:
        names = f"`{row.key}`" + (f"<br>`{row.variable}`" if row.variable else "")
        cells = (names, row.type, row.default, row.description.replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _model(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field is, or is a list of."""
    candidate = _bare(_item(annotation) or annotation)
    kinds = get_args(candidate) if get_origin(candidate) in {Union, UnionType} else (candidate,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _item(annotation: object) -> object | None:
    """Return what a list is of; ``None`` for what is no list."""
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


def _bare(annotation: object) -> object:
    """Return what an annotated type is without its annotations."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _type(annotation: object) -> str:
    annotation = _bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in {Union, UnionType}:
        return " or ".join(_type(each) for each in arguments if each is not NoneType)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "mapping"
    return "sections" if _model(annotation) else _NAMES[annotation]


def _limits(metadata: Sequence[Any]) -> str:
    least = next((f", at least {_limit(each.ge)}" for each in metadata if isinstance(each, Ge)), "")
    above = next((f", more than {_limit(each.gt)}" for each in metadata if isinstance(each, Gt)), "")
    most = next((f", at most {_limit(each.le)}" for each in metadata if isinstance(each, Le)), "")
    return least + above + most


def _limit(value: object) -> object:
    return _duration(value) if isinstance(value, timedelta) else value


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, timedelta):
        return f"`{_duration(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | dict):
        return f"`{json.dumps(value)}`"
    return f"`{value}`"


def _duration(value: timedelta) -> str:
    """Write a duration as the settings take it, in the largest unit that divides it."""
    milliseconds = value // timedelta(milliseconds=1)
    return next(f"{milliseconds // size}{unit}" for unit, size in _UNITS if milliseconds % size == 0)
