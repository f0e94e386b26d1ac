"""The read API's description (OpenAPI 3.1), made of the routes and of the classes that they answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic.json_schema import models_json_schema

from service.console.models import ProblemModel
from service.operations.acts.kinds import Act
from service.runtime.version import own_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.console.models import Model
    from service.console.visit import Route

_IN_PATH = re.compile(r"\{(\w+)\}")
_DESCRIPTIONS = {
    "act": f"What to do: {', '.join(f'`{one}`' for one in Act)}.",
    "order_id": "The order's id, percent-encoded; `by-id` where the parameter `id` has it.",
    "instant": "RFC 3339, with seconds and offset.",
    "number": "1 to 30.",
    "message_type": "CloudEvents type, such as `purchasing.order.placed.v1`.",
    "alert": "The alert's name, such as `PurchasingMoneyLate`.",
    "section": "The section's anchor, such as `money-late`.",
    "topic": "Topic of the record.",
    "partition": "Its partition.",
    "offset": "Its offset.",
    "proposal_id": "The proposal's id.",
    "operation_id": "The operation's id, which is its proposal's.",
}
_PROBLEMS = {
    "400": "The request can't be understood.",
    "401": "Nobody is signed in.",
    "403": "The right is missing that this needs: `right` says which, `groups` who has it.",
    "404": "Not received, up to `watermark`; or there is no such thing.",
    "413": "The request is larger than the console takes.",
    "422": "More than one answer can hold.",
    "503": "The database can't be read now, or there is too much to do.",
}


_PROBLEM = "application/problem+json"
_STALE = "Nothing was done: the preview holds no longer, or it is too late. `detail` says what has changed."


def document(routes: Sequence[Route], origin: str) -> dict[str, Any]:
    """Return the document."""
    models = [one for route in routes for one in (route.model, route.body, route.not_done) if one is not None]
    wanted: list[tuple[type[Model], Literal["serialization"]]]
    wanted = [(ProblemModel, "serialization"), *((model, "serialization") for model in models)]
    _, definitions = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Purchasing console",
            "version": own_version(),
            "description": "Why money moved. Each address is also a page: `Accept: application/json` asks for JSON, "
            "`Accept-Language` (en, zh-CN) for the language of its words.",
        },
        "servers": [{"url": origin}],
        "security": [{"bearer": []}, {"session": []}],
        "paths": _paths(routes),
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session"},
            },
        },
    }


def _paths(routes: Sequence[Route]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for route in routes:
        found.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return found


def _operation(route: Route) -> dict[str, Any]:
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _DESCRIPTIONS[name],
            "schema": {"type": "string"},
        }
        for name in _IN_PATH.findall(route.path)
    ]
    in_query = [
        {
            "name": one.name,
            "in": "query",
            "required": one.is_required,
            "description": one.description,
            "schema": {"type": "string"},
        }
        for one in route.parameters
    ]
    body = {} if route.body is None else {"requestBody": _body(route.body)}
    return {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "x-right": route.right.value,
        "parameters": [*in_path, *in_query],
        **body,
        "responses": _responses(route),
    }


def _responses(route: Route) -> dict[str, Any]:
    found = {code: _response(text, _PROBLEM, "ProblemModel") for code, text in _PROBLEMS.items()}
    if route.not_done is not None:
        found["422"] = _response("Nothing was done: `problem` says why.", _PROBLEM, route.not_done.__name__)
    if not route.leads_to:
        return {"200": _done(route)} | found
    location = {"description": "Its address.", "schema": {"type": "string", "format": "uri-reference"}}
    followed = {
        "description": f"{route.leads_to} The same form sent again leads there, too.",
        "headers": {"Location": location},
    }
    found["409"] = _response(_STALE, _PROBLEM, "ProblemModel")
    return {"303": followed} | found


def _done(route: Route) -> dict[str, Any]:
    if route.model is not None:
        return _response(route.summary, "application/json", route.model.__name__)
    file = {"schema": {"type": "string", "format": "binary"}}
    return {"description": route.summary, "content": dict.fromkeys(route.content, file)}


def _body(model: type[Model]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "required": bool(model.model_json_schema().get("required")),
        "content": {"application/json": {"schema": schema}},
    }


def _response(description: str, kind: str, model: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {kind: {"schema": {"$ref": f"#/components/schemas/{model}"}}},
    }
