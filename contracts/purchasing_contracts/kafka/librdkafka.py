"""The settings of a connection as clients on librdkafka take them, such as confluent-kafka."""

from typing import Any

from purchasing_contracts.kafka.settings import NEEDED_FOR_TOKENS, OAUTHBEARER, KafkaSettings
from purchasing_contracts.kafka.tokens import Token, TokenError, TokenSource, token_source

TokenForLibrdkafka = tuple[str, float, str, dict[str, str]]
"""A token, when it ends in seconds since 1970, whose it is, and its extensions."""


class TokenCallback:
    """What librdkafka calls for a token: at the start, and after four fifths of each one's life.

    Never raises: confluent-kafka loses an exception between two of its callbacks. Where there is no token, librdkafka
    gets one that has expired, refuses it and asks again in ten seconds.
    """

    def __init__(self, source: TokenSource, settings: KafkaSettings) -> None:
        self.problem = ""
        """Why there was no token the last time; empty if there was one."""
        self._source = source
        self._principal = settings.kafka_sasl_oauth_client_id or "purchasing"
        self._extensions = settings.extensions()
        self._first: Token | None = None
        self._last = Token("none", 0.0, 0.0)

    def fetch_first(self) -> None:
        """Fetch the token for the first call. Raises TokenError."""
        self._first = self._last = self._source.fetch()

    def __call__(self, _config: str) -> TokenForLibrdkafka:
        """Return a token."""
        token, self._first = self._first or self._fetched(), None
        return token.value, token.expires_at, self._principal, self._extensions

    def _fetched(self) -> Token:
        try:
            self._last = self._source.fetch()
            self.problem = ""
        except TokenError as error:
            self.problem = str(error)
        return self._last


def librdkafka_settings(settings: KafkaSettings) -> dict[str, Any]:
    """Client configuration by librdkafka's names; `oauth_cb` is a TokenCallback. Raises SettingsError."""
    # librdkafka's own errors about files name none of our settings.
    settings.tls()
    secret, key_password = settings.kafka_sasl_password, settings.kafka_ssl_key_password
    found: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        certificate = settings.kafka_ssl_certfile
        found |= {
            "ssl.ca.location": settings.kafka_ssl_cafile,
            "ssl.certificate.location": certificate,
            "ssl.key.location": settings.kafka_ssl_keyfile or certificate,
            "ssl.key.password": None if key_password is None else key_password.get_secret_value(),
        }
    source = token_source(settings)
    if source is not None:
        found["sasl.mechanism"] = OAUTHBEARER
    elif settings.kafka_security_protocol.startswith("SASL_"):
        assert settings.kafka_sasl_mechanism not in NEEDED_FOR_TOKENS
        found |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_sasl_username,
            "sasl.password": None if secret is None else secret.get_secret_value(),
        }
    texts: dict[str, Any] = {name: str(value) for name, value in found.items() if value is not None}
    return texts if source is None else texts | {"oauth_cb": TokenCallback(source, settings)}
