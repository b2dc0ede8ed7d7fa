"""What is wrong with the topics that exist, compared with the plan (DESIGN 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from confluent_kafka.admin import AdminClient
from msgspec import Struct

from consumer.stream.topics import TopicFacts, TopicPlan, TopicSpec, configs, describe, owned

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """One thing that is not as it must be (error) or had better be (warning)."""

    severity: Severity
    topic: str
    setting: str
    found: str
    wanted: str
    advice: str


def check(admin: AdminClient, plan: TopicPlan, timeout_s: float = 10.0) -> list[Finding]:
    """Compare inputs and our own topics with the plan; return what differs, errors first.

    While the inputs are missing, ours are not looked at, since their partitions follow the inputs'.

    Raises:
        Unavailable: no answer in time.
        TopicError: the broker refuses to tell.
    """
    inputs = (plan.session_landed, plan.order_completed)
    facts = describe(admin, [*inputs, *(spec.name for spec in owned(plan, 1))], timeout_s)
    found = configs(admin, facts, timeout_s)
    findings = _check_counts(inputs, facts)
    for name in inputs:
        if name in facts:
            findings += _check_input(name, found[name], plan)
    counts = [facts[name].partitions for name in inputs if name in facts]
    for spec in owned(plan, counts[0]) if counts else ():
        if spec.name in facts:
            findings += _check_owned(spec, facts[spec.name], found[spec.name])
        else:
            findings.append(
                Finding("error", spec.name, "topic", "missing", "exists", "run `awin-consumer topics create`")
            )
    return sorted(findings, key=lambda each: each.severity)


def _check_counts(inputs: tuple[str, str], facts: Mapping[str, TopicFacts]) -> list[Finding]:
    findings = [
        Finding("error", name, "topic", "missing", "exists", "it is an input: have its producer create it")
        for name in inputs
        if name not in facts
    ]
    if not findings:
        first, second = (facts[name].partitions for name in inputs)
        if first != second:
            advice = f"sessions and orders of a visitor must meet: give both as many as {inputs[0]} has"
            findings.append(Finding("error", inputs[1], "partitions", str(second), str(first), advice))
    return findings


def _check_input(name: str, config: Mapping[str, str], plan: TopicPlan) -> list[Finding]:
    findings = []
    if (found := config["message.timestamp.type"]) != "LogAppendTime":
        advice = "with CreateTime a producer's wrong clock moves the watermark and the start at cut-over"
        findings.append(Finding("warning", name, "message.timestamp.type", found, "LogAppendTime", advice))
    if "compact" in (found := config["cleanup.policy"]):
        advice = "compaction keeps only a key's last record: earlier ones are lost if we come late"
        findings.append(Finding("warning", name, "cleanup.policy", found, "delete", advice))
    most = plan.max_message_bytes // 2
    if int(found := config["max.message.bytes"]) > most:
        advice = "a dead letter keeps only the start of a larger record: raise topics.max_message_bytes to twice this"
        findings.append(Finding("warning", name, "max.message.bytes", found, f"at most {most}", advice))
    return findings


def _check_owned(spec: TopicSpec, facts: TopicFacts, config: Mapping[str, str]) -> list[Finding]:
    findings = []
    if facts.partitions != spec.partitions:
        advice = "make it anew while it is empty; more partitions for one in use would send keys elsewhere"
        found, wanted = str(facts.partitions), str(spec.partitions)
        findings.append(Finding("error", spec.name, "partitions", found, wanted, advice))
    if facts.replication < spec.replication:
        advice = "add replicas with kafka-reassign-partitions"
        found, wanted = str(facts.replication), str(spec.replication)
        findings.append(Finding("error", spec.name, "replication factor", found, wanted, advice))
    for setting, wanted in spec.config.items():
        severity = _RULES.get(setting, _equal)(config[setting], wanted)
        if severity is not None:
            change = f"--entity-type topics --entity-name {spec.name} --add-config {setting}=[{wanted}]"
            advice = f"kafka-configs --alter {change}"
            findings.append(Finding(severity, spec.name, setting, config[setting], wanted, advice))
    return findings


def _equal(found: str, wanted: str) -> Severity | None:
    return None if sorted(found.split(",")) == sorted(wanted.split(",")) else "error"


def _at_least(found: str, wanted: str) -> Severity | None:
    return None if int(found) >= int(wanted) else "error"


def _retained(found: str, wanted: str) -> Severity | None:
    """Too short loses records; too long (-1: for ever) only keeps personal data needlessly."""
    if found == wanted:
        return None
    return "warning" if int(found) == -1 or int(found) > int(wanted) else "error"


_RULES: dict[str, Callable[[str, str], Severity | None]] = {
    "min.insync.replicas": _at_least,
    "max.message.bytes": _at_least,
    "delete.retention.ms": _at_least,
    "retention.ms": _retained,
}
