"""`purchasing-contracts register`: at a real registry (Apicurio's, by Confluent's API), and at one that refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from purchasing_contracts.cli import main
from purchasing_contracts.schema import schema_of
from purchasing_contracts.topics import TOPICS, class_of

from tests.apicurio import apicurio
from tests.contracts.wire import PAYMENT, event, text

TIP = "purchasing.payment.tip_paid.v1"
SUBJECT = f"{PAYMENT}-{TIP}"
TYPES = [message.TYPE for topic in TOPICS for message in topic.messages]
TIP_PAID = {"tip_id": "tip-1", "payment_id": "pay-2", "amount": {"currency": "CNY", "value": 26000}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def registry(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with apicurio(tmp_path_factory.mktemp("apicurio") / "log") as url:
        yield url


@pytest.fixture
def register(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(url: str, *arguments: str) -> tuple[int, list[Any], str]:
        """The exit code, the objects on stdout, and what is on stderr."""
        code = main(["register", *arguments, "--url", url, "--json"])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def asked(url: str, path: str) -> Any:
    with urlopen(f"{url}{path}", timeout=60) as answer:
        return json.load(answer)


@contextmanager
def answering(status: int, body: bytes, *, heard: list[Any] | None = None, where: str = "/") -> Iterator[str]:
    """A server that gives every request one answer."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if heard is not None:
                heard.append(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Location", where)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_every_schema_is_registered_once_and_found_again(registry: str, register: Any) -> None:
    code, planned, _ = register(registry, "--by-topic", "--dry-run")
    topics = sum(bool(topic.messages) for topic in TOPICS)
    assert (code, planned[-1]) == (
        0,
        {"verdict": "summary", "subjects": len(TYPES) + topics, "would_register": len(TYPES) + topics},
    )
    assert asked(registry, "/subjects") == []

    code, done, _ = register(registry, "--by-topic")
    again = register(registry, "--by-topic")

    assert (code, done[-1]["registered"]) == (0, len(TYPES) + topics)
    assert again[:2] == (0, [*({**one, "verdict": "unchanged"} for one in done[:-1]), again[1][-1]])
    assert {one["subject"] for one in done[:-1]} == set(asked(registry, "/subjects"))
    there = asked(registry, f"/subjects/{SUBJECT}/versions/latest")
    cls = class_of(TIP)
    assert cls is not None
    # A client that takes TopicRecordNameStrategy makes the subject's name of the title.
    assert json.loads(there["schema"]) == schema_of(cls)
    assert f"{PAYMENT}-{json.loads(there['schema'])['title']}" == SUBJECT
    assert asked(registry, f"/config/{SUBJECT}") == {"compatibilityLevel": "NONE"}
    whole = asked(registry, f"/subjects/{PAYMENT}-value/versions/latest")
    assert {one["$ref"] for one in json.loads(whole["schema"])["oneOf"]} == {one["name"] for one in whole["references"]}
    assert {"name": f"urn:purchasing:schema:{TIP}", "subject": SUBJECT, "version": 1} in whole["references"]


def test_the_level_of_one_subject_is_set_or_left_as_asked(registry: str, register: Any) -> None:
    assert register(registry, "tip_paid", "--compatibility", "FULL")[0] == 0
    assert asked(registry, f"/config/{SUBJECT}") == {"compatibilityLevel": "FULL"}
    _, said, _ = register(registry, "tip_paid", "--compatibility", "keep")
    assert [one.get("subject") for one in said] == [SUBJECT, None]
    assert asked(registry, f"/config/{SUBJECT}") == {"compatibilityLevel": "FULL"}


async def test_records_in_the_registrys_frame_are_valid_on_a_live_topic(
    registry: str, register: Any, fresh_kafka: Any, capsys: Any
) -> None:
    _, (found, _), _ = await asyncio.to_thread(register, registry, "tip_paid")
    frame = b"\0" + int(found["id"]).to_bytes(4, "big")
    bootstrap = fresh_kafka.bootstrap_servers
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number, head in enumerate((frame, b"", frame[:3])):
            value = text(event(TIP, TIP_PAID, id=f"tip-{number}"))
            await producer.send_and_wait(PAYMENT, head + value, b"ord-1001")

    code = await asyncio.to_thread(main, ["validate", "--bootstrap", bootstrap, "--topic", PAYMENT])

    said = capsys.readouterr().out.splitlines()
    assert (code, said[-1]) == (1, "3 messages: 2 right, 1 refused (not_json 1)")
    assert "after the frame of a schema registry" in said[0]


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (409, b'{"error_code": 409, "message": "it is\\n incompatible"}', 1, "it is incompatible"),
        (422, b'{"error_code": 42201, "message": "no schema"}', 1, "no schema"),
        (401, b'{"error_code": 401, "message": "who?"}', 2, "PURCHASING_REGISTRY_USERNAME"),
        (403, b"", 2, "does not allow it"),
        (404, b"<html>", 2, "not that of a registry"),
        (500, b'{"error_code": 50001, "message": "the store is away"}', 2, "answers 500: the store is away"),
        (302, b"", 2, "give that as the URL"),
        (200, b"<html>", 2, "no JSON"),
        (200, b"{}", 2, "no id or no version"),
    ],
)
def test_a_registry_that_does_not_do_it_is_reported(
    status: int, body: bytes, code: int, words: str, register: Any
) -> None:
    with answering(status, body, where="/elsewhere") as url:
        ended, said, error = register(url, "tip_paid")
    assert ended == code
    assert words in (said[0]["because"] if code == 1 else error)
    assert code == 2 or said[-1] == {"verdict": "summary", "subjects": 1, "refused": 1}


def test_a_registry_that_is_away_is_reported(register: Any) -> None:
    assert register("http://127.0.0.1:1", "tip_paid")[0::2] == (
        2,
        "purchasing-contracts: the registry can't be reached: [Errno 111] Connection refused\n",
    )


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, None),
        ({"USERNAME": "key", "PASSWORD": "sesame\n"}, "Basic a2V5OnNlc2FtZQ=="),
        ({"TOKEN": "abc"}, "Bearer abc"),
    ],
)
def test_credentials_come_from_the_environment(
    environment: dict[str, str], sent: str | None, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"PURCHASING_REGISTRY_{name}", value)
    heard: list[Any] = []
    with answering(401, b"", heard=heard) as url:
        assert register(url, "tip_paid")[0] == 2
    assert heard == [sent]


@pytest.mark.parametrize(
    ("environment", "url", "words"),
    [
        ({"USERNAME": "key"}, "http://localhost", "PURCHASING_REGISTRY_PASSWORD is not set"),
        (
            {"USERNAME": "k", "PASSWORD": "planted", "TOKEN": "planted"},
            "http://localhost",
            "PURCHASING_REGISTRY_TOKEN is set",
        ),
        ({"CAFILE": "/nowhere"}, "http://localhost", "PURCHASING_REGISTRY_CAFILE is not valid"),
        ({}, "http://user:planted@localhost", "without a user"),
        ({}, "localhost:8081", "should be like https://"),
    ],
)
def test_wrong_settings_are_named_without_a_secret(
    environment: dict[str, str], url: str, words: str, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"PURCHASING_REGISTRY_{name}", value)
    code, _, error = register(url, "tip_paid")
    assert (code, words in error, "planted" in error) == (2, True, False), error


def test_an_authority_without_a_certificate_is_reported(
    register: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    monkeypatch.setenv("PURCHASING_REGISTRY_CAFILE", str(tmp_path / "ca.pem"))
    assert "holds no certificate" in register("https://localhost:1", "tip_paid")[2]
