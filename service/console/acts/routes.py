"""Addresses of acts: their forms, proposals and operations."""

from __future__ import annotations

from service.console.access import Right
from service.console.acts import audit_pages, note_pages, operation_pages, private_pages, proposal_pages
from service.console.acts.models import (
    ActFormModel,
    ActRequest,
    AuditModel,
    ConfirmRequest,
    ContinueRequest,
    FormRequest,
    NoteRequest,
    NotesModel,
    OperationModel,
    OperationsModel,
    PrivateModel,
    PrivateRequest,
    ProposalModel,
)
from service.console.acts.note_pages import NOTE_BYTES
from service.console.acts.proposal_pages import FORM_BYTES
from service.console.files import SECONDS as FILE_SECONDS
from service.console.visit import Parameter, Route

_PROPOSAL = "/proposals/{proposal_id}"
_OPERATION = "/operations/{operation_id}"
_ORDER_NOTES = "/orders/{order_id}/notes"
_RECORD_NOTES = "/quarantine/{topic}/{partition}/{offset}/notes"
_PRIVATE = "/orders/{order_id}/private"
_ID = Parameter("id", "With `by-id` in the path: the order's id, such as `..`, that a path can't hold.")
_FILTER = (
    Parameter("who", "Subject, or a part of the name."),
    Parameter("what", "`look` or `act`; absent: both."),
    Parameter("allowed", "`yes` or `no`; absent: both."),
    Parameter("id", "The id that it was about."),
    Parameter("about", "The proposal or operation."),
    Parameter("since", "RFC 3339."),
    Parameter("until", "RFC 3339, exclusive."),
    Parameter("before", "Where the page begins: as the page before says."),
)

ACT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/operations", Right.ACTS, operation_pages.operations, "Acts: proposed and done", OperationsModel),
    Route("GET", "/acts/{act}", Right.ACTS, proposal_pages.act_form, "The form of an act", ActFormModel),
    Route(
        "POST",
        "/acts/{act}",
        Right.ACTS,
        proposal_pages.propose,
        "Propose an act: nothing is done yet",
        body=ActRequest,
        body_bytes=FORM_BYTES,
        leads_to="The proposal, with the preview of what would move.",
        not_done=ActFormModel,
    ),
    Route("GET", _PROPOSAL, Right.ACTS, proposal_pages.proposal_page, "A proposal and its preview", ProposalModel),
    Route(
        "POST",
        f"{_PROPOSAL}/confirm",
        Right.ACTS,
        proposal_pages.confirm,
        "Confirm a proposal, unless something else would follow now",
        body=ConfirmRequest,
        leads_to="The operation.",
    ),
    Route("GET", _OPERATION, Right.ACTS, operation_pages.operation_page, "How far an operation is", OperationModel),
    Route(
        "POST",
        f"{_OPERATION}/continue",
        Right.ACTS,
        operation_pages.go_on,
        "Let an operation handle more items, unless something else would follow now",
        body=ContinueRequest,
        leads_to="The operation.",
    ),
    Route(
        "POST",
        f"{_OPERATION}/stop",
        Right.ACTS,
        operation_pages.stop,
        "Stop an operation after the item that is being handled",
        body=FormRequest,
        leads_to="The operation.",
    ),
    Route("GET", _ORDER_NOTES, Right.NOTES, note_pages.order_notes, "Notes about an order", NotesModel, (_ID,)),
    Route(
        "POST",
        _ORDER_NOTES,
        Right.NOTES,
        note_pages.new_order_note,
        "Add a note",
        body=NoteRequest,
        body_bytes=NOTE_BYTES,
        leads_to="The notes.",
        not_done=NotesModel,
    ),
    Route("GET", _RECORD_NOTES, Right.NOTES, note_pages.record_notes, "Notes about a record", NotesModel),
    Route(
        "POST",
        _RECORD_NOTES,
        Right.NOTES,
        note_pages.new_record_note,
        "Add a note",
        body=NoteRequest,
        body_bytes=NOTE_BYTES,
        leads_to="The notes.",
        not_done=NotesModel,
    ),
    Route("GET", _PRIVATE, Right.PRIVATE, private_pages.private_form, "Who saw private members", PrivateModel, (_ID,)),
    Route(
        "POST",
        _PRIVATE,
        Right.PRIVATE,
        private_pages.private,
        "Show private members",
        PrivateModel,
        body=PrivateRequest,
        not_done=PrivateModel,
    ),
    Route("GET", "/audit", Right.AUDIT, audit_pages.audit, "Who looked and who acted", AuditModel, _FILTER),
    Route(
        "GET",
        "/audit.csv",
        Right.AUDIT,
        audit_pages.audit_csv,
        "The audit as CSV, all of it",
        parameters=_FILTER,
        seconds=FILE_SECONDS,
        content=("text/csv",),
    ),
)
