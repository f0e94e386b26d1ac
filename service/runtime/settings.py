"""Settings from the environment: every `PURCHASING_*` variable, checked before anything else starts.

A value may be or contain a secret (a database URL has a password). So no error and no `repr` of this module shows a
value: they name the variable and say what to do.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from purchasing_contracts.checking import FUTURE_TOLERANCE_SECONDS
from purchasing_contracts.environment import IN_WORDS, PREFIX, CleanSettings, SettingsError, sentences
from purchasing_contracts.kafka.settings import KafkaSettings
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.runtime.database_url import DatabaseUrlError, parse_database_url

__all__ = [
    "Settings",
    "SettingsError",
    "database_of_environment",
    "future_tolerance_of_environment",
    "load",
    "unknown_variables",
]

ELSEWHERE = ("cache_dir",)
"""Variables that `service.embedded` reads."""

BOTH_FAMILIES = "*"
PROCESSES_MAX = 64

WHAT_TO_DO: Mapping[str, str] = {
    **KafkaSettings.what_to_do,
    "database_url": "give the database as postgresql://user:password@host:5432/name",
    "processes": f"give how many worker processes to run, from 1 to {PROCESSES_MAX}",
    "consumer_group": "give the consumer group as 1 to 200 letters, digits, '.', '_' or '-'",
    "http_host": "give the address to listen on, such as 127.0.0.1 or ::1, or * for all addresses",
    "http_port": "give a port from 0 to 65535",
    "breaker_share": (
        "give the share of bad records that opens a topic's circuit breaker, above 0 and up to 1 (never), such as 0.5"
    ),
    "breaker_records": "give the number of last records that a topic's circuit breaker counts, from 10 to 100000",
    "breaker_at_least": "give the number of records before which a circuit breaker can't open, from 1 to 100000",
    "future_tolerance_seconds": "give the seconds by which a message may be dated ahead of the database's clock, "
    "from 60 to 2678400 (31 days), such as 3600",
    "refund_limit_per_minute": "give the refunds allowed per minute, in minor units, as CNY=50000000,EUR=6000000",
    "traces": "give off or otlp",
    "log_format": "give json, console or auto",
    "log_level": "give debug, info, warning or error",
}


FutureTolerance = Annotated[int, Field(ge=60, le=2_678_400)]
"""Seconds by which a message may be dated ahead of the database's clock without being quarantined."""


def _a_database(url: SecretStr) -> SecretStr:
    try:
        parse_database_url(url.get_secret_value())
    except DatabaseUrlError as error:
        # The error names a part of the URL, and no value.
        raise PydanticCustomError(IN_WORDS, "{words}", {"words": str(error)}) from None
    return url


class _Environment(CleanSettings, BaseSettings):
    """Settings from environment variables: `PURCHASING_` and the member's name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )
    what_to_do: ClassVar[Mapping[str, str]] = WHAT_TO_DO


class Settings(KafkaSettings, _Environment):
    """The service's settings."""

    what_to_do: ClassVar[Mapping[str, str]] = WHAT_TO_DO

    database_url: SecretStr
    processes: int | None = Field(default=None, ge=1, le=PROCESSES_MAX)
    """Worker processes; None: one per core, see `service.worker.supervisor`."""
    consumer_group: str = Field(default="purchasing", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    http_host: str = Field(default=BOTH_FAMILIES, pattern=r"^(\*|[A-Za-z0-9._:%-]{1,255})$")
    http_port: int = Field(default=8080, ge=0, le=65535)
    breaker_share: float = Field(default=0.5, gt=0, le=1)
    breaker_records: int = Field(default=500, ge=10, le=100_000)
    breaker_at_least: int = Field(default=100, ge=1, le=100_000)
    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS
    refund_limit_per_minute: str = Field(default="", pattern=r"^([A-Z]{3}=[0-9]{1,15}(,[A-Z]{3}=[0-9]{1,15})*)?$")
    """Off by default: no amount is right for every business, and a limit that is too low withholds refunds."""
    traces: Literal["off", "otlp"] = "off"
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("refund_limit_per_minute")
    @classmethod
    def _has_each_currency_once(cls, text: str) -> str:
        currencies = [one.partition("=")[0] for one in text.split(",")]
        if len(set(currencies)) < len(currencies):
            raise ValueError("a currency occurs twice")
        return text

    _is_a_database = field_validator("database_url")(_a_database)

    def refund_limits(self) -> dict[str, int]:
        """Return the refunds allowed per minute, in minor units by currency. Other currencies have no limit."""
        pairs = (one.split("=") for one in self.refund_limit_per_minute.split(",") if one)
        return {currency: int(amount) for currency, amount in pairs}

    def database(self) -> str:
        """Return the PostgreSQL URL with its password: for the driver only, never for a log."""
        return self.database_url.get_secret_value()


S = TypeVar("S", bound=_Environment)


def load(**given: Any) -> Settings:
    """Return the settings. `given` members override the environment (addresses of the embedded servers).

    Raises SettingsError with one sentence per error, one per line.
    """
    return _of_environment(Settings, given)


class _DatabaseOnly(_Environment):
    """Settings of commands that need only the database."""

    database_url: SecretStr
    _is_a_database = field_validator("database_url")(_a_database)


def database_of_environment() -> str:
    """Return the PostgreSQL URL, for commands that need no broker. Raises SettingsError like `load`."""
    return _of_environment(_DatabaseOnly, {}).database_url.get_secret_value()


class _ReplayOnly(_Environment):
    """Settings of commands that replay records."""

    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS


def future_tolerance_of_environment() -> timedelta:
    """Return how far a message may be dated ahead of the database's clock. Raises SettingsError like `load`."""
    return timedelta(seconds=_of_environment(_ReplayOnly, {}).future_tolerance_seconds)


def _of_environment(kind: type[S], given: Mapping[str, Any]) -> S:
    try:
        return kind(**given)
    except ValidationError as error:
        # `from None`, because the original error contains the refused values.
        raise SettingsError("\n".join(sentences(kind, error))) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return variables with our prefix that are no setting, most likely typing errors."""
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, *ELSEWHERE)}
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return sorted(name for name in ours if name.upper() not in known)
