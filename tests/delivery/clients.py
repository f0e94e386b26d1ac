"""Kafka clients that other teams have, driven from outside: each writes with its default partitioner, and reads what is
committed.

Records are in the notation of `kcat -J`: topic, key, headers (name, value, name, value), payload.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from service.embedded.jars import java
from tests.delivery import python_client
from tests.kafka_tools import java_command
from tests.toolchains import JAVASCRIPT, go_client, java_classes, node, tool
from tests.waiting import HANG_SECONDS

Json = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """A client. `write` returns the partitions it wrote to, or nothing where it doesn't say; `read` reads so many
    records of a topic from its beginning. `there` is None, with a warning, where it isn't installed.
    """

    name: str
    there: Callable[[], str | None]
    write: Callable[[str, list[Json]], list[int]]
    read: Callable[[str, str, int], list[Json]]


def run(command: list[Any], given: str = "", **environment: Any) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
        **environment,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stderr[:2000]}"
    return done.stdout


def json_lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines() if line]


def noted(records: list[Json]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def pairs(headers: list[str]) -> list[tuple[str, str]]:
    return list(zip(headers[::2], headers[1::2], strict=True))


def by_topic(records: list[Json]) -> list[tuple[str, list[Json]]]:
    ordered = sorted(records, key=lambda record: record["topic"])
    return [(topic, list(group)) for topic, group in groupby(ordered, key=lambda record: record["topic"])]


# Java's console tools


def quiet_java(main_class: str, *more: Path) -> list[str]:
    program, *arguments = java_command(main_class, *more)
    return [program, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", *arguments]


def java_write(bootstrap: str, records: list[Json]) -> list[int]:
    for topic, group in by_topic(records):
        command = [*quiet_java("org.apache.kafka.tools.ConsoleProducer"), "--bootstrap-server", bootstrap]
        command += ["--topic", topic, "--property", "parse.key=true", "--property", "parse.headers=true"]
        # What no header has in it: times have colons. The first of the two is a regular expression.
        command += ["--property", "headers.separator=~~", "--property", "headers.key.separator=~>"]
        run(command, "".join(map(java_line, group)))
    return []


def java_line(record: Json) -> str:
    headers = "~~".join(f"{name}~>{value}" for name, value in pairs(record["headers"]))
    return "\t".join([headers, record["key"], record["payload"]]) + "\n"


def java_read(bootstrap: str, topic: str, count: int) -> list[Json]:
    command = [*quiet_java("org.apache.kafka.tools.consumer.ConsoleConsumer"), "--bootstrap-server", bootstrap]
    command += ["--topic", topic, "--from-beginning", "--isolation-level", "read_committed", "--max-messages", count]
    command += ["--timeout-ms", 30_000, "--property", "print.key=true", "--property", "print.headers=true"]
    found = []
    for line in run([*command, "--property", "headers.separator=~~"]).splitlines():
        headers, key, payload = line.split("\t", 2)
        flat = [part for header in headers.split("~~") for part in header.split(":", 1)]
        found.append({"topic": topic, "key": key, "headers": flat, "payload": payload})
    return found


# kcat


def kcat_write(bootstrap: str, records: list[Json]) -> list[int]:
    # A call has one set of headers.
    for record in records:
        headers = [part for name, value in pairs(record["headers"]) for part in ("-H", f"{name}={value}")]
        command = ["kcat", "-P", "-b", bootstrap, "-t", record["topic"], "-k", record["key"], *headers]
        run(command, record["payload"])
    return []


def kcat_read(bootstrap: str, topic: str, count: int) -> list[Json]:
    command = ["kcat", "-C", "-q", "-J", "-b", bootstrap, "-t", topic, "-o", "beginning", "-c", count]
    return json_lines(run([*command, "-X", "isolation.level=read_committed"]))


# Java, JavaScript and Go


def java_client(action: str, bootstrap: str, *arguments: Any, given: str = "") -> list[Json]:
    return json_lines(run([*quiet_java("Client", java_classes()), action, bootstrap, *arguments], given))


def javascript(action: str, bootstrap: str, *arguments: Any, given: str = "") -> list[Json]:
    return json_lines(run([node(), JAVASCRIPT / "kafka.mjs", action, bootstrap, *arguments], given))


def go(action: str, bootstrap: str, *arguments: Any, given: str = "") -> list[Json]:
    return json_lines(run([go_client(), action, bootstrap, *arguments], given))


def partitions(records: list[Json]) -> list[int]:
    return [record["partition"] for record in records]


CLIENTS = [
    Client("Java's console tools", lambda: java(), java_write, java_read),
    Client("kcat", lambda: tool("kcat", "apt install kcat, or brew install kcat"), kcat_write, kcat_read),
    Client("confluent-kafka", lambda: "in the environment", python_client.write, python_client.read),
    Client(
        "kafka-clients",
        java_classes,
        lambda bootstrap, records: partitions(java_client("write", bootstrap, given=noted(records))),
        lambda bootstrap, topic, count: java_client("read", bootstrap, topic, count),
    ),
    Client(
        "kafkajs",
        node,
        lambda bootstrap, records: partitions(javascript("write", bootstrap, given=noted(records))),
        lambda bootstrap, topic, count: javascript("read", bootstrap, topic, count),
    ),
    Client(
        "franz-go",
        go_client,
        lambda bootstrap, records: partitions(go("write", bootstrap, given=noted(records))),
        lambda bootstrap, topic, count: go("read", bootstrap, topic, count),
    ),
]
