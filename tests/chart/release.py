"""What a release consists of: the objects of a values file, its workloads and all its pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from tools.chart import RELEASE, VALUES, Object, objects, values_of

NAMES = sorted(path.stem for path in VALUES.glob("*.yaml"))
"""The values files."""


def with_values(over: Mapping[str, Any], name: str = "minimal") -> Object:
    """Return the values of a file with others laid over them."""
    return _laid_over(values_of(name), over)


def _laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> Object:
    laid = deepcopy(dict(under))
    for key, value in over.items():
        below = laid.get(key)
        laid[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return laid


def release(values: Mapping[str, Any], kind: str, name: str = RELEASE) -> list[Object]:
    """Return the objects of a kind that values make."""
    return [each for each in objects(values, name) if each["kind"] == kind]


def pods(values: Mapping[str, Any]) -> Iterator[Object]:
    """Yield every pod that a release has or starts, with its metadata and spec; a hook's and the test's, too."""
    for each in objects(values):
        if each["kind"] == "Pod":
            yield each
        elif each["kind"] in {"StatefulSet", "Job"}:
            yield each["spec"]["template"]


def settings_text(values: Mapping[str, Any]) -> str:
    """Return the configuration that the consumer's pods read."""
    found = [each for each in release(values, "ConfigMap") if "config.yaml" in each["data"]]
    texts = {each["data"]["config.yaml"] for each in found}
    assert len(texts) == 1, "the hook reads other settings than the pods"
    return str(texts.pop())
