"""Print the script by which a shell completes commands and options.

    completion bash    save it as ~/.local/share/bash-completion/completions/purchasing
    completion zsh     save it as _purchasing in a directory of fpath
    completion fish    save it as ~/.config/fish/completions/purchasing.fish

Open a new shell afterwards. The scripts complete `purchasing`, not `python -m service`. An installed package brings
them, and man pages, in its share/, where bash and fish find them after `pip install --user`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from service.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    import argparse

INSTALLED = Path(__file__).with_name("installed")
SCRIPTS = {
    "bash": "share/bash-completion/completions/purchasing",
    "zsh": "share/zsh/site-functions/_purchasing",
    "fish": "share/fish/vendor_completions.d/purchasing.fish",
}
"""Each shell's script: where it is below INSTALLED, and below the place where a package is installed."""

EXAMPLES = (
    (
        "Let bash complete, from the next shell on",
        "completion bash > ~/.local/share/bash-completion/completions/purchasing",
    ),
    ("Let zsh complete, if this directory is in fpath", "completion zsh > ~/.zsh/completions/_purchasing"),
    ("Let fish complete", "completion fish > ~/.config/fish/completions/purchasing.fish"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `completion`."""
    parser.add_argument("shell", choices=SCRIPTS)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    sys.stdout.write((INSTALLED / SCRIPTS[arguments.shell]).read_text(encoding="utf-8"))
    return ExitCode.DONE
