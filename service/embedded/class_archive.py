"""Java's archive of the broker's classes (class data sharing, JEP 310): loaded once, then mapped from a file.

With it a broker starts in half the time and with half the work, and the tests start dozens. `python -m
service.embedded.fetch` makes it, beside the jars. Java compares it with its own version and the jars; where it is
missing or doesn't fit, brokers start as they would without it.
"""

import os
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from service.embedded.jars import java, java_home
from service.embedded.process import EmbeddedError, Progress, tail

DUMP_LIMIT_SECONDS = 120

Train = Callable[[Path, tuple[str, ...]], Awaitable[None]]
"""Start a broker on this directory with these options of Java, and stop it in order."""


def archive_options(libraries: Path) -> tuple[str, ...]:
    """Return the options with which Java uses the archive for the jars in `libraries`; none where there is none."""
    archive = _place(libraries)
    return (f"-XX:SharedArchiveFile={archive}",) if archive is not None and archive.exists() else ()


async def make_archive(libraries: Path, flags: tuple[str, ...], train: Train, progress: Progress) -> None:
    """Make the archive from a broker's start, unless it is there or Java's version is unknown.

    `flags` are Java's for brokers, as the archive depends on them. Two programs that make it at once both succeed: each
    moves a whole file into place. Raises EmbeddedError.
    """
    archive = _place(libraries)
    if archive is None or archive.exists():
        return
    progress("recording a start of the broker, so that later ones take half the time (once) ...")
    with tempfile.TemporaryDirectory(prefix=f"{archive.name}.", dir=archive.parent) as name:
        directory = Path(name)
        classes, made = directory / "classes", directory / "made"
        await train(directory / "broker", (f"-XX:DumpLoadedClassList={classes}",))
        dump = ("-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={made}")
        _run([java(), *flags, *dump, "-cp", f"{libraries}/*"], directory / "dump.log")
        made.rename(archive)


def _run(command: list[str], log: Path) -> None:
    try:
        with log.open("wb") as out:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=DUMP_LIMIT_SECONDS,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"Java's archive of the broker's classes can't be made: {error}\n{tail(log)}") from error


def _place(libraries: Path) -> Path | None:
    """Return the archive's path for these jars and this Java; None if Java's version is unknown."""
    version = _java_version()
    return None if version is None else libraries.parent / f"{libraries.name}-java-{version}-{os.uname().machine}.jsa"


def _java_version() -> str | None:
    """Return the version of Java as its `release` file states it, such as 25.0.2."""
    home = java_home()
    try:
        lines = (home / "release").read_text("utf-8").splitlines() if home else []
    except OSError:
        return None
    versions = [line.partition("=")[2].strip('"') for line in lines if line.startswith("JAVA_VERSION=")]
    return versions[0] if versions else None
