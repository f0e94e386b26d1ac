"""Pages of the contract: a page per topic, and a page per type of message with its members, examples and schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from markupsafe import escape
from purchasing_contracts.generate.page import data_table, deprecation, in_words

from deploy.website.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
PROMISES = ("key", "ordering", "delivery", "retention")
ALL = "messages.html"


def message_pages(root: Path) -> Iterator[Page]:
    """Yield the list of all topics, the pages of the topics and those of the messages."""
    document = json.loads((root / "contracts/asyncapi.json").read_text("utf-8"))
    yield Page(ALL, "Topics and messages", "".join(_overview(document)))
    for name, channel in document["channels"].items():
        yield Page(f"{name}.html", name, "".join(_topic(name, channel, document)))
        for message in _messages(channel, document):
            html = "".join(_message(root, name, message, document))
            yield Page(f"{message['name']}.html", message["name"], html)


def contract_files(root: Path) -> dict[str, bytes]:
    """Return the files of the contract that the pages link to."""
    found = [*sorted((root / "contracts/schemas").glob("*.json")), root / "contracts/asyncapi.json"]
    return {path.name: path.read_bytes() for path in found}


def _overview(document: Json) -> Iterator[str]:
    yield f"<h1>Topics and messages</h1><p>Version {escape(document['info']['version'])} of the contract. "
    yield 'As a document for tools: <a href="asyncapi.json">asyncapi.json</a> (AsyncAPI 3). '
    yield 'Of the read API of the console: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
    for action, title in (("receive", "You write"), ("send", "You read")):
        yield f'<h2 id="{title.lower().replace(" ", "-")}">{title}</h2><div class="scroll" tabindex="0"><table>'
        yield "<thead><tr><th>topic</th><th>message</th><th>meaning</th></tr></thead><tbody>"
        for name, channel in document["channels"].items():
            if _action(name, document) == action:
                for message in _messages(channel, document):
                    yield f"<tr><td>{_link(name)}</td><td>{_link(message['name'])}</td>"
                    yield f"<td>{in_words(message['summary'])}{deprecation(message)}</td></tr>"
        yield "</tbody></table></div>"


def _topic(name: str, channel: Json, document: Json) -> Iterator[str]:
    verb = "You write to" if _action(name, document) == "receive" else "You read"
    yield f'<p class="crumb"><a href="{ALL}">Topics and messages</a></p><h1>{escape(name)}</h1>'
    partitions = channel["bindings"]["kafka"]["partitions"]
    yield f"<p>{verb} this topic. {escape(channel['title'])}; {partitions} partitions.</p>"
    yield "<ul>"
    yield from (f"<li>{_link(one['name'])}: {in_words(one['summary'])}</li>" for one in _messages(channel, document))
    yield "</ul>"
    for promise in PROMISES:
        yield f'<h2 id="{promise}">{promise.capitalize()}</h2><p>{in_words(channel[f"x-{promise}"])}</p>'
    yield '<p><a href="clients.html">Clients in four languages</a></p>'


def _message(root: Path, topic: str, message: Json, document: Json) -> Iterator[str]:
    name = message["name"]
    yield f'<p class="crumb"><a href="{ALL}">Topics and messages</a> · {_link(topic)}</p><h1>{escape(name)}</h1>'
    yield f"<p>{in_words(message['summary'])}{deprecation(message)}</p>"
    table = "".join(data_table(message, document)) or "<p>The data has none.</p>"
    yield f'<h2 id="members">Members</h2><div class="scroll" tabindex="0">{table}</div>'
    yield f'<p>The whole event as JSON Schema: <a href="{name}.schema.json">{name}.schema.json</a></p>'
    for kind, title in (("valid", "Examples"), ("invalid", "Refused")):
        yield f'<h2 id="{title.lower()}">{title}</h2>'
        for path in sorted((root / f"contracts/examples/{name}/{kind}").glob("*.json")):
            yield f"<details{' open' if path.stem == 'minimal' else ''}><summary>{escape(path.stem)}</summary>"
            yield f'<pre tabindex="0"><code>{escape(path.read_text("utf-8"))}</code></pre></details>'


def _messages(channel: Json, document: Json) -> Iterator[Json]:
    for name in channel["messages"]:
        if not name.endswith(".binary"):
            yield document["components"]["messages"][name]


def _action(topic: str, document: Json) -> str:
    by_topic = {one["channel"]["$ref"].rpartition("/")[2]: one["action"] for one in document["operations"].values()}
    return str(by_topic[topic])


def _link(name: str) -> str:
    return f'<a href="{name}.html"><code>{escape(name)}</code></a>'
