"""The read API as its description says: schemathesis makes requests of the description, and judges the answers by it.

Many of the requests name things that are there, so that answers of every kind are judged. The requests are the same in
every run: EXAMPLES for each operation, and as many that break the description.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.console.access import Role
from service.console.openapi import document
from service.console.routes import api_routes
from service.console.server import running_console
from tests.console.addresses import FORMS, IN_PATHS, TOPIC, add_all
from tests.console.conftest import settings_for
from tests.console.identity import HEADER
from tests.orders.stories import Story, dissolved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemathesis import APIOperation, Case
    from schemathesis.core.transport import Response

    from service.console.server import Running

EXAMPLES = 12
DAY_SECONDS = 86_400
BUSY = 503
"""Said on a machine that is so busy that the database doesn't answer in time: the request is sent again."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {
    **IN_PATHS,
    "q": "ord-1-e0",
    "id": "ord-1-e0",
    "order": "ord-1",
    "reason": "not_json",
    "place": "",
    "source": "/tests",
}
"""Values of parameters that lead to something."""
BODIES = {
    "/try": [
        {"value": one.value.decode(), "key": one.key.decode(), "headers": [], "topic": topic}
        for one in (Story("ord-9").placed().last, dissolved().last)
        for topic in ("", TOPIC)
    ]
} | {path: [form] for path, form in FORMS.items()}
BODIES |= {
    "/orders/{order_id}/what-if": [{"value": dissolved().last.value.decode()}],
    "/acts/{act}": [{"key": "a-program-1", "why": "the buyer complains", "orders": "ord-1"}],
    "/proposals/{proposal_id}/confirm": [{"step": "1"}],
    "/operations/{operation_id}/continue": [{"handled": "1"}],
    "/operations/{operation_id}/stop": [{}],
    "/orders/{order_id}/notes": [{"key": "a-program-1", "text": "called the seller"}],
    "/orders/{order_id}/private": [{"key": "a-program-1", "why": "a subpoena", "ticket": "T-1"}],
    "/quarantine/{topic}/{partition}/{offset}/notes": [{"key": "a-program-2", "ticket": "T-2"}],
}
"""Bodies that lead to something, by path."""


@pytest.fixture
async def running(database: str, engine, provider) -> AsyncIterator[Running]:
    await add_all(engine, database, dissolved())
    async with running_console(settings_for(database, **provider.settings())) as running:
        yield running


def operations(origin: str) -> list[APIOperation]:
    """The operations that the API is described to have."""
    described = schemathesis.openapi.from_dict(document(list(api_routes()), origin))
    described.config.update(base_url=origin)
    return [one.ok() for one in described.get_all_operations()]


@st.composite
def cases(draw: st.DrawFn, operation: APIOperation, mode: GenerationMode) -> Case:
    """A request, in which all parameters, some or none, and the body may be of things that are there."""
    case = draw(operation.as_strategy(generation_mode=mode))
    share = draw(st.sampled_from(("all", "some", "none")))
    for given in (case.path_parameters, case.query):
        for name in given or ():
            if name in KNOWN and (share == "all" or (share == "some" and draw(st.booleans()))):
                given[name] = KNOWN[name]
    if case.method == "POST" and (share == "all" or draw(st.booleans())):
        case.body, case.media_type = draw(st.sampled_from(BODIES[operation.path])), "application/json"
    return case


def acts(operation: APIOperation) -> bool:
    """Whether it does something, and leads to the page that says what."""
    return "303" in operation.definition.raw["responses"]


def drive(operation: APIOperation, mode: GenerationMode, headers: dict[str, str], examples: int) -> list[Response]:
    """Send the requests and judge each answer. Blocks, as schemathesis does: for a thread."""
    answers: list[Response] = []

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=cases(operation, mode))
    def send(case: Case) -> None:
        # A search and an act lead to a page: what this page answers is judged as an operation of its own.
        answer = case.call(headers=headers, allow_redirects=not acts(operation))
        while answer.status_code == BUSY:
            answer = case.call(headers=headers, allow_redirects=not acts(operation))
        answers.append(answer)
        case.validate_response(answer, checks=CHECKS)

    send()
    return answers


async def test_every_answer_is_as_the_api_is_described(running, provider) -> None:
    # The usual token ends in five minutes, which is little on a busy machine.
    token = provider.token(groups=[f"g-{role}" for role in Role], exp=int(time.time()) + DAY_SECONDS)
    # A program that acts has no form: it comes with the token itself.
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    faults: dict[str, str] = {}
    for operation in operations(running.origin):
        try:
            found = await asyncio.to_thread(drive, operation, GenerationMode.POSITIVE, headers, EXAMPLES)
            done = 303 if acts(operation) else 200
            assert done in {one.status_code for one in found}, "no request led to anything"
            if list(operation.iter_parameters()) or operation.body:
                await asyncio.to_thread(drive, operation, GenerationMode.NEGATIVE, headers, EXAMPLES)
        except AssertionError as error:
            faults[operation.label] = str(error)
        except FailureGroup as error:
            faults[operation.label] = "\n".join(map(str, error.exceptions))
    assert not faults, "\n\n".join(f"{label}: {fault}" for label, fault in faults.items())


async def test_a_denied_page_is_denied_as_described(running, provider) -> None:
    somebody = {HEADER: provider.token(groups=[]), "Accept": "application/json"}
    for operation in operations(running.origin):
        for headers, status in (({"Accept": "application/json"}, 401), (somebody, 403)):
            found = await asyncio.to_thread(drive, operation, GenerationMode.POSITIVE, headers, 1)
            is_for_all = status == 403 and operation.label == "GET /account"
            assert {one.status_code for one in found} == {200 if is_for_all else status}, operation.label
