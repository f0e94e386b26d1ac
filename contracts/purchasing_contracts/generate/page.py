"""The AsyncAPI document as one page to read: no script, no network, nothing but this file."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --mark: #b35900; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); }
h3 { margin-top: 2rem; font-family: ui-monospace, monospace; font-size: 1.05rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { overflow-x: auto; padding: .7rem; background: #8881; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: left; vertical-align: top;
padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); } td:first-child { white-space: nowrap; }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; } .quiet { color: var(--quiet); }
.mark { color: var(--mark); font-size: .85em; } nav li { margin: .15rem 0; } summary { cursor: pointer; }
"""


def page(document: Json) -> str:
    """The page as one HTML text."""
    info = document["info"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{_text(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{_text(info["title"])} <span class="quiet">{_text(info["version"])}</span></h1>',
        *(f"<p>{in_words(paragraph)}</p>" for paragraph in info["description"].strip().split("\n\n")),
        *_contents(document),
        *(part for name in document["channels"] for part in _channel(name, document)),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _contents(document: Json) -> Iterator[str]:
    actions = {_last(one["channel"]): one["action"] for one in document["operations"].values()}
    for action, title in (("receive", "You write"), ("send", "You read")):
        yield f"<nav><strong>{title}</strong><ul>"
        for name, channel in document["channels"].items():
            if actions[name] == action:
                yield f'<li><a href="#{name}"><code>{name}</code></a> {_text(channel["title"])}</li>'
        yield "</ul></nav>"


def _channel(name: str, document: Json) -> Iterator[str]:
    channel = document["channels"][name]
    yield f'<section><h2 id="{name}">{_text(channel["title"])}</h2><p><code>{name}</code>'
    yield f"{channel['bindings']['kafka']['partitions']} partitions</p><dl>"
    for promise in ("key", "ordering", "delivery", "retention"):
        yield f"<dt>{promise.capitalize()}</dt><dd>{in_words(channel[f'x-{promise}'])}</dd>"
    yield "</dl>"
    for reference in channel["messages"].values():
        message = document["components"]["messages"][_last(reference)]
        if not message["name"].endswith(".binary"):
            yield from _message(message, document)
    yield "</section>"


def _message(message: Json, document: Json) -> Iterator[str]:
    name = message["name"]
    yield f'<h3 id="{name}">{name}</h3><p>{in_words(message["summary"])}{deprecation(message)}</p>'
    yield from data_table(message, document)
    binary = document["components"]["messages"].get(f"{name}.binary")
    shown = [(f"Example: {example['name']}", example["payload"]) for example in message["examples"]]
    if binary:
        example = binary["examples"][0]
        shown.append(("Example: binary mode", {"headers": example["headers"], "value": example["payload"]}))
    for title, content in shown:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        yield f"<details><summary>{_text(title)}</summary><pre>{_text(text)}</pre></details>"


def data_table(message: Json, document: Json) -> Iterator[str]:
    """The members of a message's data as a table; nothing where it has none."""
    schemas = document["components"]["schemas"]
    data = schemas[_last(message["payload"])]["properties"]["data"]
    rows = list(_members(_shape(data, schemas), schemas, ""))
    if rows:
        yield "<table><thead><tr><th>data</th><th>type</th><th>meaning</th></tr></thead><tbody>"
        yield from rows
        yield "</tbody></table>"


def deprecation(message: Json) -> str:
    """Since when a deprecated message is one, until when it is read, and what replaces it; else nothing."""
    ending = message.get("x-deprecated")
    if ending is None:
        return ""
    words = f"deprecated since {ending['since']}, ends {ending['ends']}; use {ending['instead']}"
    return f' <strong class="mark">{_text(words)}</strong>'


def _members(shape: Json, schemas: Json, before: str) -> Iterator[str]:
    """A row for each member, those of inner shapes below their holder."""
    for name, member in shape.get("properties", {}).items():
        inner = _shape(member, schemas)
        items = _shape(inner["items"], schemas) if inner.get("type") == "array" else None
        remarks = [] if name in shape.get("required", []) else ["optional"]
        remarks += [f"default {json.dumps(member['default'])}"] if "default" in member else []
        remarks += [mark for mark, key in (("private", "x-private"), ("deprecated", "deprecated")) if member.get(key)]
        yield (
            f"<tr><td><code>{before}{name}</code></td><td>{_kind(inner, items)} "
            f'<span class="mark">{_text(", ".join(remarks))}</span></td>'
            f"<td>{in_words(member.get('description') or inner.get('description', ''))}</td></tr>"
        )
        holder = items or inner
        # Money is in every message: the introduction describes its two members.
        if holder.get("title") != "Money":
            yield from _members(holder, schemas, f"{before}{name}{'[]' if items else ''}.")


def _kind(inner: Json, items: Json | None) -> str:
    if items is not None:
        return f"list of {_kind(items, None)}"
    if "enum" in inner:
        return " | ".join(f"<code>{_text(choice)}</code>" for choice in inner["enum"])
    if inner.get("x-open-enumeration"):
        known = " | ".join(f"<code>{_text(choice)}</code>" for choice in inner["examples"])
        return f"{known} | others to come"
    if inner.get("format") == "date-time":
        return "time"
    if inner.get("type") == "object":
        return _text(inner.get("title", "object"))
    limits = {"maxLength": "≤ {} characters", "minimum": "≥ {}", "maximum": "≤ {}"}
    parts = [words.format(inner[name]) for name, words in limits.items() if name in inner]
    return _text(" ".join([inner.get("type", "anything"), *parts]))


def _shape(schema: Json, schemas: Json) -> Json:
    """Resolve a reference, and leave out null."""
    for branch in [*schema.get("anyOf", []), *schema.get("allOf", [])]:
        if branch != {"type": "null"}:
            return _shape(branch, schemas)
    if "$ref" in schema:
        found: Json = schemas[_last(schema)]
        return found
    return schema


def _last(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _text(text: str) -> str:
    return html.escape(text)


def in_words(text: str) -> str:
    """Render a sentence with its code, bold and italics."""
    made = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    made = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", made)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", made)
