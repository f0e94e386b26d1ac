"""Ask the broker which operations this user may do on topics and groups. Nothing is tried.

aiokafka does not ask for the operations on topics, so this module has that request as Kafka's protocol defines it
(since 2.3).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from service.kafka.compat.group_coordinator import retry_without_coordinator

Allowed = Mapping[str, frozenset[str]]
"""By name, which of OPERATIONS the user may do."""

OPERATIONS = {3: "READ", 4: "WRITE", 8: "DESCRIBE", 10: "DESCRIBE_CONFIGS"}
"""By the bit that stands for it."""

_TEXT = String("utf-8")


class _TopicsAnswer(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("authorized_operations", Int32),
    )


class _TopicsQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _TopicsAnswer
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _AboutTopics(Request[_TopicsQuestion]):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_TopicsQuestion]) -> _TopicsQuestion:
        return request_struct_class(self._topics, False, False, True)


def read_operations_on_groups() -> None:
    """Patch the answer about groups for this process: aiokafka reads version 3 by the schema of 2. Idempotent."""
    DescribeGroupsRequest_v3.RESPONSE_TYPE = DescribeGroupsResponse_v3


async def on_topics(admin: Any, topics: Iterable[str]) -> Allowed:
    """Return the allowed operations per existing topic. Raises KafkaError."""
    answer = (await admin._send_request(_AboutTopics(topics))).to_object()
    seen = (0, TopicAuthorizationFailedError.errno)
    return {one["topic"]: _operations(one) for one in answer["topics"] if one["error_code"] in seen}


async def on_group(admin: Any, group: str) -> frozenset[str]:
    """Return the allowed operations on a group, which need not exist; after `install()`. Raises KafkaError."""

    async def request() -> frozenset[str]:
        (described,) = await admin.describe_consumer_groups([group], include_authorized_operations=True)
        answer = described.to_object()["groups"][0]
        # A coordinator that is loading its groups does not answer about rights.
        if answer["error_code"]:
            raise for_code(answer["error_code"])(group)
        return _operations(answer)

    try:
        return await retry_without_coordinator(request)
    except GroupAuthorizationFailedError:
        return frozenset()


def _operations(one: Mapping[str, Any]) -> frozenset[str]:
    if one["error_code"]:
        return frozenset()
    return frozenset(name for bit, name in OPERATIONS.items() if one["authorized_operations"] >> bit & 1)
