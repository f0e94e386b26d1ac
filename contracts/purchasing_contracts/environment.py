"""Settings from `PURCHASING_*` environment variables, without the line ends and blanks that files and shells add.

A value may be or contain a secret, so no error and no `repr` of this module shows a value: errors name the variable and
say what to do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

PREFIX = "PURCHASING_"
LINE_ENDS = "\r\n"
UNPRINTABLE = "unprintable"
IN_WORDS = "in_words"
"""Type of a pydantic error whose message is for people and does not show the value."""


class SettingsError(Exception):
    """The settings are wrong. The text has one sentence per problem and never a value."""


class CleanSettings(BaseModel):
    """Base of settings. Cleans every text before validation.

    Line ends and blanks around a value are removed; around a secret only line ends, and blanks are refused, because
    they may belong to it. An empty rest counts as not set. Characters that can't be printed (a line end inside, a tab,
    a byte order mark) are refused.
    """

    what_to_do: ClassVar[Mapping[str, str]] = {}
    """Field to the end of its sentence, which says what to give."""

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
        # Other values are stripped by now, so this concerns secrets.
        if isinstance(value, str) and (not value.isprintable() or value != value.strip()):
            raise ValueError(UNPRINTABLE)
        return value


def is_secret(field: FieldInfo) -> bool:
    """Return whether the field is a `SecretStr`, optional or not."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def from_environment(kind: type[CleanSettings], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment's values for the fields of `kind`. Empty variables count as not set."""
    named = {name: environment.get(f"{PREFIX}{name.upper()}", "") for name in kind.model_fields}
    return {name: value for name, value in named.items() if value}


def sentences(kind: type[CleanSettings], error: ValidationError) -> Iterator[str]:
    """Return one sentence per problem of `kind`: the variable, the problem, what to give."""
    for problem in error.errors(include_input=False, include_context=False, include_url=False):
        if not problem["loc"]:
            # For a rule over several fields, `rule_broken` put the field's name into the type.
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
    """Return the sentence of one problem: the variable, its `state` ("is not set"), and what to give."""
    return f"{PREFIX}{name.upper()} {state}: {kind.what_to_do[name]}."
