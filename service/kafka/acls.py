"""What the service may do at Kafka, and what an error says when it lacks one of these.

`deploy/rights.md` is the same list for people, `topics acls` prints it with this installation's names, and the tests
give the service exactly these: with less it says what is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from purchasing_contracts.topics import OUTBOX

from service.runtime.acl_errors import WHERE


class Acl(NamedTuple):
    """One ACL: the operations allowed on the resource, or (`prefixed`) on all whose names begin so."""

    kind: str
    """TOPIC, GROUP or TRANSACTIONAL_ID."""
    name: str
    operations: tuple[str, ...]
    why: str
    prefixed: bool = False

    def covers(self, kind: str, name: str) -> bool:
        """Whether it is a right on this resource."""
        return self.kind == kind and (name.startswith(self.name) if self.prefixed else name == self.name)

    def __str__(self) -> str:
        pattern = "prefixed" if self.prefixed else "literal"
        return f"{' '.join(self.operations):22} {self.kind:17} {pattern:9} {self.name:42} {self.why}"


def acls(group: str, outbox_id: str) -> tuple[Acl, ...]:
    """The least with which the service runs; nothing on the cluster. READ and WRITE imply DESCRIBE."""
    return (
        Acl("TOPIC", "purchasing.events.", ("READ",), "what it hears", prefixed=True),
        Acl("GROUP", group, ("READ",), "how far it has read"),
        Acl("TOPIC", "purchasing.commands.", ("WRITE",), "what is to be done", prefixed=True),
        Acl("TOPIC", "purchasing.decisions.v1", ("WRITE",), "what was decided"),
        Acl("TOPIC", "purchasing.quarantine.v1", ("WRITE",), "which records break the contract"),
        Acl("TOPIC", OUTBOX.name, ("READ", "WRITE"), "how far each lane is published"),
        Acl("GROUP", f"{outbox_id}.relay", ("READ",), "which lanes are a worker's"),
        Acl("TRANSACTIONAL_ID", f"{outbox_id}.", ("WRITE",), "each output once", prefixed=True),
        Acl("TOPIC", "purchasing.", ("DESCRIBE_CONFIGS",), "whether topics are set up as they should", prefixed=True),
    )


SEE_SETTINGS = (
    "The topics' settings can't be compared, and nobody is warned before messages are removed unread: "
    f"Kafka refuses them to the user, grant DESCRIBE_CONFIGS on the topics ({WHERE})"
)
