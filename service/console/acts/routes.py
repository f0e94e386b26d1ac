"""Addresses of acts: their forms, proposals and operations."""

from __future__ import annotations

from service.console.access import Right
from service.console.acts import operation_pages, proposal_pages
from service.console.acts.models import OperationModel, OperationsModel, ProposalModel
from service.console.acts.proposal_pages import FORM_BYTES
from service.console.visit import Route

_PROPOSAL = "/proposals/{proposal_id}"
_OPERATION = "/operations/{operation_id}"

ACT_ROUTES: tuple[Route, ...] = (
    Route("GET", "/operations", Right.ACTS, operation_pages.operations, "Acts: proposed and done", OperationsModel),
    Route("GET", "/acts/{act}", Right.ACTS, proposal_pages.act_form, "The form of an act"),
    Route("POST", "/acts/{act}", Right.ACTS, proposal_pages.propose, "Propose an act", body_bytes=FORM_BYTES),
    Route("GET", _PROPOSAL, Right.ACTS, proposal_pages.proposal_page, "A proposal and its preview", ProposalModel),
    Route("POST", f"{_PROPOSAL}/confirm", Right.ACTS, proposal_pages.confirm, "Confirm a proposal"),
    Route("GET", _OPERATION, Right.ACTS, operation_pages.operation_page, "How far an operation is", OperationModel),
    Route("POST", f"{_OPERATION}/continue", Right.ACTS, operation_pages.go_on, "Let an operation handle more items"),
    Route("POST", f"{_OPERATION}/stop", Right.ACTS, operation_pages.stop, "Stop an operation"),
)
