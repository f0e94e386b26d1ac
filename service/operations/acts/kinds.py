"""The kinds of acts that a person can do at the console."""

from enum import StrEnum


class Act(StrEnum):
    """A kind of act."""

    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    BREAKER_RESET = "breaker_reset"
    REPLAY = "replay"
    REPAIR = "repair"
    DROP = "drop"
    ADOPT = "adopt"
    TERMS_IMPORT = "terms_import"
