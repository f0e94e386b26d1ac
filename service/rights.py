"""What the service may do at Kafka, and what an error says when it lacks one of these rights.

`deploy/rights.md` is the same list for people, `topics rights` prints it with this installation's names, and the tests
give the service exactly these: with less it says what is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from purchasing_contracts.topics import OUTBOX, TOPICS

WHERE = "deploy/rights.md"


class Right(NamedTuple):
    """One ACL: the operations allowed on the resource, or (`prefixed`) on all whose names begin so."""

    kind: str
    """TOPIC, GROUP or TRANSACTIONAL_ID."""
    name: str
    operations: tuple[str, ...]
    why: str
    prefixed: bool = False

    def covers(self, kind: str, name: str) -> bool:
        """Whether it is a right on this resource."""
        return self.kind == kind and (name.startswith(self.name) if self.prefixed else name == self.name)

    def __str__(self) -> str:
        pattern = "prefixed" if self.prefixed else "literal"
        return f"{' '.join(self.operations):22} {self.kind:17} {pattern:9} {self.name:42} {self.why}"


def rights(group: str, outbox_id: str) -> tuple[Right, ...]:
    """The least with which the service runs; nothing on the cluster. READ and WRITE imply DESCRIBE."""
    return (
        Right("TOPIC", "purchasing.events.", ("READ",), "what it hears", prefixed=True),
        Right("GROUP", group, ("READ",), "how far it has read"),
        Right("TOPIC", "purchasing.commands.", ("WRITE",), "what is to be done", prefixed=True),
        Right("TOPIC", "purchasing.decisions.v1", ("WRITE",), "what was decided"),
        Right("TOPIC", "purchasing.quarantine.v1", ("WRITE",), "which records break the contract"),
        Right("TOPIC", OUTBOX.name, ("READ", "WRITE"), "how far each lane is published"),
        Right("GROUP", f"{outbox_id}.relay", ("READ",), "which lanes are a worker's"),
        Right("TRANSACTIONAL_ID", f"{outbox_id}.", ("WRITE",), "each output once", prefixed=True),
        Right("TOPIC", "purchasing.", ("DESCRIBE_CONFIGS",), "whether topics are set up as they should", prefixed=True),
    )


def missing_right(error: BaseException) -> str | None:
    """In a sentence, what Kafka refused the user and what to grant; None for errors of another kind."""
    about = str(error.args[0]) if error.args else ""
    if isinstance(error, TopicAuthorizationFailedError):
        names = refused_topics(error)
        if not names:
            return f"Kafka refuses a topic to the user: compare its rights with {WHERE}"
        return "; ".join(to_grant(name) for name in names)
    if isinstance(error, GroupAuthorizationFailedError):
        return group_to_grant(about)
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return f"transactional id {about}: Kafka refuses it to the user, grant WRITE on this outbox's ({WHERE})"
    # Its subclasses say themselves what is refused.
    if type(error) is SaslAuthenticationFailed:
        return "Kafka refuses the user or the password: check PURCHASING_KAFKA_SASL_USERNAME, _PASSWORD and _MECHANISM"
    return None


def refused_topics(error: BaseException) -> list[str]:
    """Which topics of the registry Kafka refuses the user by this error; none, if it is about something else."""
    about = str(error.args[0]) if error.args and isinstance(error, TopicAuthorizationFailedError) else ""
    return sorted(topic for topic in TOPIC_NAMES if topic in about)


def to_grant(topic: str) -> str:
    """In a sentence, that Kafka refuses the user this topic of the registry, and what to grant."""
    (needed,) = [NEEDED[one.direction] for one in TOPICS if one.name == topic]
    return f"{topic}: Kafka refuses it to the user, grant {needed} on it ({WHERE})"


def group_to_grant(group: str) -> str:
    """In a sentence, that Kafka refuses the user this group, and what to grant."""
    return f"group {group}: Kafka refuses it to the user, grant READ on it ({WHERE})"


NEEDED = {"in": "READ", "out": "WRITE", "internal": "READ and WRITE"}
TOPIC_NAMES = tuple(topic.name for topic in TOPICS)
SEE_SETTINGS = (
    "The topics' settings can't be compared, and nobody is warned before messages are removed unread: "
    f"Kafka refuses them to the user, grant DESCRIBE_CONFIGS on the topics ({WHERE})"
)
