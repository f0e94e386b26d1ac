"""The settings of a Kafka connection: addresses, TLS, SASL. Every command reads the same environment variables."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from purchasing_contracts.environment import CleanSettings, SettingsError, sentence

AWS_MSK_IAM = "AWS_MSK_IAM"
OAUTHBEARER = "OAUTHBEARER"

NEEDED_FOR_TOKENS: Mapping[str, tuple[str, ...]] = {
    OAUTHBEARER: (
        "kafka_sasl_oauth_token_endpoint_url",
        "kafka_sasl_oauth_client_id",
        "kafka_sasl_oauth_client_secret",
    ),
    AWS_MSK_IAM: ("kafka_sasl_aws_region",),
}
NEEDED_FOR_PASSWORDS = ("kafka_sasl_username", "kafka_sasl_password")

# RFC 7628: a name is letters and not `auth`; a value has no separator of the message (0x01), which is unprintable.
_EXTENSION = re.compile(r"(?!auth=)[A-Za-z]+=[!-+\--~]+")


class KafkaSettings(CleanSettings):
    """The settings of a Kafka connection. Each field is an environment variable with the prefix `PURCHASING_`."""

    what_to_do: ClassVar[Mapping[str, str]] = {
        "kafka_bootstrap_servers": "give the brokers as host:port, separated by commas, such as localhost:9092",
        "kafka_security_protocol": "it is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        "kafka_sasl_mechanism": "it is one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, AWS_MSK_IAM",
        "kafka_sasl_username": "give the name of the Kafka user",
        "kafka_sasl_password": "give the password of the Kafka user",
        "kafka_sasl_oauth_token_endpoint_url": (
            "give the URL where tokens are issued, such as https://idp.example/token"
        ),
        "kafka_sasl_oauth_client_id": "give the client's id at the token endpoint",
        "kafka_sasl_oauth_client_secret": "give the client's secret at the token endpoint",
        "kafka_sasl_oauth_scope": "give the scope to ask for, several of them separated by blanks",
        "kafka_sasl_oauth_extensions": "give what the broker wants beside the token as name=value, separated by commas",
        "kafka_sasl_oauth_cafile": (
            "give the path of a readable PEM file with the certificate authority of the token endpoint"
        ),
        "kafka_sasl_aws_region": "give the AWS region of the MSK cluster, such as eu-central-1",
        "kafka_ssl_cafile": "give the path of a readable PEM file with the broker's certificate authority",
        "kafka_ssl_certfile": "give the path of a readable PEM file with the client's certificate and those above it",
        "kafka_ssl_keyfile": "give the path of a readable PEM file with the key of the client's certificate",
        "kafka_ssl_key_password": "give the password of the key",
    }

    kafka_bootstrap_servers: str
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"] = (
        "SCRAM-SHA-512"
    )
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_sasl_oauth_token_endpoint_url: str | None = None
    kafka_sasl_oauth_client_id: str | None = None
    kafka_sasl_oauth_client_secret: SecretStr | None = None
    kafka_sasl_oauth_scope: str | None = None
    kafka_sasl_oauth_extensions: str = ""
    kafka_sasl_oauth_cafile: Path | None = None
    kafka_sasl_aws_region: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    kafka_ssl_cafile: Path | None = None
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    """Without it, the key is in the certificate's file."""
    kafka_ssl_key_password: SecretStr | None = None

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        for server in text.split(","):
            host, colon, port = server.strip().rpartition(":")
            if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError("not host:port")
        return text

    @field_validator("kafka_sasl_oauth_token_endpoint_url")
    @classmethod
    def _is_a_web_address(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            # A user in the URL would be a secret in a setting that errors show.
            if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.fragment:
                raise ValueError("not a URL of a token endpoint")
            # Reading the port raises if it is not a number.
            _ = parts.port
        return url

    @field_validator("kafka_sasl_oauth_extensions")
    @classmethod
    def _are_extensions(cls, text: str) -> str:
        pairs = [one.strip() for one in text.split(",")] if text else []
        if not all(_EXTENSION.fullmatch(one) for one in pairs) or len({*_names(pairs)}) < len(pairs):
            raise ValueError("not name=value")
        return ",".join(pairs)

    @field_validator("kafka_ssl_cafile", "kafka_ssl_certfile", "kafka_ssl_keyfile", "kafka_sasl_oauth_cafile")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError("not readable")
        return path

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL_"):
            for name in NEEDED_FOR_TOKENS.get(self.kafka_sasl_mechanism, NEEDED_FOR_PASSWORDS):
                if getattr(self, name) is None:
                    mechanism = self.kafka_sasl_mechanism
                    why = f"the security protocol is a SASL one and the mechanism {mechanism}"
                    raise PydanticCustomError(name, f"is not set, but {why}")
        if self.kafka_ssl_keyfile is not None and self.kafka_ssl_certfile is None:
            raise PydanticCustomError("kafka_ssl_certfile", "is not set, but a key for it is")
        return self

    def extensions(self) -> dict[str, str]:
        """Return the extensions of an OAuth token (RFC 7628), value by name."""
        pairs = (one.partition("=") for one in self.kafka_sasl_oauth_extensions.split(",") if one)
        return {name: value for name, _, value in pairs}

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context of the connection; None if the protocol has no TLS. Reads the files.

        Raises SettingsError for a file with the wrong content.
        """
        if not self.kafka_security_protocol.endswith("SSL"):
            return None
        context = trusting(type(self), "kafka_ssl_cafile", self.kafka_ssl_cafile)
        if self.kafka_ssl_certfile is not None:
            self._load_client_certificate(context, self.kafka_ssl_certfile)
        return context

    def _load_client_certificate(self, context: ssl.SSLContext, certificate: Path) -> None:
        secret = self.kafka_ssl_key_password
        password = "" if secret is None else secret.get_secret_value()
        prompted = []

        def answer() -> str:
            # Without our answer, OpenSSL would ask at the terminal.
            prompted.append(True)
            return password

        kind = type(self)
        key = self.kafka_ssl_keyfile or certificate
        try:
            context.load_cert_chain(certificate, key, password=answer)
        except (OSError, ssl.SSLError) as error:
            if prompted:
                state = "is not set, but the client's key is encrypted" if secret is None else "doesn't open the key"
                raise SettingsError(sentence(kind, "kafka_ssl_key_password", state)) from None
            if "KEY_VALUES_MISMATCH" in str(error):
                state = "holds the key of another certificate than PURCHASING_KAFKA_SSL_CERTFILE"
                raise SettingsError(sentence(kind, "kafka_ssl_keyfile", state)) from None
            name = (
                "kafka_ssl_keyfile"
                if self.kafka_ssl_keyfile and _has_certificate(certificate)
                else ("kafka_ssl_certfile")
            )
            what = "no key" if name.endswith("keyfile") else "no certificate with its key"
            raise SettingsError(sentence(kind, name, f"holds {what} that can be read")) from None


def trusting(kind: type[CleanSettings], name: str, path: Path | None) -> ssl.SSLContext:
    """Return a client's TLS context that trusts the authorities in the file, or those of the system without a file.

    Raises SettingsError, which names the setting `name`, if the file has no certificate.
    """
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        raise SettingsError(sentence(kind, name, "holds no certificate that can be read")) from None


def _names(pairs: list[str]) -> list[str]:
    return [one.partition("=")[0] for one in pairs]


def _has_certificate(path: Path) -> bool:
    return b"-----BEGIN CERTIFICATE-----" in path.read_bytes()
