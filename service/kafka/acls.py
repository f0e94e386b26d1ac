"""The ACLs that the service's Kafka user needs.

`deploy/rights.md` has the same list for people, and `topics acls` prints it with the names of this installation. The
tests give the service exactly these.
"""

from __future__ import annotations

from typing import NamedTuple

from purchasing_contracts.topics import OUTBOX

from service.runtime.acl_errors import WHERE


class Acl(NamedTuple):
    """One ACL: operations on a resource, or (`prefixed`) on all resources with this prefix."""

    kind: str
    """TOPIC, GROUP or TRANSACTIONAL_ID."""
    name: str
    operations: tuple[str, ...]
    why: str
    prefixed: bool = False

    def covers(self, kind: str, name: str) -> bool:
        """Return whether it applies to this resource."""
        return self.kind == kind and (name.startswith(self.name) if self.prefixed else name == self.name)

    def __str__(self) -> str:
        pattern = "prefixed" if self.prefixed else "literal"
        return f"{' '.join(self.operations):22} {self.kind:17} {pattern:9} {self.name:42} {self.why}"


def acls(group: str, outbox_id: str) -> tuple[Acl, ...]:
    """Return the minimum for the service; it needs nothing on the cluster. READ and WRITE imply DESCRIBE."""
    return (
        Acl("TOPIC", "purchasing.events.", ("READ",), "events", prefixed=True),
        Acl("GROUP", group, ("READ",), "committed offsets"),
        Acl("TOPIC", "purchasing.commands.", ("WRITE",), "commands", prefixed=True),
        Acl("TOPIC", "purchasing.decisions.v1", ("WRITE",), "decisions"),
        Acl("TOPIC", "purchasing.quarantine.v1", ("WRITE",), "notices of quarantined records"),
        Acl("TOPIC", OUTBOX.name, ("READ", "WRITE"), "the relay's cursors"),
        Acl("GROUP", f"{outbox_id}.relay", ("READ",), "lanes of each worker"),
        Acl("TRANSACTIONAL_ID", f"{outbox_id}.", ("WRITE",), "publishing each output once", prefixed=True),
        Acl("TOPIC", "purchasing.", ("DESCRIBE_CONFIGS",), "comparing topics to the registry", prefixed=True),
    )


SEE_SETTINGS = (
    "Kafka does not show the topics' settings to the user, so they can't be compared, and no alert warns before "
    f"messages are removed unread: grant DESCRIBE_CONFIGS on the topics ({WHERE})"
)
