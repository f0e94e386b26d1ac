"""The settings of a connection for clients on librdkafka, such as confluent-kafka."""

from typing import Any

from purchasing_contracts.kafka.settings import NEEDED_FOR_TOKENS, OAUTHBEARER, KafkaSettings
from purchasing_contracts.kafka.tokens import Token, TokenError, TokenSource, token_source

TokenForLibrdkafka = tuple[str, float, str, dict[str, str]]
"""A token, its expiry in seconds since 1970, its principal, and its extensions."""


class TokenCallback:
    """Callback of librdkafka for tokens: at the start, and after four fifths of a token's life.

    Never raises, because confluent-kafka loses exceptions between two of its callbacks. Without a token, librdkafka
    gets an expired one, refuses it and asks again after ten seconds.
    """

    def __init__(self, source: TokenSource, settings: KafkaSettings) -> None:
        self.problem = ""
        """The reason why the last call found no token; empty if it found one."""
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
    # librdkafka's errors about files do not name our settings.
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
