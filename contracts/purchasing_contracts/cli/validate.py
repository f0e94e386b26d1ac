"""Check messages from a file, from the standard input, or from a live topic, which is only read.

A file has CloudEvents or records as `kcat -C -J` prints them: one, an array, or one per line. A CloudEvent by itself
becomes a record with its subject as key. The checks are those of the purchasing service, with the same code. So a
message dated more than an hour ahead of this machine's clock is refused.

  purchasing-contracts validate events.jsonl
  kcat -C -e -J -b HOST -t TOPIC | purchasing-contracts validate -
  purchasing-contracts validate --bootstrap HOST:9092 --topic purchasing.events.payment.v1

The environment configures the connection, with the service's variables: PURCHASING_KAFKA_SECURITY_PROTOCOL,
_SSL_CAFILE, _SSL_CERTFILE, _SSL_KEYFILE, _SASL_MECHANISM, _SASL_USERNAME, _SASL_PASSWORD and so on (README.md).

Exit code: 0 all messages are right; 1 some would be refused (with --strict also: some have unknown members);
2 the input can't be read.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from purchasing_contracts.advice import advice_on
from purchasing_contracts.checking import Checker, Verdict
from purchasing_contracts.cli.common import FINE, WRONG, CommandError, add_documented, count, read
from purchasing_contracts.documents import Found, read_documents
from purchasing_contracts.environment import LINE_ENDS, SettingsError, from_environment, sentences
from purchasing_contracts.kafka.librdkafka import librdkafka_settings
from purchasing_contracts.kafka.settings import KafkaSettings
from purchasing_contracts.live import LiveError, LiveTopic
from purchasing_contracts.topics import TOPICS


def add(commands: Any) -> None:
    """Declare the command."""
    parser = add_documented(
        commands, "validate", "whether messages are right: in a file, on stdin, on a live topic", __doc__
    )
    parser.add_argument("path", nargs="?", metavar="PATH", help="the file, or - for the standard input")
    parser.add_argument("--topic", help="the topic they are for; without it that of each message's type")
    parser.add_argument(
        "--bootstrap", metavar="HOST:PORT", help="read the live topic at this broker, from its beginning"
    )
    parser.add_argument("--follow", action="store_true", help="don't stop at the topic's end")
    parser.add_argument("--limit", type=int, metavar="N", help="stop after N messages")
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="more settings of the Kafka client (librdkafka's names), such as security.protocol=SSL",
    )
    parser.add_argument("--strict", action="store_true", help="unknown members are an error")
    parser.add_argument("--json", action="store_true", help="one JSON object a finding, the last one the summary")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class Tally:
    """The result."""

    messages: int = 0
    refused: int = 0
    warnings: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        output = f"{count(self.messages, 'message')}: {self.messages - self.refused} right, {self.refused} refused"
        why = ", ".join(f"{reason} {number}" for reason, number in sorted(self.reasons.items()))
        return output + (f" ({why})" if why else "") + (f"; {count(self.warnings, 'warning')}" if self.warnings else "")


def run(given: argparse.Namespace) -> int:
    """Check everything; return the exit code."""
    topics = [topic.name for topic in TOPICS if topic.messages]
    if given.topic and given.topic not in topics:
        raise CommandError(f"{given.topic} carries no messages of the contracts. Those that do: {', '.join(topics)}")
    if (given.path is None) == (given.bootstrap is None):
        raise CommandError("say what to check: a PATH (or -), or a live topic by --bootstrap and --topic")
    tally, checker = Tally(), Checker(clock=lambda: datetime.now(UTC))
    try:
        for found in _limited(_source(given), given.limit):
            _print(found.where, checker.check(found.record), tally, as_json=given.json)
    except (LiveError, ValueError) as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        # This is how to stop following a topic.
        sys.stderr.write("\n")
    if not tally.messages and given.path is not None:
        raise CommandError(f"{given.path} holds no message")
    if given.json:
        summary = {"messages": tally.messages, "refused": tally.refused, "warnings": tally.warnings}
        sys.stdout.write(json.dumps({"verdict": "summary", **summary, "reasons": tally.reasons}) + "\n")
    else:
        sys.stdout.write(f"{tally}\n")
    return WRONG if tally.refused or (given.strict and tally.warnings) else FINE


def _source(given: argparse.Namespace) -> Iterator[Found]:
    if given.bootstrap is None:
        yield from read_documents(read(given.path), given.topic)
        return
    if given.topic is None:
        raise CommandError("say which topic to read: --topic")
    with LiveTopic(given.topic, _client_settings(given)) as live:
        for record in live.records(follow=given.follow):
            yield Found(f"partition {record.partition}, offset {record.offset}", record)


def _client_settings(given: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the environment, overridden by --config."""
    values = from_environment(KafkaSettings, os.environ) | {"kafka_bootstrap_servers": given.bootstrap}
    try:
        settings = librdkafka_settings(KafkaSettings.model_validate(values))
    except ValidationError as error:
        raise CommandError("; ".join(sentences(KafkaSettings, error))) from None
    except SettingsError as error:
        raise CommandError(str(error)) from None
    more = (setting.partition("=") for setting in given.config)
    return settings | {name.strip(): value.strip(LINE_ENDS) for name, _, value in more}


def _limited(found: Iterator[Found], limit: int | None) -> Iterator[Found]:
    for number, one in enumerate(found, 1):
        yield one
        if number == limit:
            return


def _print(where: str, verdict: Verdict, tally: Tally, *, as_json: bool) -> None:
    tally.messages += 1
    findings: list[dict[str, Any]] = []
    order_id = verdict.refusal.order_id if verdict.refusal else verdict.decoded.subject  # type: ignore[union-attr]
    if verdict.refusal:
        refusal = verdict.refusal
        tally.refused += 1
        tally.reasons[refusal.reason] = tally.reasons.get(refusal.reason, 0) + 1
        reason = {"reason": refusal.reason, "place": refusal.place, "because": refusal.because}
        findings.append({"verdict": "refused", **reason, "advice": advice_on(refusal)})
    for warning in verdict.warnings:
        tally.warnings += 1
        findings.append({"verdict": "warning", "place": warning.place, "because": warning.because})
    for finding in findings:
        found = {"where": where, "order_id": order_id, **finding}
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n" if as_json else _in_words(found))


def _in_words(found: dict[str, Any]) -> str:
    whose = f" ({found['order_id']})" if found["order_id"] else ""
    what = f"refused, {found['reason']}" if found["verdict"] == "refused" else "warning"
    place = f" at {found['place']}" if found["place"] else ""
    advice = f"\n    {found['advice']}" if found.get("advice") else ""
    return f"{found['where']}{whose}: {what}{place}: {found['because']}{advice}\n"
