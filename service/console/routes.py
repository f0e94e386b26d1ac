"""All addresses of the console, each with the right that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from service.console import (
    contract_pages,
    message_pages,
    models,
    pages,
    quarantine_pages,
    sign_in_pages,
    state_pages,
    suppose_pages,
    trial_pages,
)
from service.console.access import Right
from service.console.acts.routes import ACT_ROUTES
from service.console.contract_models import ContractModel, MessageModel
from service.console.documentation import documentation
from service.console.finance.routes import FINANCE
from service.console.message_models import (
    GroupsModel,
    RecordPageModel,
    RecordsModel,
    SupposedModel,
    TrialModel,
    TrialRequest,
    WhereModel,
)
from service.console.openapi import document
from service.console.state_models import AlertModel, AlertsModel, SectionModel, StateModel
from service.console.visit import Parameter, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.console.parts import Parts
    from service.console.visit import Visit

_ID = Parameter("id", "With `by-id` in the path: the order's id, such as `..`, that a path can't hold.")
_ORDER = "/orders/{order_id}"


async def openapi(_console: Parts, visit: Visit) -> web.Response:
    """Return the description of the read API."""
    return web.json_response(document(list(api_routes()), str(visit.request.url.origin())))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/livez", Right.PUBLIC, pages.livez, "Whether the process answers"),
    Route("GET", "/readyz", Right.PUBLIC, pages.readyz, "Whether the database can be read"),
    Route("GET", "/static/{name}", Right.PUBLIC, pages.static, "Stylesheet and icon"),
    Route("GET", "/login", Right.PUBLIC, sign_in_pages.login, "The ways of signing in"),
    Route("GET", "/login/link", Right.PUBLIC, sign_in_pages.link, "Sign in by a one-time link"),
    Route("GET", "/login/oidc", Right.PUBLIC, sign_in_pages.to_provider, "Sign in at the identity provider"),
    Route("GET", "/login/callback", Right.PUBLIC, sign_in_pages.callback, "Come back from the identity provider"),
    Route("POST", "/logout", Right.SIGNED_IN, sign_in_pages.logout, "Sign out"),
    Route("GET", "/", Right.SIGNED_IN, pages.home, "Begin here"),
    Route("GET", "/account", Right.SIGNED_IN, pages.account, "What I may do", models.AccountModel),
    Route(
        "GET",
        "/search",
        Right.SEARCH,
        pages.search,
        "Which orders an id leads to",
        models.SearchModel,
        (Parameter("q", "The id.", is_required=True),),
    ),
    Route("GET", _ORDER, Right.ORDERS, pages.order, "An order's story", models.OrderModel, (_ID,)),
    Route(
        "GET",
        f"{_ORDER}/at/{{instant}}",
        Right.ORDERS,
        pages.order_at,
        "What was known of an order at an instant",
        models.OrderModel,
        (_ID,),
    ),
    Route("GET", f"{_ORDER}/letter", Right.LETTERS, pages.letter, "A letter to the buyer", models.LetterModel, (_ID,)),
    Route(
        "GET",
        f"{_ORDER}/what-if",
        Right.ORDERS,
        suppose_pages.suppose_form,
        "A message that did not come to an order, written out",
        SupposedModel,
        (_ID, Parameter("type", "Type of the message, such as `purchasing.seller.cancellation_refused.v1`.")),
    ),
    Route(
        "POST",
        f"{_ORDER}/what-if",
        Right.ORDERS,
        suppose_pages.suppose,
        "What would follow for an order if a message came now; nothing is stored",
        TrialModel,
        (_ID,),
        TrialRequest,
        trial_pages.TRIAL_BYTES,
        only_computes=True,
    ),
    Route("GET", "/clauses", Right.CLAUSES, pages.clauses, "The agreement's clauses", models.ClausesModel),
    Route("GET", "/clauses/{number}", Right.CLAUSES, pages.clause, "One clause", models.ClauseModel),
    Route("GET", "/contract", Right.CLAUSES, contract_pages.contract, "The messages and topics", ContractModel),
    Route(
        "GET",
        "/contract/{message_type}",
        Right.CLAUSES,
        contract_pages.contract_message,
        "One message: its schema and examples",
        MessageModel,
    ),
    Route("GET", "/now", Right.STATE, state_pages.state, "How the service stands", StateModel),
    Route("GET", "/alerts", Right.STATE, state_pages.alerts, "All alerts", AlertsModel),
    Route("GET", "/alerts/{alert}", Right.STATE, state_pages.alert, "An alert: is it still so", AlertModel),
    Route("GET", "/runbook/{section}", Right.STATE, state_pages.runbook_section, "A runbook's section", SectionModel),
    Route("GET", "/quarantine", Right.QUARANTINE, quarantine_pages.quarantine, "Quarantine in groups", GroupsModel),
    Route(
        "GET",
        "/quarantine/group",
        Right.QUARANTINE,
        quarantine_pages.quarantine_group,
        "Quarantined records of one group",
        RecordsModel,
        (
            Parameter("topic", "Topic of the records.", is_required=True),
            Parameter("reason", "Why they were quarantined.", is_required=True),
            Parameter("place", "Place of the fault, with `*` for numbers; absent: the whole record."),
            Parameter("source", "The sender; absent: it could not be read."),
            Parameter("after", "Where the page begins: as the page before says."),
        ),
    ),
    Route(
        "GET",
        "/quarantine/{topic}/{partition}/{offset}",
        Right.QUARANTINE,
        quarantine_pages.quarantined_record,
        "A quarantined record, without its content",
        RecordPageModel,
    ),
    Route(
        "GET",
        "/messages",
        Right.MESSAGES,
        message_pages.messages,
        "Where a message is",
        WhereModel,
        (
            Parameter("id", "Id of the message."),
            Parameter("source", "Source of the message; absent: any."),
            Parameter("order", "Id of an order: all its messages."),
            Parameter("topic", "With partition and offset: the message at this place."),
            Parameter("partition", "The partition."),
            Parameter("offset", "The offset."),
        ),
    ),
    Route("GET", "/try", Right.MESSAGES, trial_pages.trial_form, "A form to try a message"),
    Route(
        "POST",
        "/try",
        Right.MESSAGES,
        trial_pages.trial,
        "What the service would make of a message now; nothing is stored",
        TrialModel,
        body=TrialRequest,
        body_bytes=trial_pages.TRIAL_BYTES,
        only_computes=True,
    ),
    *ACT_ROUTES,
    *FINANCE,
    Route("GET", "/docs/{page}", Right.SIGNED_IN, documentation, "A page of the documentation"),
    Route("GET", "/openapi.json", Right.SIGNED_IN, openapi, "This API, described"),
)


def api_routes() -> Iterator[Route]:
    """Yield the routes that are part of the read API."""
    yield from (route for route in ROUTES if route.model or route.content or route.leads_to)
