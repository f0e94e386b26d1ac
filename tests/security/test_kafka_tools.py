"""Kafka's own tools, as service/docs/runbook.md has them: with `client.properties` at a broker with TLS and users."""

import asyncio
import os
import re
import shlex
import subprocess
import uuid
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from purchasing_contracts.topics import OUTBOX

from service.kafka.acls import acls
from service.kafka.topic_files import TopicPlan, kafka_topics
from tests.deploy.documents import RUNBOOK, spans
from tests.kafka_tools import java_command
from tests.security.site import Broker, Right
from tests.waiting import HANG_SECONDS

TOOLS = {
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
BROKER_ID = "1"
PLATFORM = ("READ", "DESCRIBE", "ALTER", "ALTER_CONFIGS", "DESCRIBE_CONFIGS")


def properties(broker: Broker, user: tuple[str, str]) -> str:
    """The runbook's block, for this user here."""
    (block,) = re.findall(r"```properties\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)
    for said, meant in (("USER", user[0]), ("PASSWORD", user[1]), ("kafka-ca.pem", str(broker.ca_file))):
        assert said in block
        block = block.replace(said, meant)
    return block


def typed(command: str, broker: Broker, file: Path, topic: str) -> list[str]:
    """One of the runbook's commands as it is typed."""
    numbers = {"--partitions": "7", "--broker-id": BROKER_ID}
    words, before = [], ""
    for word in shlex.split(command):
        meant = {
            "$PURCHASING_KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "client.properties": str(file),
            "TOPIC": topic,
            "TOPIC:PARTITION": f"{topic}:0",
            "GROUP": f"group-{topic}",
            "retention.ms=N": "retention.ms=86400000",
            "N": numbers.get(before, "N"),
        }.get(word, word)
        words, before = [*words, meant], word
    tool, *rest = words
    return [*java_command(TOOLS[tool]), *rest]


async def done(command: list[str]) -> str:
    """Run a command to its end, and return its output."""
    ended = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    said = ended.stdout + ended.stderr
    assert (ended.returncode, "Error" in said) == (0, False), said
    return said


async def test_every_command_of_the_runbook_does_what_it_is_for(broker, tmp_path):
    topic = f"tools-{uuid.uuid4().hex[:8]}"
    user = broker.user(
        [
            *(Right("TOPIC", topic, one) for one in PLATFORM),
            *(Right("GROUP", f"group-{topic}", one) for one in ("READ",)),
        ]
    )
    file = tmp_path / "client.properties"
    file.write_text(properties(broker, user))
    where = {"bootstrap_servers": broker.kafka.bootstrap_servers}
    admin = AIOKafkaAdminClient(**where)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 6, 1)])
    await broker.send(topic, "k", "v")
    reader = AIOKafkaConsumer(**where, group_id=f"group-{topic}", enable_auto_commit=False)
    reader.assign([TopicPartition(topic, 0)])
    await reader.start()
    await reader.commit({TopicPartition(topic, 0): 1})

    found = [span for span in spans(RUNBOOK) if span.split()[0] in TOOLS and "--bootstrap-server" in span]
    assert {span.split()[0] for span in found} == {*TOOLS}
    said = await asyncio.gather(*(done(typed(span, broker, file, topic)) for span in found))
    assert f"Completed updating config for topic {topic}." in "".join(said)

    (described,) = await admin.describe_topics([topic])
    assert len(described["partitions"]) == 7
    assert await reader.committed(TopicPartition(topic, 0)) == 0
    await reader.stop()
    await admin.close()


SCRIPTS = {"kafka-topics.sh": TOOLS["kafka-topics"], "kafka-acls.sh": "org.apache.kafka.tools.AclCommand"}


async def test_the_rendered_script_creates_a_topic_and_grants_a_right(broker, tmp_path):
    """One of each kind of line: all of a kind have the same form, which `tests/kafka/test_topic_files.py` reads."""
    topic, user = f"rendered-{uuid.uuid4().hex[:8]}", f"user-{uuid.uuid4().hex[:8]}"
    rights = acls("purchasing", str(uuid.uuid4()))
    (ids,) = [one for one in rights if one.kind == "TRANSACTIONAL_ID"]
    lines = list(kafka_topics(TopicPlan(2, rights, user, replicas=1)))
    head = lines[: lines.index("")]
    chosen = [line.replace(OUTBOX.name, topic) for line in lines if f"--topic {OUTBOX.name} --partitions" in line]
    chosen += [line for line in lines if "--transactional-id" in line]
    assert len(chosen) == 2
    for name, tool_class in SCRIPTS.items():
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {shlex.join(java_command(tool_class))} "$@"\n')
        (tmp_path / name).chmod(0o755)
    (tmp_path / "client.properties").write_text("security.protocol=PLAINTEXT\n")
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": broker.kafka.bootstrap_servers,
    }

    # Twice, because it may be run again.
    script = "\n".join([*head, *chosen, chosen[0]])
    ran = await asyncio.to_thread(
        subprocess.run, ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.kafka.bootstrap_servers)
    await admin.start()
    (described,) = await admin.describe_topics([topic])
    await admin.close()
    assert len(described["partitions"]) == 2
    assert await asyncio.to_thread(broker.rights_of, user) == {Right(ids.kind, ids.name, "WRITE", prefixed=True)}
