"""The interpreter and the machine on which a measurement was made."""

import os
import platform
import shlex
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import psutil

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Machine:
    """The interpreter of every Python contender, and the machine that all contenders share."""

    python: str
    optimised: bool
    """Built with profile-guided optimisation. Without it CPython is a tenth to a quarter slower."""
    lto: bool
    shared_library: bool
    """The interpreter is in libpython, whose calls to itself are slower."""
    debug: bool
    processor: str
    cores: int
    """Cores that this process may use."""
    memory_bytes: int
    kernel: str

    def lines(self) -> list[str]:
        """Describe it as text."""
        build = ("optimised" if self.optimised else "NOT OPTIMISED") + (", link-time optimisation" if self.lto else "")
        library = "shared library" if self.shared_library else "no shared library"
        return [
            f"Interpreter: {self.python}, {build}, {library}{', DEBUG BUILD' if self.debug else ''}",
            f"Machine: {self.cores} cores ({self.processor}), {self.memory_bytes / 1e9:.0f} GB, {self.kernel}",
        ]


def machine() -> Machine:
    """Examine the interpreter and the machine."""
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        processor=_processor(),
        cores=cores(),
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        **build_of(sysconfig.get_config_vars()),
    )


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def build_of(variables: dict[str, object]) -> dict[str, bool]:
    """Return how an interpreter was built, from its configuration's variables."""
    options = shlex.split(str(variables.get("CONFIG_ARGS") or ""))
    return {
        "optimised": "--enable-optimizations" in options,
        "lto": any(option.partition("=")[0] == "--with-lto" for option in options),
        "shared_library": bool(variables.get("Py_ENABLE_SHARED")),
        "debug": bool(variables.get("Py_DEBUG")),
    }


def commit_of(checkout: Path) -> str:
    """Return the commit of a checkout, with `-dirty` where files differ from it."""
    done = subprocess.run(
        ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or UNKNOWN


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), UNKNOWN)
