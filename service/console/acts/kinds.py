"""The kinds of acts: what each is called, what its form asks for, and when somebody else has to confirm it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.operations.acts.kinds import Act
from service.operations.sentence import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.operations.sentence import Sentence


TITLES: Mapping[str, Sentence] = {
    Act.HOLD: sentence("Hold orders"),
    Act.RELEASE: sentence("Release held orders"),
    Act.RETRY: sentence("Assess stuck orders again"),
    Act.PAUSE: sentence("Pause publishing"),
    Act.RESUME: sentence("Resume publishing"),
    Act.BREAKER_RESET: sentence("Reset a circuit breaker"),
    Act.REPLAY: sentence("Replay quarantined records"),
    Act.REPAIR: sentence("Repair and replay a record"),
    Act.DROP: sentence("Drop quarantined records"),
    Act.ADOPT: sentence("Let a lane continue after a position"),
    Act.TERMS_IMPORT: sentence("Import terms"),
}
EXPLAINED: Mapping[str, Sentence] = {
    Act.HOLD: sentence(
        "A held order stores what is received and decides nothing. What was decided before still goes out."
    ),
    Act.RELEASE: sentence("A released order is assessed again. Its money ends as if it had not been held."),
    Act.RETRY: sentence("The rules run again on orders on which they failed."),
    Act.PAUSE: sentence("Nothing more is published. The service still decides; what it decides waits."),
    Act.RESUME: sentence(
        "What waits is published in order. What is shown here passes the refund limit; what is decided later does not."
    ),
    Act.BREAKER_RESET: sentence("All workers read the topic again. If its cause is not gone, it opens again."),
    Act.REPLAY: sentence(
        "The records are handled as if they were delivered now. What still breaks the contract stays in quarantine."
    ),
    Act.REPAIR: sentence("The record is handled with the value given here, under its own identity."),
    Act.DROP: sentence("The records are declared void, and hold up no order any more. This can't be undone."),
    Act.ADOPT: sentence("A person decides where a lane resumes after Kafka and the database contradicted each other."),
    Act.TERMS_IMPORT: sentence("All sets of the file are added, or none. A set comes into force in the future only."),
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    Act.HOLD: ("orders",),
    Act.RELEASE: ("orders",),
    Act.RETRY: ("orders",),
    Act.PAUSE: ("lane",),
    Act.RESUME: ("lane",),
    Act.BREAKER_RESET: ("topic",),
    Act.REPLAY: ("records", "group"),
    Act.REPAIR: ("records", "value", "key_text", "without_headers"),
    Act.DROP: ("records", "group"),
    Act.ADOPT: ("lane", "position"),
    Act.TERMS_IMPORT: ("name", "text"),
}
"""The fields of each form, beside the reason and the ticket."""
IN_STEPS = frozenset({Act.REPLAY, Act.DROP, Act.RELEASE, Act.RETRY, Act.HOLD})
"""Acts whose items a person may have handled in steps."""
OUTCOMES: Mapping[str, Sentence] = {
    "done": sentence("done"),
    "nothing": sentence("nothing to do"),
    "refused": sentence("refused"),
    "changed": sentence("not done now: it has changed since the preview"),
    "failed": sentence("failed"),
}
STATES: Mapping[str, Sentence] = {
    "running": sentence("under way"),
    "waiting": sentence("waits for a person to let it go on"),
    "stopped": sentence("stopped"),
    "ended": sentence("ended"),
}
STOPPED: Mapping[str, Sentence] = {
    "refused": sentence("It stopped at the first refusal."),
    "changed": sentence("It stopped because an order or a lane has changed since the preview."),
    "failed": sentence("It stopped at an unexpected error. The console's log says more."),
    "asked": sentence("A person stopped it."),
}
PROBLEMS: Mapping[str, Sentence] = {
    "rules_fail": sentence("The rules fail on this order."),
    "unreadable": sentence("This version can't read the order."),
    "halted": sentence("The order is held or stuck: nothing follows now."),
}
COMMANDS: Mapping[str, Sentence] = {
    "purchasing.refund.issue.v1": sentence("refund"),
    "purchasing.deduction.execute.v1": sentence("deduction"),
    "purchasing.freeze.place.v1": sentence("freeze"),
    "purchasing.freeze.release.v1": sentence("release of a freeze"),
    "purchasing.brokerage.transfer.v1": sentence("brokerage"),
}
