"""The model `exactly_once.pml` checked by Spin, exhaustively: what is checked, which mutants must fail, and how.

`python -m tests.protocol.model` checks everything and prints a row per check: states, depth, seconds, and for each
mutant the property that it breaks. Needs `spin` and a C compiler. Exit code 1 where something is not as it should be.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("exactly_once.pml")
SPIN, COMPILER = shutil.which("spin"), shutil.which("gcc") or shutil.which("cc")
DEPTH = 100_000
MEGABYTES = 8_000
HANG_SECONDS = 1_500

PROPERTIES = {
    "published once": "published & ",
    "published in order": "last_published+1",
    "the watermark passes no unread record": "db.facts&(1<<(n%2))",
    "a lane stops only where a store lost something": "lost_rows||lost_transaction",
    "nobody is shut out for ever": "epoch<12",
    "in the end every fact is stored": "sent==",
    "in the end every output is published": "published==db.facts",
    "in the end the watermark has passed everything": "db.watermark==",
}
"""The properties that Spin proves, and a part of each assertion's text that tells it from the others."""


@dataclass(frozen=True)
class Scope:
    """The bounds of a check: who takes part, and how many faults of each kind."""

    inboxes: int = 2
    relays: int = 2
    records: int = 2
    watermark: bool = True
    crashes: int = 0
    evictions: int = 0
    moves: int = 0
    failovers: int = 0
    kafka_losses: int = 0

    def defines(self) -> list[str]:
        return [f"-D{name.upper()}={int(value)}" for name, value in vars(self).items()]


SCOPES = {
    "input: a crash and an eviction": Scope(relays=0, records=3, crashes=1, evictions=1),
    "input: a failover and an eviction": Scope(relays=0, failovers=1, evictions=1),
    "output: two changes of the lane's owner": Scope(inboxes=1, watermark=False, moves=2),
    "output: Kafka loses a transaction, and a change of owner": Scope(
        inboxes=1, watermark=False, moves=1, kafka_losses=1
    ),
    "both: a failover": Scope(inboxes=1, relays=1, watermark=False, failovers=1),
    "both: a failover under two readers": Scope(relays=1, records=1, watermark=False, failovers=1),
}
"""Checked with every run of the tests: seconds each."""

LARGE_SCOPES = {
    "input: a failover and a crash": Scope(relays=0, failovers=1, crashes=1),
    "output: a crash and a change of owner": Scope(inboxes=1, watermark=False, crashes=1, moves=1),
    "output: Kafka loses a transaction, and a crash": Scope(inboxes=1, watermark=False, crashes=1, kafka_losses=1),
    "both: a failover and a change of owner": Scope(inboxes=1, records=1, watermark=False, moves=1, failovers=1),
    "both: a failover and an eviction": Scope(relays=1, records=1, watermark=False, evictions=1, failovers=1),
}
"""Checked by `python -m tests.protocol.model` as well: up to a minute or two each."""


@dataclass(frozen=True)
class Mutant:
    """A step done wrong, where that shows, and which property it breaks."""

    scope: Scope
    breaks: str


MUTANTS = {
    "CURSOR_BEFORE_INIT": Mutant(Scope(inboxes=1, watermark=False, moves=1), "published once"),
    "NO_FENCE": Mutant(Scope(inboxes=1, watermark=False, moves=1), "published once"),
    "CURSOR_APART": Mutant(Scope(inboxes=1, watermark=False, crashes=1), "published once"),
    "NO_IDENTITY": Mutant(Scope(inboxes=1, watermark=False, crashes=1), "published once"),
    "NO_CHECK_AT_START": Mutant(Scope(inboxes=1, watermark=False, moves=1, kafka_losses=1), "published once"),
    "SEQUENCE": Mutant(Scope(relays=1, watermark=False, evictions=1), "published in order"),
    "NOTED_AFTER_CURSOR": Mutant(
        Scope(inboxes=1, watermark=False, moves=1), "a lane stops only where a store lost something"
    ),
    "INIT_UNASKED": Mutant(Scope(inboxes=1, watermark=False, moves=1), "nobody is shut out for ever"),
    "COMMIT_OFFSET_FIRST": Mutant(Scope(relays=0, watermark=False, crashes=1), "in the end every fact is stored"),
    "NO_TIMELINE": Mutant(Scope(relays=0, watermark=False, failovers=1), "in the end every fact is stored"),
    "REWIND_WITH_MEMBERS": Mutant(Scope(relays=0, watermark=False, failovers=1), "in the end every fact is stored"),
    "REWIND_ONLY_IF_BEHIND": Mutant(Scope(relays=0, failovers=1, evictions=1), "the watermark passes no unread record"),
    "CONNECTS_IN_RECOVERY": Mutant(Scope(relays=0, failovers=1), "the watermark passes no unread record"),
    "WATERMARK_IN_HAND": Mutant(Scope(relays=0), "the watermark passes no unread record"),
}
"""By the end of its macro's name, MUTANT_... in the model."""


@dataclass(frozen=True)
class Outcome:
    """Spin's verdict: the property that doesn't hold, None if all do, over so many states."""

    broken: str | None
    states: int
    depth: int
    seconds: float
    steps: tuple[str, ...] = ()
    """The counter-example, a statement a line."""


def check(scope: Scope, mutant: str | None = None) -> Outcome:
    """Check everything that may happen. Raises RuntimeError where Spin, or the compiler, didn't get to the end."""
    began = time.monotonic()
    defines = scope.defines() + ([f"-DMUTANT_{mutant}"] if mutant else [])
    with tempfile.TemporaryDirectory(prefix="purchasing-spin-") as place:
        directory = Path(place)
        shutil.copy(MODEL, directory)
        _run(directory, str(SPIN), *defines, "-a", MODEL.name)
        _run(
            # A mutant is found before a slow search would be felt; compiling is then what takes the time.
            directory, str(COMPILER), "-O0" if mutant else "-O2", "-w", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DSAFETY",
            f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c",
        )  # fmt: skip
        # Ends without work left are the model's own to judge (`timeout`): -E.
        said = _run(directory, "./pan", "-E", f"-m{DEPTH}")
        found = re.search(r"assertion violated (.+) \(at depth", said)
        if found is None and ("Search not completed" in said or "errors: 0" not in said):
            raise RuntimeError(f"Spin did not get to the end of {vars(scope)}:\n{said[-2000:]}")
        steps = _counter_example(directory, defines) if found else ()
    broken = None if found is None else _property(found[1])
    return Outcome(
        broken,
        int(re.findall(r"(\d+) states, stored", said.replace("e+", ""))[0]),
        int(re.findall(r"depth reached (\d+)", said)[0]),
        time.monotonic() - began,
        steps,
    )


def _run(directory: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _property(assertion: str) -> str:
    text = assertion.replace(" ", "")
    return next(name for name, part in PROPERTIES.items() if part.replace(" ", "") in text)


def _counter_example(directory: Path, defines: list[str]) -> tuple[str, ...]:
    said = _run(directory, str(SPIN), *defines, "-t", "-p", MODEL.name)
    steps = re.findall(r"proc +\d+ \((\w+):\d+\) \S+?:(\d+) \(state \d+\)\s+\[(.+)\]", said)
    return tuple(f"{process} line {line}: {statement}" for process, line, statement in steps if statement != "else")


def main() -> int:
    """Check everything and print it. Returns 1 where a scope has a counter-example, or a mutant has none."""
    if SPIN is None or COMPILER is None:
        sys.stderr.write("Spin (a package of that name in most distributions) and a C compiler are needed.\n")
        return 2
    wrong = 0
    sys.stdout.write(f"{'what':<60} {'states':>11} {'depth':>6} {'seconds':>8}  result\n")
    for name, scope in (SCOPES | LARGE_SCOPES).items():
        wrong += _print(name, check(scope), None)
    for name, mutant in MUTANTS.items():
        wrong += _print(f"mutant {name}", check(mutant.scope, name), mutant.breaks)
    return 1 if wrong else 0


def _print(name: str, outcome: Outcome, expected: str | None) -> bool:
    result = "holds" if outcome.broken is None else f"breaks: {outcome.broken}"
    note = "" if outcome.broken == expected else f"  EXPECTED {expected or 'no counter-example'}"
    sys.stdout.write(f"{name:<60} {outcome.states:>11,} {outcome.depth:>6} {outcome.seconds:>8.1f}  {result}{note}\n")
    sys.stdout.flush()
    if note:
        sys.stderr.write("".join(f"    {step}\n" for step in outcome.steps))
    return bool(note)


if __name__ == "__main__":
    sys.exit(main())
