"""Compatibility of versions: BACKWARD, FORWARD and FULL, for one earlier version or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from purchasing_contracts.compatibility.branches import Json
from purchasing_contracts.compatibility.breaks import Break
from purchasing_contracts.compatibility.reading import breaks_between

Mode = Literal["backward", "forward", "full", "backward_transitive", "forward_transitive", "full_transitive"]
"""Modes by the names of schema registries. Without `transitive` only the last earlier version counts."""

Promised = Literal["promised"]
"""The promise of contracts/README.md: `backward_transitive` for events (the service accepts whatever was right before),
`full_transitive` for all other messages. A schema's `x-direction` says which of them it is."""

MODES: tuple[Mode, ...] = get_args(Mode)

Schemas = Mapping[str, Json]
"""Type to schema."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The breaks between two versions. `backward`: readers of the new version, messages of the old; `forward`: the
    reverse.
    """

    backward: tuple[Break, ...]
    forward: tuple[Break, ...]

    def breaks(self, mode: Mode) -> list[tuple[str, Break]]:
        """Return the breaks of a promise, each with its direction."""
        wanted = mode.removesuffix("_transitive")
        found = [("backward", one) for one in self.backward] if wanted != "forward" else []
        return found + ([("forward", one) for one in self.forward] if wanted != "backward" else [])


def compare(old: Json, new: Json) -> Comparison:
    """Compare two versions of a schema. Raises `UnreadableSchemaError`."""
    return Comparison(tuple(breaks_between(writer=old, reader=new)), tuple(breaks_between(writer=new, reader=old)))


@dataclass(frozen=True, slots=True)
class Broken:
    """One break of a promise: message, earlier version and direction."""

    type: str
    against: str
    direction: str
    found: Break

    def __str__(self) -> str:
        who = {
            "backward": "new readers of old messages",
            "forward": "old readers of new messages",
            "removed": "everybody",
        }[self.direction]
        return f"{self.type}, against {self.against}, {self.direction} ({who}): {self.found}"


def broken_promises(before: Sequence[tuple[str, Schemas]], new: Schemas, mode: Mode | Promised) -> list[Broken]:
    """Return the breaks between the new schemas and the earlier ones (oldest first, each set with its name).

    A missing message is a break; a new one is not. Raises `UnreadableSchemaError`.
    """
    compared = before if mode == "promised" or mode.endswith("_transitive") else before[-1:]
    found: list[Broken] = []
    for name, schemas in compared:
        for type_, old in schemas.items():
            if type_ not in new:
                found.append(Broken(type_, name, "removed", Break("", "the message is no longer there")))
                continue
            found += [Broken(type_, name, *one) for one in compare(old, new[type_]).breaks(_meant(mode, new[type_]))]
    return found


def _meant(mode: Mode | Promised, schema: Json) -> Mode:
    if mode != "promised":
        return mode
    return "backward_transitive" if schema.get("x-direction") == "in" else "full_transitive"
