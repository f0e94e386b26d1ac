"""A broker whose listeners want something: a client's certificate, a token, a user; and how one gets in."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import trustme
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from service.embedded import EmbeddedKafka
from tests.kafka.identity_provider import CLIENT, IdentityProvider
from tests.security.site import certificate, create_user

VALIDATOR = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
LOGIN = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class StrictBroker:
    """Listens by SSL (client certificates), SASL_SSL (OAUTHBEARER, SCRAM-SHA-512), SASL_PLAINTEXT (SCRAM-SHA-256)."""

    kafka: EmbeddedKafka
    ca: trustme.CA
    ca_file: Path
    provider: IdentityProvider

    def settings(self, protocol: str) -> dict[str, str]:
        """The variables for this listener, without what the client shows of itself."""
        tls = {"PURCHASING_KAFKA_SSL_CAFILE": str(self.ca_file)} if protocol.endswith("SSL") else {}
        return {
            "PURCHASING_KAFKA_BOOTSTRAP_SERVERS": self.kafka.address(protocol),
            "PURCHASING_KAFKA_SECURITY_PROTOCOL": protocol,
            **tls,
        }

    def with_certificate(self, directory: Path, ca: trustme.CA | None = None) -> dict[str, str]:
        """The variables for the listener that wants a certificate, with one of this authority (default: its own)."""
        leaf = (ca or self.ca).issue_cert("purchasing.example")
        leaf.private_key_pem.write_to_path(directory / "client.key")
        chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        (directory / "client.pem").write_bytes(chain)
        return {
            **self.settings("SSL"),
            "PURCHASING_KAFKA_SSL_CERTFILE": str(directory / "client.pem"),
            "PURCHASING_KAFKA_SSL_KEYFILE": str(directory / "client.key"),
        }

    def with_token(self) -> dict[str, str]:
        """The variables for the listener that wants a token."""
        return {
            **self.settings("SASL_SSL"),
            "PURCHASING_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "PURCHASING_KAFKA_SASL_OAUTH_TOKEN_ENDPOINT_URL": f"{self.provider.url}/token",
            "PURCHASING_KAFKA_SASL_OAUTH_CLIENT_ID": CLIENT[0],
            "PURCHASING_KAFKA_SASL_OAUTH_CLIENT_SECRET": CLIENT[1],
        }

    def user(self) -> tuple[str, str]:
        """A new user of the listener for SCRAM-SHA-256."""
        name, password = f"user-{uuid.uuid4().hex[:8]}", f"planted-{uuid.uuid4().hex}"
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers})
        upsertion = UserScramCredentialUpsertion(name, how, password.encode())
        create_user(admin, upsertion)
        return name, password


def settings_of(directory: Path, ca: trustme.CA, ca_file: Path, provider: IdentityProvider) -> dict[str, str]:
    """The broker's own settings."""
    directory.mkdir(parents=True, exist_ok=True)
    key_store = directory / "broker.pem"
    key_store.write_bytes(b"".join(certificate(ca)))
    return {
        # As Kafka's own default is: who asks for a topic that is absent creates it.
        "auto.create.topics.enable": "true",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(key_store),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.ssl.ssl.truststore.type": "PEM",
        "listener.name.ssl.ssl.truststore.location": str(ca_file),
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "OAUTHBEARER,SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": SCRAM,
        "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config": LOGIN,
        "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class": VALIDATOR,
        # With it a session ends with its token; without it (the default) it would end with the connection only.
        "listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms": "86400000",
        "sasl.oauthbearer.jwks.endpoint.url": f"{provider.url}/keys",
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": SCRAM,
    }
