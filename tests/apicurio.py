"""A real schema registry: Apicurio's application, fetched by Maven, with its database in memory."""

import asyncio
import fcntl
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

from service.embedded.jars import cache_directory, java
from service.embedded.process import Server, reserve_port

VERSION = "3.3.3"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
START_SECONDS = 180.0


def program() -> Path:
    """The directory of the application, fetched the first time (150 MB)."""
    target = cache_directory() / f"apicurio-{VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not target.is_dir():
            maven = shutil.which("mvn")
            assert maven is not None, "the registry needs Apache Maven once, as the broker does"
            unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
            command = [
                maven,
                "--batch-mode",
                "--quiet",
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack",
            ]
            command += [f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={unfinished}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=unfinished)
            assert done.returncode == 0, done.stdout[-2000:]
            unfinished.rename(target)
    return target


@asynccontextmanager
async def apicurio(log: Path) -> AsyncIterator[str]:
    """A running registry: the URL of its API that is like Confluent's."""
    directory, port = program(), reserve_port()
    server = Server("Apicurio", log)
    # Compiled once, lightly: most of its time it starts.
    command = [java(), "-Xmx400m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"]
    command += [f"-Dquarkus.http.port={port}", "-jar", "quarkus-run.jar"]
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"

    async def answers() -> bool:
        return await asyncio.to_thread(_is_empty, url)

    server.spawn(command, cwd=directory)
    try:
        await server.until_ready(answers, START_SECONDS)
        yield url
    finally:
        await server.stop()


def _is_empty(url: str) -> bool:
    """Whether a registry answers, with nothing in it."""
    try:
        with urlopen(f"{url}/subjects", timeout=5) as answer:
            return bool(json.load(answer) == [])
    except (OSError, ValueError):
        return False
