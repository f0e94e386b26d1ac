"""Access to the console: which role has which right. Every page and every link to a page asks this module.

Default deny: a route names the right that it needs, a role has rights, a group of the identity provider has roles. A
person in none of these groups may see their own name and the missing right, and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Right(StrEnum):
    """A right that a route can need."""

    PUBLIC = "public"
    """Nothing: health, the stylesheet, signing in."""
    SIGNED_IN = "signed-in"
    """To be somebody, whatever their roles."""
    SEARCH = "search"
    ORDERS = "orders"
    LETTERS = "letters"
    CLAUSES = "clauses"
    STATE = "state"
    """The state of the service, its alerts and what to do about them."""
    QUARANTINE = "quarantine"
    """Quarantined records, without their content."""
    MESSAGES = "messages"
    """Whether a message was received, and what would become of one."""
    MONEY = "money"
    """Money by day, open items, what other terms would change, the same facts in another order."""
    EXPORT = "export"
    """To take commands out as a file."""
    ACTS = "acts"
    """Acts on orders, lanes, records and terms: seeing, proposing and confirming them."""
    NOTES = "notes"
    """Notes about orders and records: reading and adding them."""
    PRIVATE = "private"
    """Private members of an order, each time with a reason and a ticket."""
    AUDIT = "audit"
    """The audit: who looked at what and who did what."""


class Role(StrEnum):
    """A role: the work that a person does with the console."""

    SUPPORT = "support"
    OPERATOR = "operator"
    FINANCE = "finance"
    ENGINEER = "engineer"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.SUPPORT: frozenset({Right.SEARCH, Right.ORDERS, Right.LETTERS, Right.CLAUSES, Right.NOTES, Right.PRIVATE}),
    Role.OPERATOR: frozenset(
        {
            Right.SEARCH,
            Right.ORDERS,
            Right.LETTERS,
            Right.CLAUSES,
            Right.STATE,
            Right.QUARANTINE,
            Right.MESSAGES,
            Right.ACTS,
            Right.NOTES,
            Right.PRIVATE,
            Right.AUDIT,
        }
    ),
    Role.FINANCE: frozenset(
        {Right.SEARCH, Right.ORDERS, Right.CLAUSES, Right.NOTES, Right.AUDIT, Right.MONEY, Right.EXPORT}
    ),
    Role.ENGINEER: frozenset({Right.SEARCH, Right.CLAUSES, Right.QUARANTINE, Right.MESSAGES}),
}
"""The rights of each role, beside those that need no role."""

NEED_A_ROLE = tuple(right for right in Right if right not in (Right.PUBLIC, Right.SIGNED_IN))


class Person(NamedTuple):
    """Somebody who is signed in."""

    subject: str
    name: str
    groups: tuple[str, ...]
    roles: frozenset[Role]
    way: str
    """The way of signing in: `link`, `oidc`, `assertion`."""


class Lack(NamedTuple):
    """The lack of a right: the right, the roles that have it, and the groups that have these roles."""

    right: Right
    roles: tuple[Role, ...]
    groups: tuple[str, ...]


class Access:
    """The rights of this installation."""

    def __init__(self, groups_by_role: Mapping[str, Iterable[str]]) -> None:
        """Take which groups of the identity provider have which role."""
        self._groups = {Role(role): tuple(groups) for role, groups in groups_by_role.items()}

    def roles_of(self, groups: Iterable[str]) -> frozenset[Role]:
        """Return the roles that these groups have."""
        own = frozenset(groups)
        return frozenset(role for role, named in self._groups.items() if not own.isdisjoint(named))

    def may(self, person: Person | None, right: Right) -> bool:
        """Return whether a person has a right; None: nobody is signed in."""
        if right is Right.PUBLIC:
            return True
        if person is None:
            return False
        return right is Right.SIGNED_IN or any(right in RIGHTS[role] for role in person.roles)

    def lack(self, right: Right) -> Lack:
        """Return what a person without this right would need."""
        roles = tuple(role for role in Role if right in RIGHTS[role])
        groups = tuple(dict.fromkeys(group for role in roles for group in self._groups.get(role, ())))
        return Lack(right, roles, groups)
