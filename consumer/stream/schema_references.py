"""Making a schema complete in itself that refers to others of its registry by their full names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastavro.types import Schema

_NAMED = frozenset({"record", "error", "enum", "fixed"})


def inline(text: str, references: Mapping[str, str]) -> str:
    """Return a schema with each referred type written out where it is named first, as Avro demands.

    Args:
        text: the schema.
        references: the texts of the types that it, or one of them, refers to, by full name.

    Raises:
        ValueError: a text is no Avro schema.
    """
    try:
        return json.dumps(_Inlining(references).expand(json.loads(text), ""))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no Avro schema: {type(error).__name__}") from error


class _Inlining:
    def __init__(self, references: Mapping[str, str]) -> None:
        self._missing = dict(references)

    def expand(self, schema: Schema, namespace: str) -> Schema:
        if isinstance(schema, list):
            return [self.expand(branch, namespace) for branch in schema]
        if isinstance(schema, str):
            return self._named(schema, namespace)
        kind = schema.get("type")
        if kind in _NAMED:
            namespace = _namespace(schema, namespace)
            fields = [field | {"type": self.expand(field["type"], namespace)} for field in schema.get("fields", ())]
            return schema | ({"fields": fields} if fields else {})
        if kind in {"array", "map"}:
            inner = "items" if kind == "array" else "values"
            return schema | {inner: self.expand(schema[inner], namespace)}
        return schema | {"type": self.expand(schema["type"], namespace)}

    def _named(self, name: str, namespace: str) -> Schema:
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        text = self._missing.pop(full, None)
        # The text of a type stands alone: it inherits no namespace.
        return name if text is None else self.expand(json.loads(text), "")


def _namespace(schema: Mapping[str, Any], inherited: str) -> str:
    name = str(schema.get("name", ""))
    if "." in name:
        return name.rpartition(".")[0]
    return str(schema.get("namespace", inherited))
