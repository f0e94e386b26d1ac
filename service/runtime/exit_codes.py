"""The exit codes of the command line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The result of a command; of several, the largest counts."""

    DONE = 0
    NOT_DONE = 1
    """stderr says what is wrong and what to do."""
    USAGE = 2
    """The command, or what it was given to read, was not understood."""
    CHECK = 3
    """Done, and a person should look at something: input that is bad, a topic or a lane that stands, an order stuck."""
    CHECK_RULES = 4
    """Done, but the rules failed on an order, or would publish something other than what was published."""
    FAULT = 70
    """A fault in this program."""
    INTERRUPTED = 130
