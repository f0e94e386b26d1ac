"""The database's URL is read as libpq reads it; a refusal names the option without its value."""

from __future__ import annotations

import ctypes

import pytest

from service.embedded.data_directory import data_directory_for
from service.runtime.database_options import NOT_SUPPORTED, OF_THE_SERVICE, UNDERSTOOD
from service.runtime.database_url import DatabaseUrlError, Host, parse_database_url
from service.store.postgres import SessionLimits

BASE = "postgresql://user:word@host/database"
SECRET = "planted"


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://h/d", [("h", None)]),
        ("postgres://u@h:6000/d", [("h", 6000)]),
        ("postgresql://u:p@h1:5433,h2:5434/d?target_session_attrs=read-write", [("h1", 5433), ("h2", 5434)]),
        ("postgresql://h1,h2:5434/d", [("h1", None), ("h2", 5434)]),
        ("postgresql://h1,h2/d?port=5433,5434", [("h1", 5433), ("h2", 5434)]),
        ("postgresql://h1,h2/d?port=6000", [("h1", 6000), ("h2", 6000)]),
        ("postgresql://[::1]/d", [("::1", None)]),
        ("postgresql://u:p@[fd00::1]:5433,[fd00::2]:5434/d", [("fd00::1", 5433), ("fd00::2", 5434)]),
        ("postgresql://[fe80::1%25eth0]:5433/d", [("fe80::1%eth0", 5433)]),
        ("postgresql:///d?host=/var/run/postgresql", [("/var/run/postgresql", None)]),
        ("postgresql://u@/d?host=/a,h2&port=5433,5434", [("/a", 5433), ("h2", 5434)]),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/d", [("/var/run/postgresql", None)]),
        ("postgresql:///d?host=::1&port=5433", [("::1", 5433)]),
        ("postgresql:///d", [(None, None)]),
    ],
)
def test_hosts_are_read(text: str, hosts: list[tuple[str | None, int | None]]) -> None:
    assert parse_database_url(text).hosts == tuple(Host(*one) for one in hosts)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("postgresql://u:p%40ss%2Fw%3A%3F%23%25%5B@h/d", "p@ss/w:?#%["),
        ("postgresql://u:a:b@h/d", "a:b"),
        ("postgresql://u:a+b#c@h/d", "a+b#c"),
        ("postgresql://u:%C3%A4@h/d", "ä"),
        ("postgresql://h/d?user=u&password=a%26b", "a&b"),
        ("postgresql://u@h/d", None),
        ("postgresql://u:@h/d", None),
    ],
)
def test_a_password_is_what_was_percent_encoded(text: str, password: str | None) -> None:
    assert parse_database_url(text).password == password
    assert "p@ss" not in repr(parse_database_url(text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mysql://u:planted@h/d", "begin with postgresql://"),
        ("postgresql://u:planted@h", "names no database"),
        ("postgresql://u:planted@h/", "names no database"),
        ("postgresql://u:pl@nted@h/d", "percent-encode"),
        ("postgresql://u:planted/x@h/d", "percent-encode"),
        ("postgresql://u:x?planted@h/d", "percent-encode"),
        ("postgresql://u:planted%zz@h/d", "its password has a %"),
        ("postgresql://u:planted%00@h/d", "its password has a %"),
        ("postgresql://u:planted%ff@h/d", "isn't UTF-8"),
        ("postgresql://u:planted x@h/d", "a blank or a line end"),
        ("postgresql://u:planted@h/d\n", "a blank or a line end"),
        ("postgresql://u:planted@h:port/d", "a host is not a name"),
        ("postgresql://u:planted@h:0/d", "a port is not a number"),
        ("postgresql://u:planted@h:65536/d", "a port is not a number"),
        ("postgresql://u:planted@[::1/d", "a host is not a name"),
        ("postgresql://u:planted@h1,/d", "one of its hosts has no name"),
        ("postgresql://u:planted@h1,h2,h3/d?port=1,2", "one per host"),
        ("postgresql://u:planted@h1:1,h2/d?port=2", "one per host"),
        ("postgresql://u:planted@h/d?host=h2", "the host is given twice"),
        ("postgresql://u:planted@h/d?dbname=e", "the database is given twice"),
        ("postgresql://u:p@h/d?planted", "not option=value"),
        ("postgresql://u:p@h/d?Planted!=1", "not option=value"),
        ("postgresql://u:p@h/d?pgbouncer=planted", "pgbouncer is not an option of libpq"),
        ("postgresql://u:p@h/d?connect_timeout=planted", "its option connect_timeout is not a whole number"),
        ("postgresql://u:p@h/d?keepalives_idle=-5", "its option keepalives_idle is not a whole number"),
        ("postgresql://u:p@h/d?sslmode=planted", "its option sslmode can only be disable or allow or"),
        ("postgresql://u:p@h/d?channel_binding=require", "its option channel_binding can only be disable or prefer"),
        ("postgresql://u:p@h/d?sslrootcert=system&sslmode=require", "its sslmode can only be verify-full"),
        ("postgresql://u:p@h/d?options=endpoint%3Dplanted", "can only contain session settings"),
        ("postgresql://u:p@h/d?options=-c%20'planted", "can only contain session settings"),
        ("postgresql://u:p@h/d?options=-c%20lock_timeout%3D1", "sets lock_timeout, which the service sets itself"),
        ("postgresql://u:p@h/d?options=--lock-timeout%3D1", "sets lock_timeout, which the service sets itself"),
    ],
)
def test_an_unusable_url_is_reported_without_a_value(text: str, says: str) -> None:
    with pytest.raises(DatabaseUrlError) as raised:
        parse_database_url(text)
    assert says in str(raised.value)
    assert SECRET not in str(raised.value).lower()
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("name", sorted(NOT_SUPPORTED))
def test_an_option_that_is_not_supported_is_named(name: str) -> None:
    with pytest.raises(DatabaseUrlError, match=f"its option {name} isn't supported: "):
        parse_database_url(f"{BASE}?{name}=planted")


def test_urls_of_hosting_providers_are_understood() -> None:
    url = parse_database_url(
        f"{BASE}?sslmode=verify-full&sslrootcert=system&connect_timeout=10&application_name=shop&gssencmode=disable"
        "&channel_binding=prefer&keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5"
        "&tcp_user_timeout=9000&target_session_attrs=read-write&load_balance_hosts=random&client_encoding=UTF8"
        "&options=-c%20search_path%3Dshop,public%20-cstatement_timeout%3D30s%20--work-mem%3D'8%20MB'"
    )
    assert url.connect_timeout == 10
    assert url.target == "read-write"
    assert url.session == {"search_path": "shop,public", "statement_timeout": "30s", "work_mem": "8 MB"}
    assert url.tls == {"sslmode": "verify-full", "sslrootcert": "system"}
    assert url.keepalive == {
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 5,
        "TCP_USER_TIMEOUT": 9000,
    }


def test_nothing_of_it_becomes_a_setting_of_the_server() -> None:
    url = parse_database_url(f"{BASE}?connect_timeout=10&application_name=shop&sslmode=require")
    arguments = url.driver_arguments(url.hosts[0], "any")
    assert arguments["dsn"] == "postgresql:///?sslmode=require"
    assert "server_settings" not in arguments


@pytest.mark.parametrize(("text", "mode"), [("ssl=true", "require"), ("sslmode=VERIFY-FULL", "verify-full")])
def test_tls_is_asked_for_as_others_write_it(text: str, mode: str) -> None:
    assert parse_database_url(f"{BASE}?{text}").tls["sslmode"] == mode


@pytest.mark.parametrize(("text", "seconds"), [("connect_timeout=0", None), ("connect_timeout=-1", None), ("", None)])
def test_no_limit_for_connecting_means_that_of_the_service(text: str, seconds: None) -> None:
    assert parse_database_url(f"{BASE}?{text}" if text else BASE).connect_timeout is seconds


def test_of_several_hosts_each_is_tried_whatever_the_order() -> None:
    url = parse_database_url("postgresql://h1,h2,h3/d?load_balance_hosts=random")
    assert sorted(url.in_turn()) == sorted(url.hosts)
    assert parse_database_url("postgresql://h1,h2,h3/d").in_turn() == list(url.hosts)


def test_a_session_is_not_given_limits_that_the_service_sets() -> None:
    assert {name for name in SessionLimits().settings() if not name.startswith("tcp_")} <= OF_THE_SERVICE


def test_every_option_of_libpq_is_understood_or_named(tmp_path) -> None:
    """By the library itself, as it comes with the embedded server."""

    class Option(ctypes.Structure):
        _fields_ = (
            ("keyword", ctypes.c_char_p),
            *((name, ctypes.c_char_p) for name in ("envvar", "compiled", "val", "label", "dispchar")),
            ("dispsize", ctypes.c_int),
        )

    library = ctypes.CDLL(str(data_directory_for(tmp_path).programs.parent / "lib" / "libpq.so.5"))
    library.PQconndefaults.restype = ctypes.POINTER(Option)
    options, known = library.PQconndefaults(), set()
    for option in options:
        if option.keyword is None:
            break
        known.add(option.keyword.decode())
    # Those of a server for tests only, of before 1998, and none that can be written in a URL.
    known -= {"authtype", "tty", "password_encryption"}
    assert len(known) > 40
    assert known - UNDERSTOOD - set(NOT_SUPPORTED) == set()
    assert not UNDERSTOOD & set(NOT_SUPPORTED)
