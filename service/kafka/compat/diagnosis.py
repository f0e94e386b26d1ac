"""Diagnosis of a broker that refuses a client, in a sentence that names the setting to change.

aiokafka says "unable to bootstrap" or "connection closed" for every cause. So after a failure this module asks the port
what it speaks: TLS or not, SASL or not, and which mechanisms. It sends no credentials.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, UnsupportedSaslMechanismError
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from service.kafka.compat.tokens import NoTokenError, NoTokenNowError
from service.runtime.error_classes import kafka_meaning, network_meaning
from service.runtime.errors import describe, network_reason

ANSWER_SECONDS = 5.0
PROTOCOL = "PURCHASING_KAFKA_SECURITY_PROTOCOL"
WRONG_NAME = frozenset({62, 64})
"""OpenSSL's codes for a valid certificate of another host: by name, by address."""
HANDSHAKES = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED", "DECRYPT_ERROR")


class Problem(NamedTuple):
    """The reason why a broker refuses a client."""

    words: str
    by_person: bool
    """Whether only a person can help; otherwise it may pass by itself."""


class Listener(NamedTuple):
    """The protocols of a port."""

    tls: bool
    mechanisms: tuple[str, ...] | None
    """SASL mechanisms; empty without SASL; None if unknown."""


async def problem_of(host: str, port: int, arguments: Mapping[str, Any]) -> Problem | None:
    """Return why the broker refuses a client with these arguments (without servers); None if it accepts it."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await create_conn(host, port, **arguments)
            try:
                # A listener with SASL does not answer a client without it.
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (OSError, KafkaError, TimeoutError) as error:
        return (
            _of_certificates(error)
            or await _of_protocol(host, port, arguments, error)
            or _as_reported(error, arguments)
        )
    return None


def _as_reported(error: Exception, arguments: Mapping[str, Any]) -> Problem:
    if isinstance(error, NoTokenError | NoTokenNowError):
        return Problem(str(error.args[0]), by_person=isinstance(error, NoTokenError))
    if isinstance(error, TimeoutError):
        return Problem(f"no answer within {ANSWER_SECONDS:.0f} seconds", by_person=False)
    if isinstance(error, KafkaError):
        # A refused token may be accepted later: the broker fetches new keys by itself.
        by_token = "sasl_oauth_token_provider" in arguments
        return Problem(describe(error), by_person=kafka_meaning(error).is_for_a_person and not by_token)
    if isinstance(error, OSError):
        return Problem(network_reason(error), by_person=network_meaning(error).is_for_a_person)
    return Problem(describe(error), by_person=False)


def _of_certificates(error: BaseException) -> Problem | None:
    """Return what one side says about the other's certificate."""
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in WRONG_NAME:
            check = (
                "use one of its names in PURCHASING_KAFKA_BOOTSTRAP_SERVERS and in the broker's advertised listeners"
            )
            return Problem(f"its certificate is for another host ({cause.verify_message}): {check}", by_person=True)
        check = "PURCHASING_KAFKA_SSL_CAFILE must contain its certificate authority"
        return Problem(f"its certificate is not accepted ({cause.verify_message}): {check}", by_person=True)
    reason = (cause.reason or "") if isinstance(cause, ssl.SSLError) else ""
    if "ALERT" in reason and any(word in reason for word in HANDSHAKES):
        check = "check PURCHASING_KAFKA_SSL_CERTFILE and PURCHASING_KAFKA_SSL_KEYFILE"
        return Problem(f"it requires a client certificate, or refuses the one that was sent ({reason}): {check}", True)
    return None


async def _of_protocol(host: str, port: int, arguments: Mapping[str, Any], error: Exception) -> Problem | None:
    """Return what the port speaks, if the client speaks something else."""
    broken = isinstance(error, KafkaError | ssl.SSLError | ConnectionResetError)
    if isinstance(error, NoTokenError | NoTokenNowError) or not broken:
        return None
    found = await _listener(host, port, arguments)
    words = None if found is None else _difference(found, arguments)
    return None if words is None else Problem(words, by_person=True)


def _difference(found: Listener, arguments: Mapping[str, Any]) -> str | None:
    ours = str(arguments["security_protocol"])
    sasl, mechanisms = ours.startswith("SASL_"), found.mechanisms
    below = "SSL" if found.tls else "PLAINTEXT"
    either = f"{below} or SASL_{below}" if mechanisms is None else f"SASL_{below}" if mechanisms else below
    to_set = f"set {PROTOCOL} to {either}, not {ours}"
    if found.tls != ours.endswith("SSL"):
        return f"it speaks {'TLS' if found.tls else 'no TLS'} on this port: {to_set}"
    if mechanisms is None:
        return None
    offered = ", ".join(mechanisms)
    if mechanisms and not sasl:
        return f"it requires SASL with {offered}: {to_set}, and PURCHASING_KAFKA_SASL_MECHANISM"
    if sasl and not mechanisms:
        return f"it accepts no SASL on this port: {to_set}"
    if sasl and arguments["sasl_mechanism"] not in mechanisms:
        return f"it offers {offered}, not {_name(arguments)}: set PURCHASING_KAFKA_SASL_MECHANISM"
    return None


def _name(arguments: Mapping[str, Any]) -> str:
    """Return the mechanism by its name in the settings."""
    provider = arguments.get("sasl_oauth_token_provider")
    return str(arguments.get("sasl_mechanism") if provider is None else provider.mechanism)


async def _listener(host: str, port: int, arguments: Mapping[str, Any]) -> Listener | None:
    """Return what a port speaks; None if unknown."""
    tls = await _speaks_tls(host, port)
    how: dict[str, Any] = {"security_protocol": "PLAINTEXT"}
    if tls:
        # Our context may have the certificate that the broker wants. It sends no secret.
        how = {"security_protocol": "SSL", "ssl_context": arguments.get("ssl_context") or _unchecked()}
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            connection = await create_conn(host, port, **how)
            try:
                answer = await connection.send(SaslHandShakeRequest("none"))
            finally:
                connection.close()
    except (OSError, KafkaError, TimeoutError):
        return Listener(tls, None) if tls else None
    wanted = answer.error_code == UnsupportedSaslMechanismError.errno
    return Listener(tls, tuple(sorted(answer.enabled_mechanisms)) if wanted else ())


async def _speaks_tls(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=_unchecked())
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
