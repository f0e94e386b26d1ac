"""Another way to write such a service: a stream processor on the JVM, Kafka Streams. It shows what the same reading,
keyed state and writing, exactly once, costs where somebody else's framework does it: no rules, no decoding, no
duplicates noticed.

It needs a Java with its compiler, and Maven once.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from service.embedded.jars import cache_directory

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
LIMIT_SECONDS = 600


class NotHereError(Exception):
    """It can't be measured on this machine; the text says why."""


def classes() -> str:
    """Return the class path of the compiled program, fetched and compiled where they are not yet.

    Raises NotHereError.
    """
    if shutil.which("javac") is None or shutil.which("mvn") is None:
        raise NotHereError("it needs a JDK (javac) and Maven on the PATH")
    target = cache_directory() / f"bench-streams-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    program = target / "classes"
    if not any(target.glob("kafka-streams-*.jar")):
        goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
        _run(["mvn", "--batch-mode", "--quiet", "--file", str(POM), goal, f"-DoutputDirectory={target}"])
    _run(["javac", "-cp", f"{target}/*", "-d", str(program), str(HERE / "KeyedState.java")])
    return f"{program}:{target}/*"


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if done.returncode:
        raise NotHereError(f"{command[0]} failed: {(done.stdout + done.stderr)[:300]}")
