"""TLS to PostgreSQL: set in the URL, checked, and a sentence if it can't be had."""

from pathlib import Path

import pytest

from tests.security.site import Database, service
from tests.security.tls_front import TlsFront


def test_a_server_whose_certificate_is_checked_is_spoken_to_with_tls(guarded: Database, front: TlsFront) -> None:
    before = front.encrypted
    done = service("explain", "nobody", DATABASE_URL=guarded.dsn("reader"))
    assert (done.returncode, done.stderr) == (1, "No message about order nobody was received.\n")
    assert front.encrypted > before


def test_a_server_with_an_untrusted_certificate_never_gets_the_password(guarded: Database, another_ca: Path) -> None:
    url = guarded.dsn("service", options=f"sslmode=verify-full&sslrootcert={another_ca}")
    done = service("migrate", DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "PostgreSQL can't be reached: its certificate is not accepted (unable to get local issuer certificate): "
        "give the file of its certificate authority, or check the host name.\n"
    )


def test_a_server_that_requires_tls_is_reported_to_a_client_without_it(guarded: Database) -> None:
    done = service("migrate", DATABASE_URL=guarded.dsn("service", options="sslmode=disable"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "no encryption" in line
    assert "secret-of" not in line


def test_a_client_that_requires_tls_refuses_a_server_without_it(guarded: Database) -> None:
    done = service("migrate", DATABASE_URL=f"{guarded.owner}?sslmode=require")
    assert (done.returncode, done.stdout) == (1, "")
    assert "rejected SSL upgrade" in done.stderr


@pytest.mark.parametrize("option", ["sslrootcert=/nowhere/ca.pem", "sslmode=perhaps"])
def test_meaningless_options_are_reported_without_the_url(guarded: Database, option: str) -> None:
    url = guarded.dsn("service", options=f"sslmode=verify-full&{option}")
    done = service("migrate", DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(("PURCHASING_DATABASE_URL can't be used as it is", "PURCHASING_DATABASE_URL is not valid"))
    assert "secret-of" not in line
