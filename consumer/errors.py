"""Every error this package raises on purpose.

::

    ConsumerError
    ├── SettingsError            the configuration cannot be used
    ├── KafkaError               something about the broker or its topics
    │   ├── Unavailable          no answer in time: wait and try again
    │   ├── TopicError           a topic is missing or not as it must be
    │   ├── OffsetsLost          committed offsets are gone or out of range
    │   ├── RecordTooLarge       a record does not fit its topic
    │   ├── Rebalanced           the transaction was aborted: rewind and go on
    │   └── Fenced               another instance took our place: exit
    ├── StateError               local state cannot be used
    │   └── RestoreStalled       a changelog gave nothing for too long
    ├── OutputError              a file cannot be written, or its state is not known
    ├── SchemaUnavailable        the schema registry does not answer: wait
    ├── Unfound                  what was asked for is not in the topics
    ├── Flood                    too much bad input: stop loudly
    └── Reject                   one record is bad input: dead letter
        ├── Undecodable          its bytes are not of a schema we know
        └── Unreportable         its content cannot be told to Awin
"""

from __future__ import annotations


class ConsumerError(Exception):
    """Root of the tree. Its text says what is wrong, where, and what to do next."""


class SettingsError(ConsumerError):
    """Raised when the configuration is refused; the text names the setting. Correct it and start again."""


class KafkaError(ConsumerError):
    """Raised for anything about the broker that a caller may want to catch as one."""


class Unavailable(KafkaError):
    """Raised when the broker did not answer in time. Nothing was changed; the caller waits and tries again."""


class TopicError(KafkaError):
    """Raised when a topic is missing, re-created or has the wrong partitions. The stage stops."""


class OffsetsLost(KafkaError):
    """Raised when committed offsets are missing or out of range although there is state. The stage stops."""


class RecordTooLarge(KafkaError):
    """Raised for a record that its topic does not take. Nothing was added; the open transaction goes on."""

    def __init__(self, topic: str, size: int, limit: int) -> None:
        super().__init__(
            f"a record of {size} bytes for {topic} is over the limit of {limit} bytes (topics.max_message_bytes)"
        )
        self.topic = topic
        self.size = size
        self.limit = limit


class Rebalanced(KafkaError):
    """Raised by a commit that the group refused. The transaction is aborted; the caller drops what it carried."""


class Fenced(KafkaError):
    """Raised when another producer with our transactional id took over, or the client is broken. Exit non-zero."""


class StateError(ConsumerError):
    """Raised when local state is of an unknown version or another program holds its lock. The stage stops."""


class RestoreStalled(StateError):
    """Raised when a changelog read makes no progress past its deadline. The stage stops."""


class OutputError(ConsumerError):
    """Raised when files cannot be written where they should go. The text names the folder or file; nothing is lost."""


class SchemaUnavailable(ConsumerError):
    """Raised when a schema cannot be looked up just now. Not the record's fault; the caller waits."""


class Unfound(ConsumerError):
    """Raised when the topics do not hold what somebody asked for. Ask for something else."""


class Flood(ConsumerError):
    """Raised when the share of dead letters says that the producer or the configuration is wrong. The stage stops."""


class Reject(ConsumerError):
    """Raised for one bad record. The caller writes a dead letter; good records go on.

    Args:
        reason: a short fixed word for metrics and filters, such as ``order_ref_too_long``.
        field: the field that is wrong, or ``""`` when it is the record as a whole.
        message: what is wrong and what to do; holds no awc, visitor id or URL.
    """

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
        self.message = message


class Undecodable(Reject):
    """Raised when the bytes of a record are not of a schema that we know."""


class Unreportable(Reject):
    """Raised when a decoded record says something that cannot be expressed in a request to Awin."""
