"""The arguments of all aiokafka clients of a process, built once at its start.

They contain one TLS context and one source of tokens, so files are read once and all clients share a token.
"""

from collections.abc import Mapping
from typing import Any

from purchasing_contracts.kafka.settings import OAUTHBEARER, KafkaSettings
from purchasing_contracts.kafka.tokens import token_source

from service.kafka.compat.tokens import TokenProvider

Kafka = Mapping[str, Any]
"""aiokafka's arguments to connect, from `bootstrap_servers` to TLS and SASL. Contains secrets: never log it."""


def connection_of(settings: KafkaSettings) -> dict[str, Any]:
    """Build the arguments, after `compat.install()`. Reads the files of certificates and keys.

    Raises SettingsError if one of them has the wrong content.
    """
    connection: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap_servers.split(",")],
        "security_protocol": settings.kafka_security_protocol,
    }
    if (context := settings.tls()) is not None:
        connection["ssl_context"] = context
    if (source := token_source(settings)) is not None:
        connection["sasl_mechanism"] = OAUTHBEARER
        connection["sasl_oauth_token_provider"] = TokenProvider(
            source, settings.extensions(), settings.kafka_sasl_mechanism
        )
    elif settings.kafka_security_protocol.startswith("SASL_") and settings.kafka_sasl_password is not None:
        connection["sasl_mechanism"] = settings.kafka_sasl_mechanism
        connection["sasl_plain_username"] = settings.kafka_sasl_username
        connection["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return connection
