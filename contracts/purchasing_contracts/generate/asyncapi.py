"""The AsyncAPI 3 document of all topics, made from the registry, the schemas and the examples."""

from importlib.metadata import version
from typing import Any

from purchasing_contracts.base import MessageData
from purchasing_contracts.binding import header_of
from purchasing_contracts.generate.promises import INTRODUCTION, promises_of
from purchasing_contracts.generate.samples import EVENTS
from purchasing_contracts.generate.valid import valid_examples
from purchasing_contracts.schema import Json, schema_of
from purchasing_contracts.topics import TOPICS, Topic

BINDING = "0.5.0"

_BINARY_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "traceparent")
_REMOVED = ("$schema", "$id", "$defs", "$comment", "x-topic", "x-direction")


def asyncapi() -> Json:
    """The document, from the service's side: it receives what others send, and sends what they receive."""
    topics = [topic for topic in TOPICS if topic.messages]
    return {
        "asyncapi": "3.0.0",
        "id": "urn:purchasing:contracts",
        "info": {
            "title": "Overseas purchasing",
            "version": version("purchasing-contracts"),
            "description": INTRODUCTION,
            "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "kafka"}, {"name": "cloudevents"}],
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {_operation_name(topic): _operation(topic) for topic in topics},
        "components": {
            "messages": {
                name: message
                for topic in topics
                for cls in topic.messages
                for name, message in _messages(topic, cls).items()
            },
            "schemas": _schemas(topics),
        },
    }


def _channel(topic: Topic) -> Json:
    promises = promises_of(topic)
    return {
        "address": topic.name,
        "title": promises["title"],
        "description": "\n\n".join(
            f"**{name.capitalize()}.** {text}" for name, text in promises.items() if name != "title"
        ),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": BINDING,
            }
        },
        **{f"x-{name}": text for name, text in promises.items() if name != "title"},
        "x-partitioner": "murmur2_random",
    }


def _configuration(topic: Topic) -> Json:
    settings: Json = dict(topic.settings)
    settings["cleanup.policy"] = settings["cleanup.policy"].split(",")
    settings["retention.ms"] = int(settings["retention.ms"])
    return settings


def _operation_name(topic: Topic) -> str:
    short = topic.name.removeprefix("purchasing.").removesuffix(".v1")
    return f"{'receive' if topic.direction == 'in' else 'send'}.{short}"


def _operation(topic: Topic) -> Json:
    reads = topic.direction == "in"
    operation: Json = {
        "action": "receive" if reads else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "title": promises_of(topic)["title"],
        "summary": "You write, the service reads." if reads else "The service writes, you read.",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _message_names(topic)],
    }
    if reads:
        group = {"type": "string", "default": "purchasing", "description": "PURCHASING_CONSUMER_GROUP of the service."}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": BINDING}}
    return operation


def _message_names(topic: Topic) -> list[str]:
    """A message's names: what we read comes in either mode, what we write in structured mode only."""
    modes = ("", ".binary") if topic.direction == "in" else ("",)
    return [f"{message.TYPE}{mode}" for message in topic.messages for mode in modes]


def _messages(topic: Topic, cls: type[MessageData]) -> dict[str, Json]:
    schema = schema_of(cls)
    type_ = cls.TYPE
    common: Json = {
        "title": cls.__name__,
        "summary": schema["description"],
        "bindings": {"kafka": {"key": _key(schema), "bindingVersion": BINDING}},
    }
    if "deprecated" in schema:
        common |= {"tags": [{"name": "deprecated"}], "x-deprecated": schema["x-deprecated"]}
    structured = {
        "name": type_,
        **common,
        "contentType": "application/cloudevents+json",
        "headers": _structured_headers(),
        "payload": {"$ref": f"#/components/schemas/{type_}"},
        "examples": _structured_examples(type_),
    }
    if topic.direction != "in":
        return {type_: structured}
    binary = {
        "name": f"{type_}.binary",
        **common,
        "title": f"{cls.__name__} (binary mode)",
        "description": "The same message with its attributes in headers: the value is the data alone.",
        "contentType": "application/json",
        "headers": _binary_headers(schema),
        "payload": _plain(schema["properties"]["data"]),
        "examples": [_binary_example(type_)],
    }
    return {type_: structured, f"{type_}.binary": binary}


def _key(schema: Json) -> Json:
    subject = schema["properties"]["subject"]
    return {**subject, "description": f"{subject['description']} As UTF-8; required, and equal to `subject`."}


def _structured_headers() -> Json:
    media_type = {"type": "string", "const": "application/cloudevents+json", "description": "Structured mode."}
    return {"type": "object", "properties": {"content-type": media_type}}


def _binary_headers(schema: Json) -> Json:
    attributes = schema["properties"]
    headers = {header_of(name): attributes[name] for name in _BINARY_ATTRIBUTES}
    headers["ce_traceparent"] = {"type": "string", "description": attributes["traceparent"]["description"]}
    media_type = {
        "type": "string",
        "const": "application/json",
        "description": "The data's; JSON of any kind is taken.",
    }
    required = [header_of(name) for name in schema["required"] if name in _BINARY_ATTRIBUTES]
    return {"type": "object", "required": required, "properties": {**headers, "content-type": media_type}}


def _structured_examples(type_: str) -> list[Json]:
    headers = {"content-type": "application/cloudevents+json"}
    examples = valid_examples(type_)
    names = ("minimal", "whole", "tolerated") if type_ in EVENTS else ("minimal", "whole")
    return [{"name": name, "headers": headers, "payload": examples[name]} for name in names]


def _binary_example(type_: str) -> Json:
    whole = valid_examples(type_)["whole"]
    headers = {header_of(name): whole[name] for name in _BINARY_ATTRIBUTES if name in whole}
    headers["content-type"] = "application/json"
    return {"name": "whole", "headers": headers, "payload": whole["data"]}


def _schemas(topics: list[Topic]) -> dict[str, Json]:
    """The schema of each message under its type, and the shapes that messages share, once."""
    schemas: dict[str, Json] = {}
    for cls in (cls for topic in topics for cls in topic.messages):
        schema = schema_of(cls)
        own = {name: value for name, value in schema.items() if name not in _REMOVED}
        for name, shape in {cls.TYPE: own, **schema["$defs"]}.items():
            made = _plain(shape)
            if schemas.setdefault(name, made) != made:
                raise ValueError(f"two shapes have the name {name}")
    return schemas


def _plain(value: Any) -> Any:
    """A schema as AsyncAPI has it: its dialect is older, and ignores what stands beside a reference."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        target = {"$ref": reference.replace("#/$defs/", "#/components/schemas/")}
        rest = {name: _plain(item) for name, item in value.items() if name != "$ref"}
        return {"allOf": [target], **rest} if rest else target
    return {name: _plain(item) for name, item in value.items()}
