"""The listener of health and metrics: both address families on one port, or the host that was asked for."""

import errno
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from asyncio import to_thread

import pytest
from prometheus_client import CollectorRegistry

from service.observability import http
from service.observability.http import Pages, PortError, listening
from tests.cli.commands import command
from tests.deploy.test_dockerfile import DOCKERFILE


class Alive:
    """A worker as the pages ask it."""

    def starting(self):
        return []

    def missing(self):
        return []


@pytest.fixture
def pages():
    return Pages(Alive(), CollectorRegistry())


def asked(host, port):
    with urllib.request.urlopen(f"http://{host}:{port}/livez", timeout=10) as answer:
        return answer.read()


async def test_both_families_answer_on_one_free_port(pages):
    async with listening(pages, "*", 0) as port:
        assert await to_thread(asked, "127.0.0.1", port) == b"alive\n"
        assert await to_thread(asked, "[::1]", port) == b"alive\n"


async def test_a_host_is_the_only_one_that_answers(pages):
    async with listening(pages, "::1", 0) as port:
        assert await to_thread(asked, "[::1]", port) == b"alive\n"
        with pytest.raises(OSError, match="refused"):
            await to_thread(asked, "127.0.0.1", port)


async def test_a_name_is_listened_to_on_all_its_addresses(pages, monkeypatch):
    found = [(socket.AF_INET6, 0, 0, "", ("::1", 0, 0, 0)), (socket.AF_INET, 0, 0, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(http.socket, "getaddrinfo", lambda *_, **__: found)
    async with listening(pages, "localhost", 0) as port:
        monkeypatch.undo()
        assert await to_thread(asked, "127.0.0.1", port) == b"alive\n"
        assert await to_thread(asked, "[::1]", port) == b"alive\n"


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_a_machine_without_ipv6_answers_by_ipv4(pages, monkeypatch, code):
    class WithoutIpv6(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET6:
                raise OSError(code, "no IPv6 here")
            super().bind(address)

    monkeypatch.setattr(http.socket, "socket", WithoutIpv6)
    async with listening(pages, "*", 0) as port:
        monkeypatch.undo()
        assert await to_thread(asked, "127.0.0.1", port) == b"alive\n"


async def test_a_free_port_is_free_for_both_families(pages, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        chosen = []

        class Unlucky(socket.socket):
            def bind(self, address):
                if self.family == socket.AF_INET6 and not chosen:
                    address = (address[0], busy)
                super().bind(address)
                chosen.append(self.getsockname()[1])

        monkeypatch.setattr(http.socket, "socket", Unlucky)
        async with listening(pages, "*", 0) as port:
            monkeypatch.undo()
            assert chosen[0] == busy
            assert port != busy
            assert await to_thread(asked, "127.0.0.1", port) == b"alive\n"
            assert await to_thread(asked, "[::1]", port) == b"alive\n"


async def test_a_port_that_is_taken_for_one_family_is_taken(pages):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=f"Port {port} can't be used .*: set PURCHASING_HTTP_PORT"):
            async with listening(pages, "*", port):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "nowhere.invalid"])
def test_a_host_that_is_not_this_machine_is_named_by_its_setting(host):
    done = command(
        "postgresql://nobody@127.0.0.1:1/x",
        "run",
        PURCHASING_HTTP_HOST=host,
        PURCHASING_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    )
    assert done.code == 1, done.err
    assert "PURCHASING_HTTP_HOST " in done.err
    assert "set it to" in done.err
    assert "Traceback" not in done.err


def health_check():
    (words,) = re.findall(r"HEALTHCHECK .*\\\n +CMD (\[.*\])", DOCKERFILE.read_text())
    return json.loads(words)


@pytest.mark.parametrize("host", ["*", "127.0.0.1", "::1"])
async def test_the_images_health_check_asks_where_it_is_answered(pages, host):
    program, *arguments = health_check()
    assert program == "python"
    async with listening(pages, host, 0) as port:
        more = {"PURCHASING_HTTP_PORT": str(port)} | ({} if host == "*" else {"PURCHASING_HTTP_HOST": host})
        done = await to_thread(
            subprocess.run, [sys.executable, *arguments], env={**os.environ, **more}, capture_output=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, b"")
