"""Settings from `PURCHASING_*` environment variables, cleaned of what files and shells put around a value.

A value may be a secret or carry one, so no error and no `repr` of this module shows a value: errors name the variable
and say what to do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

PREFIX = "PURCHASING_"
LINE_ENDS = "\r\n"
UNPRINTABLE = "unprintable"
IN_WORDS = "in_words"
"""Type of a pydantic error whose message says for people what is wrong with the value, without showing it."""


class SettingsError(Exception):
    """The environment doesn't make a whole set of settings. Its text has one sentence per problem and never a value."""


class CleanSettings(BaseModel):
    """Base of settings: every text is cleaned before it is validated, in each field alike.

    Line ends and blanks around a value are removed; of a secret only line ends are, because a blank may belong to it:
    a secret with blanks around it is refused. A value that is nothing but these counts as not set. A character that
    can't be printed (a line end inside, a tab, a byte order mark) is refused.
    """

    what_to_do: ClassVar[Mapping[str, str]] = {}
    """By field: the end of the sentence that says what to give."""

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        cleaned = {name: cls._cleaned(name, value) for name, value in given.items()}
        return {name: value for name, value in cleaned.items() if value != "" or given[name] == ""}

    @classmethod
    def _cleaned(cls, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        field = cls.model_fields.get(name)
        return value.strip(LINE_ENDS) if field is not None and is_secret(field) else value.strip()

    @field_validator("*", mode="before")
    @classmethod
    def _is_printable(cls, value: Any) -> Any:
        # What is around other values is gone by now, so this concerns secrets.
        if isinstance(value, str) and (not value.isprintable() or value != value.strip()):
            raise ValueError(UNPRINTABLE)
        return value


def is_secret(field: FieldInfo) -> bool:
    """Whether the field's value is a `SecretStr`, optional or not."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def from_environment(kind: type[CleanSettings], environment: Mapping[str, str]) -> dict[str, str]:
    """The values that the environment has for the fields of `kind`, by field; empty variables count as not set."""
    named = {name: environment.get(f"{PREFIX}{name.upper()}", "") for name in kind.model_fields}
    return {name: value for name, value in named.items() if value}


def sentences(kind: type[CleanSettings], error: ValidationError) -> Iterator[str]:
    """One sentence per problem of `kind`: which variable, what is wrong with it, what to give."""
    for problem in error.errors(include_input=False, include_context=False, include_url=False):
        if not problem["loc"]:
            # A rule over several fields: `rule_broken` has put the field's name into the type.
            yield sentence(kind, problem["type"], problem["msg"])
        elif problem["type"] == IN_WORDS:
            yield f"{PREFIX}{str(problem['loc'][0]).upper()} is not valid: {problem['msg']}."
        elif problem["msg"].endswith(UNPRINTABLE):
            state = "has blanks around it, or a line end or another character that can't be printed in it"
            yield sentence(kind, str(problem["loc"][0]), state)
        else:
            state = "is not set" if problem["type"] == "missing" else "is not valid"
            yield sentence(kind, str(problem["loc"][0]), state)


def sentence(kind: type[CleanSettings], name: str, state: str) -> str:
    """One problem of one field: the variable, its `state` ("is not set"), and what to give."""
    return f"{PREFIX}{name.upper()} {state}: {kind.what_to_do[name]}."
