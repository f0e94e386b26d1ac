"""A schema registry that speaks Confluent's API, as Karapace and Apicurio (`/apis/ccompat/v7`) do, too.

Every message has a subject of its own, `TOPIC-TYPE` (TopicRecordNameStrategy), because a topic carries several types.
With `by_topic` there is also one per topic, `TOPIC-value` (TopicNameStrategy): one of those, by reference.
"""

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from pydantic import SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from purchasing_contracts.environment import CleanSettings
from purchasing_contracts.kafka.settings import trusting
from purchasing_contracts.shipped import schema_file
from purchasing_contracts.topics import TOPICS, Topic

LIMIT_SECONDS = 30
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"

Compatibility = Literal[
    "NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"
]

Json = Mapping[str, Any]
Result = Literal["registered", "unchanged", "would_register"]


class RegistryError(Exception):
    """The registry can't be used. The text says why and what to do."""


class RefusedError(Exception):
    """The registry refuses a schema. The text is the registry's reason."""


class RegistrySettings(CleanSettings):
    """Credentials for a registry. Each field is an environment variable with the prefix `PURCHASING_`."""

    what_to_do: ClassVar[Mapping[str, str]] = {
        "registry_username": "give the name of the registry's user, or the API key",
        "registry_password": "give the password of the registry's user, or the API secret",
        "registry_token": "give a bearer token, or user and password, not both",
        "registry_cafile": "give the path of a readable PEM file with the registry's certificate authority",
    }

    registry_username: str | None = None
    registry_password: SecretStr | None = None
    registry_token: SecretStr | None = None
    registry_cafile: Path | None = None

    @field_validator("registry_cafile")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("not readable")
        return path

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.registry_username is None) != (self.registry_password is None):
            missing = "registry_username" if self.registry_username is None else "registry_password"
            raise PydanticCustomError(missing, "is not set, but the other of user and password is")
        if self.registry_token is not None and self.registry_username is not None:
            raise PydanticCustomError("registry_token", "is set, and so is a user")
        return self

    def authorization(self) -> str | None:
        """Return the header's value; None to send none."""
        if self.registry_token is not None:
            return f"Bearer {self.registry_token.get_secret_value()}"
        if self.registry_username is not None and self.registry_password is not None:
            pair = f"{self.registry_username}:{self.registry_password.get_secret_value()}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return None

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context. Raises SettingsError for a file without a certificate."""
        return trusting(type(self), "registry_cafile", self.registry_cafile)


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject and its schema. `references` are the subjects that the schema refers to, with its names for them."""

    name: str
    topic: str
    schema: str
    references: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """The result for a subject. `id` and `version` are None if the schema is not there."""

    subject: Subject
    result: Result
    id: int | None
    version: int | None


def subjects(types: frozenset[str] | None = None, *, by_topic: bool = False) -> Iterator[Subject]:
    """Return the subjects of these types, or of all, in an order in which they can be registered."""
    for topic in TOPICS:
        named = [message.TYPE for message in topic.messages if types is None or message.TYPE in types]
        for type_ in named:
            yield Subject(_subject_of(topic, type_), topic.name, schema_file(type_).read_text("utf-8"))
        if by_topic and named:
            yield _of_topic(topic)


def _subject_of(topic: Topic, type_: str) -> str:
    return f"{topic.name}-{type_}"


def _of_topic(topic: Topic) -> Subject:
    """Return the subject of a topic as a whole: one of its messages."""
    names = {message.TYPE: f"urn:purchasing:schema:{message.TYPE}" for message in topic.messages}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:purchasing:schema:{topic.name}",
        "title": topic.name,
        "description": "Any message of this topic.",
        "oneOf": [{"$ref": name} for name in names.values()],
    }
    references = tuple((name, _subject_of(topic, type_)) for type_, name in names.items())
    return Subject(f"{topic.name}-value", topic.name, json.dumps(schema, indent=2) + "\n", references)


class Registry:
    """A registry at a URL. It remembers the versions of subjects that it registered or found, to refer to them."""

    def __init__(self, url: str, settings: RegistrySettings) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            # A user in the URL would be seen in the list of processes.
            raise RegistryError("the URL should be like https://registry.example, without a user")
        self._url = url.rstrip("/")
        self._authorization = settings.authorization()
        self._opener = build_opener(HTTPSHandler(context=settings.tls()), _NoRedirect)
        self._versions: dict[str, int] = {}

    def register(self, subject: Subject, level: Compatibility | None, *, dry_run: bool = False) -> Registered:
        """Register a schema, unless the subject has it, and set the subject's compatibility level (None: leave it).

        Raises RefusedError if the registry refuses the schema, and RegistryError.
        """
        found = self._find(subject)
        if dry_run:
            return found or Registered(subject, "would_register", None, None)
        result: Result = "unchanged"
        if found is None:
            # The level counts for the next version, and some registries have none for a subject without a version.
            if self._answer("GET", f"{_path(subject)}/versions") is not None:
                self._set_level(subject, level)
            self._call("POST", f"{_path(subject)}/versions", self._body(subject))
            found, result = self._find(subject), "registered"
            if found is None:
                raise RegistryError(f"the registry took the schema of {subject.name} and does not find it again")
        self._set_level(subject, level)
        return Registered(subject, result, found.id, found.version)

    def _find(self, subject: Subject) -> Registered | None:
        """Return the version of the subject that has this schema."""
        if any(referred not in self._versions for _, referred in subject.references):
            return None
        answer = self._answer("POST", _path(subject), self._body(subject))
        if answer is None:
            return None
        id_, version = answer.get("id"), answer.get("version")
        if not isinstance(id_, int) or not isinstance(version, int):
            raise RegistryError("the registry's answer has no id or no version: is the URL that of Confluent's API?")
        self._versions[subject.name] = version
        return Registered(subject, "unchanged", id_, version)

    def _body(self, subject: Subject) -> dict[str, Any]:
        references = [
            {"name": name, "subject": referred, "version": self._versions[referred]}
            for name, referred in subject.references
        ]
        return {"schemaType": "JSON", "schema": subject.schema} | ({"references": references} if references else {})

    def _set_level(self, subject: Subject, level: Compatibility | None) -> None:
        path = f"/config/{quote(subject.name, safe='')}"
        if level is not None and (self._answer("GET", path) or {}).get("compatibilityLevel") != level:
            self._call("PUT", path, {"compatibility": level})

    def _answer(self, method: str, path: str, body: Json | None = None) -> Any:
        """Return the registry's answer; None if it does not know the subject, or the schema there."""
        try:
            return self._call(method, path, body)
        except _UnknownError:
            return None

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        request = Request(f"{self._url}{path}", None if body is None else json.dumps(body).encode(), method=method)  # noqa: S310 - http or https
        request.add_header("Accept", f"{MEDIA_TYPE}, application/json")
        if body is not None:
            request.add_header("Content-Type", MEDIA_TYPE)
        if self._authorization is not None:
            request.add_header("Authorization", self._authorization)
        try:
            with self._opener.open(request, timeout=LIMIT_SECONDS) as response:
                return json.load(response)
        except HTTPError as error:
            raise _in_words(error) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise RegistryError(f"the registry can't be reached: {reason}") from None
        except ValueError:
            raise RegistryError("the registry's answer is no JSON: is the URL that of Confluent's API?") from None


def _path(subject: Subject) -> str:
    return f"/subjects/{quote(subject.name, safe='')}"


class _UnknownError(RegistryError):
    """The registry does not know the subject, or the schema there."""


class _NoRedirect(HTTPRedirectHandler):
    """Refuses to be sent elsewhere, where the password should not go."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _in_words(error: HTTPError) -> Exception:
    """Return the exception for an answer that is no success."""
    code, words = _reason(error)
    if error.code == HTTPStatus.NOT_FOUND:
        if code is None:
            return RegistryError(
                "the URL is not that of a registry with Confluent's API (404). Apicurio's ends with /apis/ccompat/v7"
            )
        return _UnknownError(words)
    if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        refused = "does not let us in" if error.code == HTTPStatus.UNAUTHORIZED else "does not allow it to this user"
        how = "set PURCHASING_REGISTRY_USERNAME and _PASSWORD, or PURCHASING_REGISTRY_TOKEN"
        return RegistryError(f"the registry {refused} ({error.code}): {how}")
    if error.code in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
        return RefusedError(words)
    if 300 <= error.code < 400:
        return RegistryError(
            f"the registry sends us elsewhere, to {error.headers.get('Location')}: give that as the URL"
        )
    return RegistryError(f"the registry answers {error.code}: {words}")


def _reason(error: HTTPError) -> tuple[int | None, str]:
    """Return the registry's own code and reason, which are in every error of Confluent's API."""
    try:
        answer = json.load(error)
        return int(answer["error_code"]), " ".join(str(answer.get("message", "")).split())[:1000]
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return None, str(error.reason)
