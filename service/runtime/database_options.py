"""libpq's options in a database URL: supported ones, ones with limited values, unsupported ones with reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

READERS_ONLY = ("read-only", "standby", "prefer-standby")
TARGETS = ("any", "primary", "read-write", *READERS_ONLY)
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
TLS_FILES = ("sslrootcert", "sslkey", "sslcert", "sslcrl")
SYSTEM = "system"
"""The `sslrootcert` for the certificate authorities that the operating system trusts."""

OF_THE_SERVICE = frozenset(
    {
        "application_name",
        "lock_timeout",
        "synchronous_commit",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
        "enable_seqscan",
        "plan_cache_mode",
        "jit",
        "client_encoding",
        "default_transaction_isolation",
        "default_transaction_read_only",
    }
)
"""Session settings that the service sets itself, so `options` must not."""

NAMED_BY_THE_SERVICE = frozenset({"application_name", "fallback_application_name"})
"""Accepted and ignored: the service names its sessions itself, and commands find them by these names."""


class Only(NamedTuple):
    """An option with limited values, and the reason."""

    values: tuple[str, ...]
    why: str


ONLY: Mapping[str, Only] = {
    "channel_binding": Only(
        ("disable", "prefer"),
        "the driver can't bind the password to the TLS channel; sslmode=verify-full protects against the same",
    ),
    "client_encoding": Only(("auto", "utf8", "utf-8"), "the driver speaks UTF-8"),
    "gssdelegation": Only(("0",), "Kerberos isn't supported"),
    "gssencmode": Only(("disable", "prefer"), "Kerberos isn't supported"),
    "keepalives": Only(("1",), "without them the service would wait for a dead server for ever"),
    "load_balance_hosts": Only(("disable", "random"), "libpq has no others"),
    "max_protocol_version": Only(("3.0", "3.2", "latest"), "the driver speaks 3.0"),
    "min_protocol_version": Only(("3.0",), "the driver speaks 3.0"),
    "replication": Only(("0", "false", "no", "off"), "the service is no replica"),
    "sslcertmode": Only(("allow",), "the driver sends the certificate of sslcert if there is one"),
    "sslcompression": Only(("0",), "compressed TLS isn't safe"),
    "sslmode": Only(SSL_MODES, "libpq has no others"),
    "sslnegotiation": Only(("postgres", "direct"), "libpq has no others"),
    "sslsni": Only(("1",), "the driver always tells the server the name it connects to"),
    "ssl_max_protocol_version": Only(TLS_VERSIONS, "libpq has no others"),
    "ssl_min_protocol_version": Only(TLS_VERSIONS, "libpq has no others"),
    "target_session_attrs": Only(TARGETS, "libpq has no others"),
}

NOT_SUPPORTED: Mapping[str, str] = {
    "gsslib": "Kerberos isn't supported",
    "hostaddr": "give the address as the host",
    "krbsrvname": "Kerberos isn't supported",
    "oauth_client_id": "OAuth isn't supported",
    "oauth_client_secret": "OAuth isn't supported",
    "oauth_issuer": "OAuth isn't supported",
    "oauth_scope": "OAuth isn't supported",
    "require_auth": "the driver uses the method that the server asks for",
    "requirepeer": "the driver can't check the server's user",
    "requiressl": "use sslmode=require",
    "scram_client_key": "use the password",
    "scram_server_key": "use the password",
    "service": "write what the service file says into the URL",
    "servicefile": "write what the service file says into the URL",
    "sslcrldir": "use sslcrl, one file",
    "sslkeylogfile": "use the environment variable SSLKEYLOGFILE",
}

_TAKEN = ("connect_timeout", "dbname", "host", "options", "passfile", "password", "port", "sslpassword", "user")
KEEPALIVE: Mapping[str, str] = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}
UNDERSTOOD = frozenset({*_TAKEN, *KEEPALIVE, *TLS_FILES, *NAMED_BY_THE_SERVICE, *ONLY})
