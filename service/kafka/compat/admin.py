"""Requests that aiokafka's admin client lacks."""

from typing import Any

from aiokafka.protocol.metadata import MetadataRequest


async def describe_without_creating(admin: Any, names: list[str]) -> list[Any]:
    """Describe topics. Unlike the library's own request, this never makes the broker create them."""
    answer = await admin._send_request(MetadataRequest(names, allow_auto_topic_creation=False))
    topics: list[Any] = answer.to_object()["topics"]
    return topics
