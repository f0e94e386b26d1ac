"""The operations that a broker reports as allowed on a group and on topics: without any ACL, all."""

import uuid

import pytest

from service.kafka.compat.acl_probe import on_group, on_topics

TOPIC = "purchasing.events.order.v1"


async def test_a_brokers_answer_about_a_group_is_read(admin):
    assert await on_group(admin, f"unknown-{uuid.uuid4().hex}") == {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}


async def test_aiokafka_itself_reads_the_answer_by_a_schema_without_the_operations(admin, unpatched):
    with pytest.raises(KeyError, match="authorized_operations"):
        await on_group(admin, f"unknown-{uuid.uuid4().hex}")


async def test_a_brokers_answer_about_topics_is_read(admin):
    """aiokafka has no request for it."""
    assert await on_topics(admin, [TOPIC, "absent"]) == {TOPIC: {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}}
