"""The guarded broker and database as tests use them."""

import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncpg
import trustme
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization
from purchasing_contracts.topics import OUTBOX, TOPICS

from service.embedded import EmbeddedKafka, EmbeddedPostgres
from service.kafka.topics import create_topics
from tests.delivery.service import eventually
from tests.forkserver import run_text
from tests.waiting import HANG_SECONDS

LANES = 4
ROLES = ("service", "operator", "eraser", "reader", "console", "private")


def certificate(ca: trustme.CA) -> tuple[bytes, bytes]:
    """A server's key (PKCS 8, PEM) and its certificate chain, for this machine under its own names."""
    leaf = ca.issue_cert("localhost", "127.0.0.1")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key, b"".join(pem.bytes() for pem in leaf.cert_chain_pems) + ca.cert_pem.bytes()


async def recreate_topics(bootstrap: str) -> None:
    """Delete all topics and create them again: another database would read what this one read, and find its lanes
    taken by this one's outbox."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [topic.name for topic in TOPICS]
        await admin.delete_topics(names)

        async def gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        await eventually(gone, "the topics are gone")
    finally:
        await admin.close()
    await create_topics({"bootstrap_servers": bootstrap}, LANES)


def create_user(admin: AdminClient, upsertion: UserScramCredentialUpsertion) -> None:
    """Create a user, and wait until the broker knows it: the controller answers before."""
    for future in admin.alter_user_scram_credentials([upsertion]).values():
        future.result()
    deadline = time.monotonic() + HANG_SECONDS
    while True:
        try:
            admin.describe_user_scram_credentials([upsertion.user])[upsertion.user].result()
        except KafkaException:
            assert time.monotonic() < deadline, f"the broker doesn't know {upsertion.user}"
            time.sleep(0.05)
        else:
            return


@dataclass(frozen=True)
class Right:
    """One ACL: may do the operation on the resource, or on those whose names begin like it."""

    kind: str
    name: str
    operation: str
    prefixed: bool = False


class Broker:
    """The broker with SCRAM and ACLs."""

    def __init__(self, kafka: EmbeddedKafka, ca_file: Path) -> None:
        self.kafka = kafka
        self.ca_file = ca_file
        self.address = kafka.address("SASL_SSL")
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def user(self, rights: Iterable[Right]) -> tuple[str, str]:
        """A new user with these rights: its name and password. It can come in at once."""
        name, password = f"user-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsertion = UserScramCredentialUpsertion(name, how, password.encode())
        create_user(self._admin, upsertion)
        if acls := [self._acl(name, right) for right in rights]:
            for future in self._admin.create_acls(acls).values():
                future.result()
        return name, password

    def grant(self, name: str, right: Right) -> None:
        for future in self._admin.create_acls([self._acl(name, right)]).values():
            future.result()

    def revoke(self, name: str, right: Right) -> None:
        for future in self._admin.delete_acls([self._acl(name, right, AclBindingFilter)]).values():
            assert len(future.result()) == 1

    def rights_of(self, name: str) -> set[Right]:
        """The rights that a user has."""
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            f"User:{name}",
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        return {
            Right(one.restype.name, one.name, one.operation.name, one.resource_pattern_type.name == "PREFIXED")
            for one in self._admin.describe_acls(everything).result()
        }

    async def send(self, topic: str, key: str, value: str) -> None:
        """A record of somebody else's."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap_servers)
        await producer.start()
        try:
            partition = int(key) if topic == OUTBOX.name else None
            await producer.send_and_wait(topic, value.encode(), key.encode(), partition=partition)
        finally:
            await producer.stop()

    async def begin_anew(self) -> None:
        """Another database comes next."""
        await recreate_topics(self.kafka.bootstrap_servers)

    def settings(self, user: tuple[str, str]) -> dict[str, str]:
        """The environment of a user."""
        return {
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": self.address,
            "PURCHASING_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "PURCHASING_HTTP_PORT": "0",
            "PURCHASING_PROCESSES": "1",
            "PURCHASING_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "PURCHASING_KAFKA_SASL_USERNAME": user[0],
            "PURCHASING_KAFKA_SASL_PASSWORD": user[1],
            "PURCHASING_KAFKA_SSL_CAFILE": str(self.ca_file),
        }

    def _acl(self, name: str, right: Right, kind: Any = AclBinding) -> Any:
        return kind(
            ResourceType[right.kind],
            right.name,
            ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
            f"User:{name}",
            "*",
            AclOperation[right.operation],
            AclPermissionType.ALLOW,
        )


class Database:
    """A database of the guarded server."""

    def __init__(self, server: EmbeddedPostgres, name: str, tls_port: int, ca_file: Path) -> None:
        self.tls_port = tls_port
        self.server = server
        self.name = name
        self.ca_file = ca_file

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Self]:
        """A copy of it, for a while."""
        name = f"guarded_{uuid.uuid4().hex[:12]}"
        connection = await asyncpg.connect(self.server.dsn)
        await connection.execute(f"create database {name} template purchasing_template")
        database = type(self)(self.server, name, self.tls_port, self.ca_file)
        # Another database, another outbox: transactional ids and the relay's group are made from its id.
        await database.execute("update installation set outbox_id = gen_random_uuid()")
        try:
            yield database
        finally:
            await connection.execute(f"drop database {name} with (force)")
            await connection.close()

    @property
    def owner(self) -> str:
        return self.server.dsn_of(self.name)

    def dsn(self, role: str, *, options: str = "") -> str:
        """The DSN of a user who has this role: with TLS, the server's certificate checked."""
        asked = options or f"sslmode=verify-full&sslrootcert={self.ca_file}"
        return f"postgresql://a_{role}:secret-of-{role}@localhost:{self.tls_port}/{self.name}?{asked}"

    async def execute(self, statement: str, *arguments: Any, role: str | None = None) -> str:
        return await self._do("execute", statement, arguments, role)

    async def fetch(self, statement: str, *arguments: Any, role: str | None = None) -> Any:
        return await self._do("fetch", statement, arguments, role)

    async def _do(self, what: str, statement: str, arguments: Any, role: str | None) -> Any:
        connection = await asyncpg.connect(self.owner if role is None else self.dsn(role))
        try:
            return await getattr(connection, what)(statement, *arguments)
        finally:
            await connection.close()


def service(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m service` with these settings (named without `PURCHASING_`) and no others."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")}
    own = {f"PURCHASING_{name.removeprefix('PURCHASING_')}": value for name, value in settings.items()}
    return run_text("service", arguments, {**clean, **own}, HANG_SECONDS)
