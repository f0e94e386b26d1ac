"""What the environment says: every `PURCHASING_*` variable, checked before anything else starts.

A value may be a secret or carry one (a database URL has a password), so no error and no `repr` of this
module shows a value: they name the variable and say what to do.
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from purchasing_contracts.checking import FUTURE_TOLERANCE_SECONDS
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.database_url import parse_database_url

PREFIX = "PURCHASING_"
ELSEWHERE = ("cache_dir",)
"""Read by `service.embedded`."""

S = TypeVar("S", bound=BaseSettings)

WHAT_TO_DO: Mapping[str, str] = {
    "kafka_bootstrap_servers": "give the brokers as host:port, separated by commas, such as localhost:9092",
    "kafka_security_protocol": "it is one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
    "kafka_sasl_mechanism": "it is one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
    "kafka_sasl_username": "give the name of the Kafka user",
    "kafka_sasl_password": "give the password of the Kafka user",
    "kafka_ssl_cafile": "give the path of a readable PEM file with the broker's certificate authority",
    "database_url": "give the database as postgresql://user:password@host:5432/name",
    "consumer_group": "give the consumer group as 1 to 200 letters, digits, '.', '_' or '-'",
    "http_port": "give a port from 0 to 65535",
    "fuse_share": "give the share of bad records that blows a topic's fuse, above 0 and up to 1 (never), such as 0.5",
    "fuse_records": "give how many of a topic's last records its fuse looks at, from 10 to 100000",
    "fuse_at_least": "give how many records there must be before a fuse can blow, from 1 to 100000",
    "future_tolerance_seconds": "give how many seconds a message may be dated ahead of the database's clock, "
    "from 60 to 2678400 (31 days), such as 3600",
    "refund_limit_per_minute": "give what may be refunded in a minute, in minor units, as CNY=50000000,EUR=6000000",
    "traces": "it is one of off, otlp",
    "log_format": "it is one of json, console, auto",
    "log_level": "it is one of debug, info, warning, error",
}


FutureTolerance = Annotated[int, Field(ge=60, le=2_678_400)]
"""Seconds that a message may be dated ahead of the database's clock before it is put aside."""


class SettingsError(Exception):
    """The environment doesn't make a whole set of settings. Its text has a sentence a problem and never a
    value.
    """


def _a_database(url: SecretStr) -> SecretStr:
    parse_database_url(url.get_secret_value())
    return url


class Settings(BaseSettings):
    """The service's settings, from environment variables named like the members with `PURCHASING_` before
    them.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: str
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: Path | None = None
    database_url: SecretStr
    consumer_group: str = Field(default="purchasing", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    http_port: int = Field(default=8080, ge=0, le=65535)
    fuse_share: float = Field(default=0.5, gt=0, le=1)
    fuse_records: int = Field(default=500, ge=10, le=100_000)
    fuse_at_least: int = Field(default=100, ge=1, le=100_000)
    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS
    refund_limit_per_minute: str = Field(default="", pattern=r"^([A-Z]{3}=[0-9]{1,15}(,[A-Z]{3}=[0-9]{1,15})*)?$")
    """Off unless set: no amount is right for every business, and one too low keeps money from buyers."""
    traces: Literal["off", "otlp"] = "off"
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        for server in text.split(","):
            host, colon, port = server.strip().rpartition(":")
            if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError("not host:port")
        return text

    @field_validator("refund_limit_per_minute")
    @classmethod
    def _has_each_currency_once(cls, text: str) -> str:
        currencies = [one.partition("=")[0] for one in text.split(",")]
        if len(set(currencies)) < len(currencies):
            raise ValueError("a currency twice")
        return text

    @field_validator("kafka_ssl_cafile")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not os.access(path, os.R_OK):
            raise ValueError("not readable")
        return path

    _is_a_database = field_validator("database_url")(_a_database)

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL_"):
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name} needed")
        return self

    def kafka(self) -> dict[str, Any]:
        """How any aiokafka client of the service connects: keyword arguments. Reads the CA file.

        Raises SettingsError where that file holds no certificate.
        """
        connection: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in self.kafka_bootstrap_servers.split(",")],
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            try:
                connection["ssl_context"] = ssl.create_default_context(cafile=self.kafka_ssl_cafile)
            except (OSError, ssl.SSLError):
                raise SettingsError(_sentence("kafka_ssl_cafile", "holds no certificate that can be read")) from None
        if self.kafka_security_protocol.startswith("SASL_") and self.kafka_sasl_password is not None:
            connection["sasl_mechanism"] = self.kafka_sasl_mechanism
            connection["sasl_plain_username"] = self.kafka_sasl_username
            connection["sasl_plain_password"] = self.kafka_sasl_password.get_secret_value()
        return connection

    def refund_limits(self) -> dict[str, int]:
        """What may be refunded in a minute, in minor units by currency; a currency not in it has no limit."""
        pairs = (one.split("=") for one in self.refund_limit_per_minute.split(",") if one)
        return {currency: int(amount) for currency, amount in pairs}

    def database(self) -> str:
        """The PostgreSQL URL, password and all: for the driver only, never for a log."""
        return self.database_url.get_secret_value()


def load(**given: Any) -> Settings:
    """The settings of the environment; `given` members come before it (the embedded stack's addresses).

    Raises SettingsError with one sentence for each thing that is wrong, a line each.
    """
    return _of_environment(Settings, given)


class _DatabaseOnly(BaseSettings):
    """What a command needs that has nothing to do with Kafka."""

    model_config = Settings.model_config
    database_url: SecretStr
    _is_a_database = field_validator("database_url")(_a_database)


def database_of_environment() -> str:
    """The PostgreSQL URL alone, for commands that need no broker. Raises SettingsError like `load`."""
    return _of_environment(_DatabaseOnly, {}).database_url.get_secret_value()


class _ReplayOnly(BaseSettings):
    """What a command needs besides that puts records through the service's door."""

    model_config = Settings.model_config
    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS


def future_tolerance_of_environment() -> timedelta:
    """How far ahead of the database's clock a message may be dated. Raises SettingsError like `load`."""
    return timedelta(seconds=_of_environment(_ReplayOnly, {}).future_tolerance_seconds)


def _of_environment(kind: type[S], given: Mapping[str, Any]) -> S:
    try:
        return kind(**given)
    except ValidationError as error:
        # `from None`: the original error's context holds the values it refused.
        raise SettingsError("\n".join(_sentences(error))) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Names that start like ours and are none of ours: most likely a typing error, so worth a warning."""
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, *ELSEWHERE)}
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return sorted(name for name in ours if name.upper() not in known)


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_context=False, include_url=False):
        if problem["loc"]:
            name = str(problem["loc"][0])
            state = "is not set" if problem["type"] == "missing" else "is not valid"
            if name == "database_url" and problem["type"] == "value_error":
                # It says which part of it, and no value.
                yield f"{PREFIX}{name.upper()} {state}: {problem['msg'].removeprefix('Value error, ')}."
            else:
                yield _sentence(name, state)
        else:
            # The only rule over several members: SASL without a user or a password.
            name = problem["msg"].removeprefix("Value error, ").removesuffix(" needed")
            yield _sentence(name, "is not set, but the security protocol is a SASL one")


def _sentence(name: str, state: str) -> str:
    return f"{PREFIX}{name.upper()} {state}: {WHAT_TO_DO[name]}."
