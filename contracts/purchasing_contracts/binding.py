"""The parts of a Kafka record: its size, the frame of a schema registry, and the headers of CloudEvents' binary mode.

Source: CloudEvents 1.0, Kafka protocol binding. Headers `ce_*` hold attributes, as UTF-8 without percent-encoding; the
header `content-type` holds the data's media type. The frame is Confluent's: a zero byte and the schema's id, then JSON.
"""

from collections.abc import Sequence

Headers = Sequence[tuple[str, bytes | None]]

RECORD_SIZE_MAX = 1_000_000
"""Bytes of key, value, and names and values of headers."""

FRAME_SIZE = 5
"""Bytes of a schema registry's frame: zero, and four of the schema's id."""

_ATTRIBUTES = {f"ce_{name}": name for name in ("specversion", "id", "source", "type", "subject", "time", "traceparent")}


def size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return the size of a record in bytes: key, value, names and values of headers."""
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += len(name.encode("utf-8", "surrogatepass")) + len(content or b"")
    return size


def is_framed(value: bytes | None) -> bool:
    """Return whether a value has the frame of a schema registry. JSON never begins with a zero byte."""
    return value is not None and len(value) > FRAME_SIZE and value[0] == 0


def unframed(value: bytes | None) -> bytes | None:
    """Return a value without the frame of a schema registry, if it has one."""
    return value[FRAME_SIZE:] if value is not None and is_framed(value) else value


def binary_attributes(headers: Headers) -> dict[str, str] | None:
    """Return the attributes of a record in binary mode; None for other records.

    A record is in binary mode if it has a header `ce_specversion` and no `content-type` of CloudEvents' own. A null
    header counts as absent, and of several with one name the last counts, as in other Kafka libraries. A value that is
    not UTF-8 becomes a NUL, which no attribute may contain.
    """
    # Most records are in structured mode and return here.
    for header, _ in headers:
        if header == "ce_specversion":
            break
    else:
        return None
    found: dict[str, str | None] = {}
    for header, content in headers:
        name = "datacontenttype" if header.lower() == "content-type" else _ATTRIBUTES.get(header)
        if name is not None:
            found[name] = None if content is None else _text(content)
    attributes = {name: text for name, text in found.items() if text is not None}
    own = attributes.get("datacontenttype", "").lower().startswith("application/cloudevents")
    return attributes if "specversion" in attributes and not own else None


def header_of(attribute: str) -> str:
    """Return the header's name of an attribute in binary mode."""
    return "content-type" if attribute == "datacontenttype" else f"ce_{attribute}"


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "\0"
