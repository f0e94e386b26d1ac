"""The long run: `python -m tests.rules.second_opinion --histories 50000`.

Random histories through the product and through the second opinion, each in several arrival orders. Progress goes to
standard error; each difference is shrunk and printed on standard output, and written to `--out` if that is given.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.rules.second_opinion.differential import check, play, shrink, until_of
from tests.rules.second_opinion.histories import History


def print_findings(what: str, found: list[str]) -> None:
    sys.stdout.write("\n  ".join([f"{what}:", *found]) + "\n")
    sys.stdout.flush()


def print_shrunk(
    seed: int, events: list[dict[str, Any]], sets: list[dict[str, Any]], found: list[str], out: Path | None
) -> None:
    """Shrink a history in which both differ, and print it."""
    key = found[0].split(": ")[0]
    events, sets = shrink(events, sets, lambda es, ss: any(one.startswith(key) for one in check(es, ss)))
    print_findings(f"history {seed}", check(events, sets) or found)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        document = {"terms": sets, "until": until_of(events), "events": events}
        (out / f"{seed}.json").write_text(json.dumps(document, indent=1))


def main(arguments: list[str]) -> int:
    """Play the histories. The exit status is 0 if none differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules.second_opinion", description=__doc__)
    parser.add_argument("--histories", type=int, default=1000, help="how many are played (1000)")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first (0); one seed is one history")
    parser.add_argument("--orders", type=int, default=3, help="arrival orders of each (3)")
    parser.add_argument("--out", type=Path, help="a directory for what differs, as documents")
    parser.add_argument("--stop-after", type=int, default=20, help="differing histories after which it stops (20)")
    given = parser.parse_args(arguments)
    different, began = 0, time.monotonic()
    for nth, seed in enumerate(range(given.first, given.first + given.histories), 1):
        history = History(seed)
        found, events = play(history, given.orders)
        different += bool(found)
        if events:
            print_shrunk(seed, events, history.sets, found, given.out)
        elif found:
            print_findings(f"history {seed}, by arrival order", found)
        if nth % 500 == 0 or nth == given.histories:
            minutes = (time.monotonic() - began) / 60
            sys.stderr.write(f"{nth} histories, {different} different, {minutes:.1f} minutes\n")
            sys.stderr.flush()
        if different >= given.stop_after:
            break
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
