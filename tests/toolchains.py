"""Tools of other languages for the tests that need them. A missing tool causes a warning.

A test that gets None here ends early; pytest's summary of warnings names the missing tool and how to install it.
"""

import fcntl
import hashlib
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path

from service.embedded.jars import cache_directory, jars, java
from service.embedded.process import silent

JAVASCRIPT = Path(__file__).parent / "javascript"
GO = Path(__file__).parent / "go"
JAVA = Path(__file__).parent / "java"
HELM = Path(__file__).parent / "helm"
TOOLS = Path(__file__).parent.parent / ".tools"
LIMIT_SECONDS = 600


def tool(name: str, install: str) -> str | None:
    """The path of a program, or None with a warning that says how to install it."""
    found = shutil.which(name)
    if found is None:
        warnings.warn(f"not tried: there is no {name} on the PATH ({install})", stacklevel=3)
    return found


@cache
def node() -> str | None:
    """Node, with the packages of tests/javascript installed beside its scripts; None with a warning."""
    program = tool("node", "install Node.js 20 or later")
    npm = tool("npm", "install npm") if program else None
    if npm is None:
        return None
    lock = (JAVASCRIPT / "package-lock.json").read_bytes()
    stamp = JAVASCRIPT / "node_modules" / f".installed-{hashlib.sha256(lock).hexdigest()[:12]}"
    with (JAVASCRIPT / ".lock").open("w") as held:
        # Two runs of the tests beside each other must not install over each other.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists():
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], JAVASCRIPT)
            stamp.touch()
    return program


@cache
def go_client() -> str | None:
    """The Kafka client of tests/go, built; None with a warning."""
    return _built(GO, "go-client")


@cache
def go_sender() -> str | None:
    """The sender of tests/go/cloudevents, built; None with a warning."""
    return _built(GO / "cloudevents", "go-sender")


@cache
def helm() -> str | None:
    """The renderer of tests/helm, built of Helm's own packages; None with a warning."""
    return _built(HELM, "helm")


def _built(directory: Path, name: str) -> str | None:
    """The Go program of a directory, built once for each of its versions."""
    go = tool("go", "install Go 1.21 or later; it brings a newer one itself where it is needed")
    if go is None:
        return None
    sources = sorted(path for path in directory.iterdir() if path.suffix in (".go", ".mod", ".sum"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    built = TOOLS / f"{name}-{digest}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not built.exists():
            _run([go, "build", "-o", str(built), "."], directory)
    return str(built)


@cache
def java_sender() -> list[str] | None:
    """The command line of the sender of tests/java, compiled against CloudEvents' SDK; None with a warning."""
    javac = tool("javac", "install a JDK, 17 or later")
    maven = tool("mvn", "install Maven") if javac else None
    if javac is None or maven is None:
        return None
    pom, source = JAVA / "pom.xml", JAVA / "CloudEventRecords.java"
    digest = hashlib.sha256(pom.read_bytes() + source.read_bytes()).hexdigest()[:12]
    target = cache_directory() / f"cloudevents-{digest}"
    path = f"{target / 'classes'}:{target}/*:{jars(silent)}/*"
    with (cache_directory() / "cloudevents.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (target / "classes").exists():
            goal = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
            _run([maven, "--batch-mode", "--quiet", "--file", str(pom), goal, f"-DoutputDirectory={target}"], JAVA)
            _run([javac, "--release", "17", "-cp", path, "-d", str(target / "classes"), str(source)], JAVA)
    return [java(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path, source.stem]


@cache
def java_classes() -> str | None:
    """The directory with the Kafka client of tests/java, compiled; None with a warning."""
    javac = tool("javac", "install a JDK, 17 or later")
    if javac is None:
        return None
    libraries, source = jars(silent), JAVA / "Client.java"
    digest = hashlib.sha256(libraries.name.encode() + source.read_bytes()).hexdigest()[:12]
    built = TOOLS / f"java-client-{digest}"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "java-client.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (built / "Client.class").exists():
            _run([javac, "-cp", f"{libraries}/*", "-d", str(built), str(source)], JAVA)
    return str(built)


def _run(command: list[str], directory: Path) -> None:
    """Run an installation's command; fail with the end of its stderr."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert done.returncode == 0, f"{Path(command[0]).name} {command[1]} failed:\n{done.stderr[-2000:]}"
