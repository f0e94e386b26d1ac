"""FastStream's notion of how to connect, from aiokafka's: the settings speak aiokafka's, and the broker
class hides it.
"""

from collections.abc import Mapping
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

_SASL: Mapping[str, type[SASLPlaintext] | type[SASLScram256] | type[SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def security_of(kafka: Mapping[str, Any]) -> BaseSecurity:
    """The same as these aiokafka arguments (`security_protocol`, `ssl_context`, `sasl_*`) say."""
    protocol = str(kafka.get("security_protocol", "PLAINTEXT"))
    context = kafka.get("ssl_context")
    encrypted = protocol.endswith("SSL")
    if protocol.startswith("SASL_"):
        return _SASL[kafka["sasl_mechanism"]](
            username=kafka["sasl_plain_username"],
            password=kafka["sasl_plain_password"],
            ssl_context=context,
            use_ssl=encrypted,
        )
    return BaseSecurity(ssl_context=context, use_ssl=encrypted)
