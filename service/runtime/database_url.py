"""The only parser of the database URL, PURCHASING_DATABASE_URL.

The URL has libpq's form: `postgresql://user:password@host1:port1,host2:port2/database?option=value&…`. Each of libpq's
options is understood or refused with a sentence. None is passed on to the server, which would take it for a setting.
Parts of a URL may be secrets (a password may contain `?` or `/`), so an error shows no more than an option's name.
"""

from __future__ import annotations

import random
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from shlex import split
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlencode

from service.runtime.database_options import (
    KEEPALIVE,
    NOT_SUPPORTED,
    OF_THE_SERVICE,
    ONLY,
    READERS_ONLY,
    SYSTEM,
    TLS_FILES,
    UNDERSTOOD,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = "PURCHASING_DATABASE_URL"
SCHEMES = ("postgresql://", "postgres://")
_TO_THE_DRIVER = (
    *TLS_FILES,
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
)
_OPTION_NAME = re.compile(r"[a-z_]{2,40}")
_SESSION_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]*))(?::([0-9]*))?")


class DatabaseUrlError(ValueError):
    """The URL can't be used. The text names the part and says what to do; it shows no value."""


class Host(NamedTuple):
    """One server: a name, an address, or the directory of a Unix socket. None: the driver's default."""

    name: str | None
    port: int | None

    def __str__(self) -> str:
        name = self.name or "localhost"
        return f"[{name}]:{self.port or 5432}" if ":" in name else f"{name}:{self.port or 5432}"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parsed URL."""

    hosts: tuple[Host, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str
    connect_timeout: float | None
    """Seconds per host; None: the caller's default."""
    target: str | None
    """`target_session_attrs`. With several hosts the default is one that accepts writes; with one host, any: a worker
    waits until it accepts writes."""
    random_order: bool
    passfile: str | None
    keepalive: Mapping[str, int]
    """Socket options by their names in `socket`."""
    session: Mapping[str, str]
    """Settings of each session, from `options`."""
    tls: Mapping[str, str] = field(repr=False)
    """The options of TLS, by libpq's names."""

    @property
    def reads_only(self) -> bool:
        """Whether the URL asks for servers that refuse writes."""
        return self.target in READERS_ONLY

    @property
    def demands_tls(self) -> bool:
        """Whether a server without TLS can't be used."""
        return self.tls.get("sslmode") in ("require", "verify-ca", "verify-full")

    def in_turn(self) -> list[Host]:
        """Return the hosts in the order of attempts."""
        return random.sample(self.hosts, len(self.hosts)) if self.random_order else list(self.hosts)

    def driver_arguments(self, host: Host, target: str | None) -> dict[str, Any]:
        """Return asyncpg's arguments to connect to one of the hosts, if it has these `target_session_attrs`.

        Raises DatabaseUrlError for a file that can't be used.
        """
        tls = dict(self.tls)
        arguments: dict[str, Any] = {
            "host": host.name,
            "port": host.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "passfile": self.passfile,
            "target_session_attrs": target,
        }
        self._try_files()
        if tls.get("sslrootcert") == SYSTEM:
            arguments["ssl"] = self._trusting_the_system()
            tls = {name: value for name, value in tls.items() if name == "sslnegotiation"}
        arguments["dsn"] = f"postgresql:///?{urlencode(tls)}" if tls else "postgresql:///"
        return arguments

    def _trusting_the_system(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if "sslcert" in self.tls:
            self._load("sslcert", context)
        return context

    def _try_files(self) -> None:
        """Read the files first, because the driver's errors do not name the option."""
        for name in TLS_FILES:
            if name in self.tls and (name, self.tls[name]) != ("sslrootcert", SYSTEM):
                try:
                    self._load(name, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
                except (OSError, ValueError):
                    raise DatabaseUrlError(f"the file of its {name} can't be read, or has the wrong content") from None

    def _load(self, name: str, context: ssl.SSLContext) -> None:
        match name:
            case "sslcert":
                # An empty password, or OpenSSL would ask at the terminal.
                password = self.tls.get("sslpassword", "")
                context.load_cert_chain(self.tls[name], self.tls.get("sslkey"), lambda: password)
            case "sslkey":
                # Loaded with its certificate.
                Path(self.tls[name]).read_bytes()
            case _:
                context.load_verify_locations(cafile=self.tls[name])


def parse_database_url(text: str) -> DatabaseUrl:
    """Read a URL. Raises DatabaseUrlError."""
    scheme = next((one for one in SCHEMES if text.startswith(one)), None)
    if scheme is None:
        raise DatabaseUrlError("it must begin with postgresql://")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise DatabaseUrlError("it contains a blank or a line end: percent-encode or remove it")
    rest, _, query = text.removeprefix(scheme).partition("?")
    authority, _, path = rest.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    # Most likely a password that was not encoded: then show and try nothing after it.
    if "@" in credentials + path + query:
        raise DatabaseUrlError(
            "an @ is in the wrong place: in the user, the password and the options, "
            "percent-encode @ : / ? # [ ] and %, such as %40 for @"
        )
    options = _options(query)
    user, colon, password = credentials.partition(":")
    if at and user and "user" not in options:
        options["user"] = _decoded(user, "user")
    if colon and "password" not in options:
        options["password"] = _decoded(password, "password")
    if path:
        if "dbname" in options:
            raise DatabaseUrlError("the database is given twice, after the hosts and as dbname")
        options["dbname"] = _decoded(path, "database")
    if not options.get("dbname"):
        raise DatabaseUrlError("it names no database: postgresql://user:password@host:5432/database")
    return DatabaseUrl(
        hosts=_hosts(hosts, options),
        user=options.get("user") or None,
        password=options.get("password") or None,
        database=options["dbname"],
        connect_timeout=_whole_number("connect_timeout", options, least=-1),
        target=options.get("target_session_attrs"),
        random_order=options.get("load_balance_hosts") == "random",
        passfile=options.get("passfile"),
        keepalive={KEEPALIVE[name]: n for name in KEEPALIVE if (n := _whole_number(name, options))},
        session=_session(options.get("options", "")),
        tls=_tls(options),
    )


def _options(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals or not _OPTION_NAME.fullmatch(name):
            raise DatabaseUrlError("after its ? something is not option=value: see the options of libpq")
        value = _decoded(value, name)
        # As in JDBC; libpq accepts it too.
        if (name, value) == ("ssl", "true"):
            name, value = "sslmode", "require"
        if name in NOT_SUPPORTED:
            raise DatabaseUrlError(f"its option {name} isn't supported: {NOT_SUPPORTED[name]}")
        if name not in UNDERSTOOD:
            raise DatabaseUrlError(f"{name} is not an option of libpq: remove it")
        only = ONLY.get(name)
        if only is not None:
            value = value.lower() if value.lower() in only.values else value
            if value not in only.values:
                raise DatabaseUrlError(f"its option {name} can only be {' or '.join(only.values)}: {only.why}")
        found[name] = value
    return found


def _decoded(text: str, what: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text) or "%00" in text:
        raise DatabaseUrlError(f"its {what} has a % without two hexadecimal digits: write % as %25")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DatabaseUrlError(f"its {what} is percent-encoded, but isn't UTF-8") from None


def _hosts(listed: str, options: Mapping[str, str]) -> tuple[Host, ...]:
    if listed and options.get("host"):
        raise DatabaseUrlError("the host is given twice, before the database and as host")
    of_option = options.get("host", "")
    hosts = [_host(one) for one in listed.split(",")] if listed else [_bare(one) for one in of_option.split(",")]
    if len(hosts) > 1 and any(host.name is None for host in hosts):
        raise DatabaseUrlError("one of its hosts has no name")
    if not options.get("port"):
        return tuple(hosts)
    ports = [_port(one) for one in options["port"].split(",")]
    if len(ports) not in (1, len(hosts)) or any(host.port for host in hosts):
        raise DatabaseUrlError("its option port must be one port, or one per host")
    return tuple(Host(host.name, port) for host, port in zip(hosts, ports * (len(hosts) // len(ports)), strict=True))


def _host(text: str) -> Host:
    found = _HOST.fullmatch(text)
    if found is None:
        raise DatabaseUrlError(
            "a host is not a name, address or [IPv6 address] with a port; in the password, percent-encode : and /"
        )
    address, name, port = found.groups()
    return Host(_decoded(address or name, "host") or None, _port(port) if port else None)


def _bare(text: str) -> Host:
    """Parse one value of the option `host`, where a socket's directory and an IPv6 address need no brackets."""
    as_it_is = text.startswith("/") or (text.count(":") > 1 and "[" not in text)
    return Host(text, None) if as_it_is else _host(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise DatabaseUrlError("a port is not a number from 1 to 65535; in the password, percent-encode / and ?")
    return int(text)


def _whole_number(name: str, options: Mapping[str, str], least: int = 0) -> int | None:
    """Return the number; None if it is not given, or 0 or less, which means the same to libpq."""
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or int(text) < least:
        raise DatabaseUrlError(f"its option {name} is not a whole number")
    return int(text) if int(text) > 0 else None


def _session(text: str) -> dict[str, str]:
    """Parse `-c name=value` and `--name=value`, like the server's command line."""
    found: dict[str, str] = {}
    try:
        words = split(text)
    except ValueError:
        words = ["?"]
    left = iter(words)
    for word in left:
        given = next(left, "") if word == "-c" else word.removeprefix("-c").removeprefix("--")
        setting = _SESSION_SETTING.fullmatch(given) if word.startswith(("-c", "--")) else None
        if setting is None:
            raise DatabaseUrlError("its option options can only contain session settings: -c%20name%3Dvalue")
        name = setting[1].replace("-", "_").lower()
        if name in OF_THE_SERVICE:
            raise DatabaseUrlError(f"its option options sets {name}, which the service sets itself: remove it")
        found[name] = setting[2]
    return found


def _tls(options: Mapping[str, str]) -> dict[str, str]:
    found = {name: options[name] for name in _TO_THE_DRIVER if name in options}
    if found.get("sslrootcert") == SYSTEM and found.setdefault("sslmode", "verify-full") != "verify-full":
        raise DatabaseUrlError("with sslrootcert=system its sslmode can only be verify-full")
    return found
