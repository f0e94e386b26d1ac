"""Which ACL an error of Kafka's says is missing, in a sentence that says what to grant."""

from __future__ import annotations

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from purchasing_contracts.topics import TOPICS

WHERE = "deploy/rights.md"


def missing_acl(error: BaseException) -> str | None:
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
