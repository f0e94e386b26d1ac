"""Sentences that know how they were made, so that they can be translated later.

A `Sentence` is its English text: code that prints or stores it needs to know nothing else. Beside the text it keeps its
template and arguments. `translate` looks the template up in a catalogue (English template to the other language's) and
puts the arguments in then.

Only templates that stand in the code are ever formatted. Whatever came with a message is an argument, so braces in it
mean nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


class Sentence(str):
    """A text made of a template and arguments, in English. Make it with `sentence`, `word` or `listed`."""

    __slots__ = ("arguments", "parts", "template")
    template: str
    arguments: Mapping[str, object]
    parts: tuple[str, ...]
    """Of an enumeration, its members; the template is not used then."""

    def __new__(
        cls, text: str, template: str = "", arguments: Mapping[str, object] | None = None, parts: tuple[str, ...] = ()
    ) -> Self:
        """Use `sentence`, `word` or `listed`."""
        made = super().__new__(cls, text)
        made.template = template or text
        made.arguments = arguments or {}
        made.parts = parts
        return made


class Amount(str):
    """An amount of money as a person writes it."""

    __slots__ = ()


class Id(str):
    """An identifier that the console can search for: of an order, payment, chargeback, request, command or message."""

    __slots__ = ()


class Timestamp(str):
    """An instant as a person writes it, in UTC. Other time zones take `at`."""

    __slots__ = ("at",)
    at: datetime

    def __new__(cls, at: datetime) -> Self:
        """Take an instant in UTC."""
        made = super().__new__(cls, f"{at:%Y-%m-%d %H:%M} UTC")
        made.at = at
        return made

    def __getnewargs__(self) -> tuple[datetime]:  # type: ignore[override]  # what __new__ takes
        """Return what a copy is made of."""
        return (self.at,)


NOTHING = Sentence("")
"""In the place of a part that a sentence doesn't have."""


def sentence(template: str, **arguments: object) -> Sentence:
    """Return a sentence. An argument is a text (a Sentence, an Amount, an Id, a Timestamp or plain) or a whole number.

    >>> sentence("The buyer paid {amount}.", amount=Amount("¥5.00"))
    'The buyer paid ¥5.00.'
    """
    return Sentence(template.format(**arguments) if arguments else template, template, arguments)


def word(name: str) -> Sentence:
    """Return a value of an enumeration as words.

    >>> word("not_as_committed")
    'not as committed'
    """
    return Sentence(name.replace("_", " "))


def listed(parts: Iterable[str]) -> Sentence:
    """Return an enumeration.

    >>> listed(["item 1", "item 2"])
    'item 1, item 2'
    """
    every = tuple(parts)
    return Sentence(", ".join(every), parts=every)


class Language(Protocol):
    """The facts about a language, and about the place of its text, that `translate` needs."""

    def template(self, template: str) -> str:
        """Return the template in this language, ready to be formatted; the same one where there is none."""

    def plain(self, text: object) -> Any:
        """Return an argument that is no sentence as it is to stand in the text."""

    def filled(self, template: Any, arguments: Mapping[str, Any]) -> Any:
        """Return a template of this language with arguments that are ready to stand in it."""

    def enumeration(self, parts: list[Any]) -> Any:
        """Join the members of an enumeration."""


def translate(text: str, language: Language) -> Any:
    """Return a sentence in a language. What is no sentence stays as it is."""
    if not isinstance(text, Sentence):
        return language.plain(text)
    if text.parts:
        return language.enumeration([translate(one, language) for one in text.parts])
    template = language.template(text.template)
    if not text.arguments:
        return template
    arguments = {
        name: translate(value, language) if isinstance(value, str) else language.plain(value)
        for name, value in text.arguments.items()
    }
    return language.filled(template, arguments)
