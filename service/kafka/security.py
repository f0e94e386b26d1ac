"""FastStream's notion of how to connect, made from aiokafka's: its broker class hides the latter."""

from collections.abc import Mapping
from typing import Any

from faststream.security import BaseSecurity, SASLOAuthBearer, SASLPlaintext, SASLScram256, SASLScram512
from purchasing_contracts.kafka.settings import OAUTHBEARER

_SASL: Mapping[str, type[SASLPlaintext] | type[SASLScram256] | type[SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def broker_arguments(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with which a `KafkaBroker` connects as these of aiokafka say."""
    return {
        "bootstrap_servers": connection["bootstrap_servers"],
        "security": _security_of(connection),
        # FastStream's security has no place for it.
        "sasl_oauth_token_provider": connection.get("sasl_oauth_token_provider"),
    }


def _security_of(connection: Mapping[str, Any]) -> BaseSecurity:
    protocol = str(connection.get("security_protocol", "PLAINTEXT"))
    context = connection.get("ssl_context")
    encrypted = protocol.endswith("SSL")
    if not protocol.startswith("SASL_"):
        return BaseSecurity(ssl_context=context, use_ssl=encrypted)
    if connection["sasl_mechanism"] == OAUTHBEARER:
        return SASLOAuthBearer(ssl_context=context, use_ssl=encrypted)
    return _SASL[connection["sasl_mechanism"]](
        username=connection["sasl_plain_username"],
        password=connection["sasl_plain_password"],
        ssl_context=context,
        use_ssl=encrypted,
    )
