"""Settings from the environment: every `PURCHASING_*` variable, checked before anything else starts.

A value may be or contain a secret (a database URL has a password). So no error and no `repr` of this module shows a
value: they name the variable and say what to do.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from purchasing_contracts.checking import FUTURE_TOLERANCE_SECONDS
from purchasing_contracts.environment import IN_WORDS, PREFIX, CleanSettings, SettingsError, sentences
from purchasing_contracts.kafka.settings import KafkaSettings
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.runtime.database_url import DatabaseUrlError, parse_database_url

__all__ = [
    "ConsoleKafkaSettings",
    "ConsoleSettings",
    "Settings",
    "SettingsError",
    "database_of_environment",
    "future_tolerance_of_environment",
    "group_and_replicas_of_environment",
    "load",
    "load_console",
    "load_console_kafka",
    "unknown_variables",
]

ELSEWHERE = ("cache_dir", "registry_username", "registry_password", "registry_token", "registry_cafile")
"""Variables that `service.embedded` and `purchasing-contracts register` read."""

BOTH_FAMILIES = "*"
PROCESSES_MAX = 64
TOPIC_REPLICAS_MAX = 9
LIMITS = r"^([A-Z]{3}=[0-9]{1,15}(,[A-Z]{3}=[0-9]{1,15})*)?$"
"""Amounts in minor units by currency."""

WHAT_TO_DO: Mapping[str, str] = {
    **KafkaSettings.what_to_do,
    "database_url": "give the database as postgresql://user:password@host:5432/name",
    "processes": f"give how many worker processes to run, from 1 to {PROCESSES_MAX}",
    "consumer_group": "give the consumer group as 1 to 200 letters, digits, '.', '_' or '-'",
    "topic_replicas": f"give how many replicas the topics have, from 1 to {TOPIC_REPLICAS_MAX}",
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
    "console_host": "give the address to listen on, such as 127.0.0.1 or ::1, or * for all of IPv6 and IPv4",
    "console_port": "give a port from 0 to 65535",
    "console_url": "give the address under which browsers reach the console, as https://console.example",
    "console_roles": "give which groups have which roles, as support=agents,leads;operator=sre (roles: support, "
    "operator, finance, engineer)",
    "console_approval_records": "give how many records one person may replay or drop at once, from 0 to 1000000",
    "console_approval_amount": "give how much money one person may move by replaying or dropping records, or by "
    "resuming, in minor units, as CNY=10000000,EUR=1200000",
    "console_time_zone": "give a time zone by its name, such as Asia/Shanghai",
    "console_oidc_issuer": "give the identity provider's issuer, as https://id.example/realm",
    "console_oidc_client_id": "give the client's id at the identity provider",
    "console_groups_claim": "give the name of the claim that holds a person's groups, such as groups",
    "console_assertion_header": "give the name of the header in which the proxy sends its signed assertion",
    "console_assertion_jwks_url": "give where the proxy's public keys are, as https://proxy.example/jwks.json",
    "console_assertion_issuer": "give the issuer that the proxy's assertions name",
    "console_assertion_audience": "give the audience that the proxy's assertions name",
    "traces": "give off or otlp",
    "metrics": "give scrape or otlp",
    "log_format": "give json, console or auto",
    "log_level": "give debug, info, warning or error",
}


FutureTolerance = Annotated[int, Field(ge=60, le=2_678_400)]
"""Seconds by which a message may be dated ahead of the database's clock without being quarantined."""


def _each_currency_once(text: str) -> str:
    currencies = [one.partition("=")[0] for one in text.split(",")]
    if len(set(currencies)) < len(currencies):
        raise ValueError("a currency occurs twice")
    return text


def _limits(text: str) -> dict[str, int]:
    pairs = (one.split("=") for one in text.split(",") if one)
    return {currency: int(amount) for currency, amount in pairs}


def _a_database(url: SecretStr) -> SecretStr:
    try:
        parse_database_url(url.get_secret_value())
    except DatabaseUrlError as error:
        # The error names a part of the URL, and no value.
        raise PydanticCustomError(IN_WORDS, "{words}", {"words": str(error)}) from None
    return url


def _an_origin(url: str) -> str:
    """Refuse what is no origin: a port that is no port, a path, a user."""
    if url:
        parts = urlsplit(url)
        # Reading the port raises ValueError if it is not a number up to 65535.
        if not parts.hostname or parts.port == 0 or url != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
            raise ValueError("no origin")
    return url


ConsoleUrl = Annotated[str, Field(pattern=r"^(|https?://[A-Za-z0-9.:\[\]_-]{1,255})$"), AfterValidator(_an_origin)]
"""The origin under which browsers reach the console; empty: none. The console is at the root of its host."""


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
    topic_replicas: int | None = Field(default=None, ge=1, le=TOPIC_REPLICAS_MAX)
    """Replicas of each topic; None: those of the registry, at most one per broker."""
    http_host: str = Field(default=BOTH_FAMILIES, pattern=r"^(\*|[A-Za-z0-9._:%-]{1,255})$")
    http_port: int = Field(default=8080, ge=0, le=65535)
    breaker_share: float = Field(default=0.5, gt=0, le=1)
    breaker_records: int = Field(default=500, ge=10, le=100_000)
    breaker_at_least: int = Field(default=100, ge=1, le=100_000)
    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS
    refund_limit_per_minute: str = Field(default="", pattern=LIMITS)
    """Off by default: no amount is right for every business, and a limit that is too low withholds refunds."""
    console_url: ConsoleUrl = ""
    """The origin to which log lines, alerts and the dashboard lead."""
    traces: Literal["off", "otlp"] = "off"
    metrics: Literal["scrape", "otlp"] = "scrape"
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    _has_each_currency_once = field_validator("refund_limit_per_minute")(_each_currency_once)
    _is_a_database = field_validator("database_url")(_a_database)

    def refund_limits(self) -> dict[str, int]:
        """Return the refunds allowed per minute, in minor units by currency. Other currencies have no limit."""
        return _limits(self.refund_limit_per_minute)

    def database(self) -> str:
        """Return the PostgreSQL URL with its password: for the driver only, never for a log."""
        return self.database_url.get_secret_value()


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ROLES = ("support", "operator", "finance", "engineer")


class ConsoleKafkaSettings(KafkaSettings, _Environment):
    """The broker that the console asks, if one is set, and the group of its workers."""

    what_to_do: ClassVar[Mapping[str, str]] = WHAT_TO_DO

    kafka_bootstrap_servers: str = ""
    consumer_group: str = Field(default="purchasing", pattern=r"^[A-Za-z0-9._-]{1,200}$")


class ConsoleSettings(_Environment):
    """The console's settings."""

    database_url: SecretStr
    console_host: str = Field(default="127.0.0.1", pattern=r"^(\*|[A-Za-z0-9._:%-]{1,255})$")
    console_port: int = Field(default=8081, ge=0, le=65535)
    console_url: ConsoleUrl = ""
    console_roles: str = ""
    console_time_zone: str = "Asia/Shanghai"
    future_tolerance_seconds: FutureTolerance = FUTURE_TOLERANCE_SECONDS
    """As the workers', so that a message that is tried is judged as they would."""
    console_oidc_issuer: str = Field(default="", pattern=r"^(|https?://\S{1,2000})$")
    console_oidc_client_id: str = Field(default="", max_length=500)
    console_oidc_client_secret: SecretStr = SecretStr("")
    """Empty for a public client: PKCE is used in any case."""
    console_approval_records: int = Field(default=100, ge=0, le=1_000_000)
    """Replaying or dropping more records at once needs somebody else to confirm it."""
    console_approval_amount: str = Field(default="CNY=10000000", pattern=LIMITS)
    """And so does moving more money by it or by resuming; of a currency that is not named, any."""
    console_groups_claim: str = Field(default="groups", pattern=r"^[A-Za-z0-9_.:/-]{1,200}$")
    console_assertion_header: str = Field(default="", pattern=r"^[A-Za-z0-9-]{0,100}$")
    console_assertion_jwks_url: str = Field(default="", pattern=r"^(|https?://\S{1,2000})$")
    console_assertion_issuer: str = Field(default="", max_length=2000)
    console_assertion_audience: str = Field(default="", max_length=2000)
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    _is_a_database = field_validator("database_url")(_a_database)
    _has_each_currency_once = field_validator("console_approval_amount")(_each_currency_once)

    @field_validator("console_roles")
    @classmethod
    def _has_known_roles_once(cls, text: str) -> str:
        named = [part.partition("=")[0].strip() for part in text.split(";") if part.strip()]
        if len(set(named)) < len(named) or not set(named) <= set(ROLES):
            raise ValueError("an unknown role, or one twice")
        if not all("=" in part and part.partition("=")[2].strip() for part in text.split(";") if part.strip()):
            raise ValueError("a role without groups")
        return text

    @field_validator("console_time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no time zone") from None
        return name

    def future_tolerance(self) -> timedelta:
        """The time by which a message may be dated ahead of the database's clock."""
        return timedelta(seconds=self.future_tolerance_seconds)

    @property
    def is_on_loopback(self) -> bool:
        """Whether only this machine can reach the console."""
        return self.console_host in LOOPBACK

    def groups_by_role(self) -> dict[str, tuple[str, ...]]:
        """The groups of the identity provider for each role."""
        parts = (part.partition("=") for part in self.console_roles.split(";") if part.strip())
        return {
            role.strip(): tuple(group.strip() for group in groups.split(",") if group.strip())
            for role, _, groups in parts
        }

    def approval_amounts(self) -> dict[str, int]:
        """Up to which amounts, in minor units by currency, nobody else has to confirm."""
        return _limits(self.console_approval_amount)

    def database(self) -> str:
        """The PostgreSQL URL, password and all: for the driver only, never for a log."""
        return self.database_url.get_secret_value()


S = TypeVar("S", bound=_Environment)


def load_console(**given: Any) -> ConsoleSettings:
    """The console's settings, as `load` gives the service's. Raises SettingsError."""
    return _of_environment(ConsoleSettings, given)


def load_console_kafka() -> ConsoleKafkaSettings | None:
    """The broker that the console asks; None if none is set. Raises SettingsError."""
    settings = _of_environment(ConsoleKafkaSettings, {})
    return settings if settings.kafka_bootstrap_servers else None


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


class _TopicsOnly(_Environment):
    """Settings of commands that write topics and ACLs down."""

    consumer_group: str = Field(default="purchasing", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    topic_replicas: int | None = Field(default=None, ge=1, le=TOPIC_REPLICAS_MAX)


def group_and_replicas_of_environment() -> tuple[str, int | None]:
    """Return the consumer group, and the topics' number of replicas if it is set. Raises SettingsError like `load`."""
    settings = _of_environment(_TopicsOnly, {})
    return settings.consumer_group, settings.topic_replicas


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
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, *ConsoleSettings.model_fields, *ELSEWHERE)}
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return sorted(name for name in ours if name.upper() not in known)
