"""Sentences for missing ACLs: what Kafka refused, and what to grant."""

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
    """Return in a sentence what Kafka refused and what to grant; None for other errors."""
    about = str(error.args[0]) if error.args else ""
    if isinstance(error, TopicAuthorizationFailedError):
        names = refused_topics(error)
        if not names:
            return f"Kafka refuses the user a topic: compare the user's rights with {WHERE}"
        return "; ".join(to_grant(name) for name in names)
    if isinstance(error, GroupAuthorizationFailedError):
        return group_to_grant(about)
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return f"transactional id {about}: Kafka refuses it to the user; grant WRITE on this outbox's ids ({WHERE})"
    # Subclasses have a text of their own.
    if type(error) is SaslAuthenticationFailed:
        return "Kafka refuses the user or the password: check PURCHASING_KAFKA_SASL_USERNAME, _PASSWORD and _MECHANISM"
    return None


def refused_topics(error: BaseException) -> list[str]:
    """Return the topics of the registry that this error refuses; empty for other errors."""
    about = str(error.args[0]) if error.args and isinstance(error, TopicAuthorizationFailedError) else ""
    return sorted(topic for topic in TOPIC_NAMES if topic in about)


def to_grant(topic: str) -> str:
    """Return the sentence for a refused topic of the registry."""
    (needed,) = [NEEDED[one.direction] for one in TOPICS if one.name == topic]
    return f"{topic}: Kafka refuses it to the user; grant {needed} on it ({WHERE})"


def group_to_grant(group: str) -> str:
    """Return the sentence for a refused group."""
    return f"group {group}: Kafka refuses it to the user; grant READ on it ({WHERE})"


NEEDED = {"in": "READ", "out": "WRITE", "internal": "READ and WRITE"}


TOPIC_NAMES = tuple(topic.name for topic in TOPICS)
