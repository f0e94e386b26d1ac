"""The changes that `compat.install()` makes in aiokafka, found by looking before and after; so a test can undo them
all."""

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

ABSENT = object()


class Patch(NamedTuple):
    """A member of a class or module of aiokafka that was replaced or added."""

    owner: Any
    name: str
    own: Any
    """aiokafka's own value; ABSENT if it has none."""

    @property
    def member(self) -> str:
        """`Class.member`, or `module.member` by the module's last name."""
        return f"{self.owner.__name__.rpartition('.')[2]}.{self.name}"


def patches_of(install: Callable[[], None]) -> list[Patch]:
    """Call it, and return what it changed in those modules of aiokafka that are imported by now."""
    before = [(owner, dict(vars(owner))) for owner in _owners()]
    install()
    return [
        Patch(owner, name, members.get(name, ABSENT))
        for owner, members in before
        for name, value in list(vars(owner).items())
        if value is not members.get(name, ABSENT)
    ]


def undo(patches: list[Patch], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put aiokafka's own members back until the test ends."""
    for owner, name, own in patches:
        if own is ABSENT:
            monkeypatch.delattr(owner, name)
        else:
            monkeypatch.setattr(owner, name, own)


def _owners() -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "aiokafka":
            yield module
            yield from (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == name)
