"""Acts as JSON: what a proposal shows, how far an operation is. Previews are stored as these classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purchasing_contracts.base import Instant
from pydantic import Field

from service.console.models import Model
from service.operations.sentence import Sentence, sentence

if TYPE_CHECKING:
    from service.operations.acts.effects import Effect
    from service.operations.acts.money import Move
    from service.operations.acts.records import RefusedAgain


class MoveModel(Model):
    """Commands of one type, currency and line."""

    type: str
    currency: str | None
    line: str
    commands: int
    amount: int | None = Field(description="Their sum, in minor units.")

    @classmethod
    def of(cls, move: Move) -> MoveModel:
        """Return a sum for programs."""
        return cls(**move._asdict())


class EffectModel(Model):
    """The effects on one order."""

    order_id: str
    moves: list[MoveModel]
    decisions: int
    problem: str | None = Field(description="Why nothing would follow: `rules_fail`, `unreadable`, `halted`.")

    @classmethod
    def of(cls, effect: Effect) -> EffectModel:
        """Return an effect for programs."""
        moves = [MoveModel.of(one) for one in effect.moves]
        return cls(order_id=effect.order_id, moves=moves, decisions=effect.decisions, problem=effect.problem)


class RefusedModel(Model):
    """A record that a replay would leave in quarantine."""

    record: str
    reason: str
    place: str
    because: str

    @classmethod
    def of(cls, refused: RefusedAgain) -> RefusedModel:
        """Return a refusal for programs."""
        return cls(**refused._asdict())


class NoteModel(Model):
    """A sentence about the act: its English template and what is put into it."""

    template: str
    arguments: dict[str, str | int]

    @classmethod
    def of(cls, text: Sentence) -> NoteModel:
        """Keep a sentence so that it can be translated later."""
        arguments = {name: value if isinstance(value, int) else str(value) for name, value in text.arguments.items()}
        return cls(template=text.template, arguments=arguments)

    def sentence(self) -> Sentence:
        """Return the sentence."""
        return sentence(self.template, **self.arguments)


class PreviewModel(Model):
    """The effects of an act, as they were when it was proposed."""

    at: Instant = Field(description="When it was worked out.")
    moves: list[MoveModel] = Field(description="The money that would move, by currency and line.")
    effects: list[EffectModel] = Field(description="The same per order.")
    refused: list[RefusedModel] = Field(description="Records that a replay would leave in quarantine.")
    notes: list[NoteModel] = Field(description="What else is to be known.")
    changed_places: list[str] = Field(description="Of a repair: where the value differs, as JSON pointers.")


class ItemModel(Model):
    """One item of the frozen list, and what became of it."""

    nth: int
    subject: str
    order_ids: list[str]
    outcome: str | None = Field(description="`done`, `nothing`, `refused`, `changed`, `failed`; absent: not handled.")
    detail: str | None
    ended_at: Instant | None


class ProposalModel(Model):
    """An act that somebody proposed."""

    id: str
    act: str
    requested_by: str
    requested_at: Instant
    why: str
    ticket: str | None
    needs_approval: bool = Field(description="Whether somebody else has to confirm it.")
    ends_at: Instant
    confirmed_by: str | None
    confirmed_at: Instant | None
    preview: PreviewModel
    items: list[ItemModel]


class OperationModel(Model):
    """The progress of a confirmed act."""

    id: str
    act: str
    state: str = Field(description="`running`, `waiting` for a person to allow more, `stopped`, `ended`.")
    stopped: str | None = Field(description="Why: `refused`, `changed`, `failed`, `asked`.")
    requested_by: str
    confirmed_by: str
    why: str
    ticket: str | None
    started_at: Instant
    ended_at: Instant | None
    allowed: int = Field(description="So many items may be handled until a person allows more.")
    handled: int
    items: list[ItemModel]


class OperationShortModel(Model):
    """One row of the list of operations."""

    id: str
    act: str
    state: str
    requested_by: str
    confirmed_by: str
    why: str
    started_at: Instant
    handled: int
    items: int


class ProposalShortModel(Model):
    """One row of the list of proposals."""

    id: str
    act: str
    requested_by: str
    why: str
    needs_approval: bool
    ends_at: Instant
    items: int


class OperationsModel(Model):
    """Proposals that may still be confirmed, and the latest operations."""

    proposals: list[ProposalShortModel]
    operations: list[OperationShortModel]


class ActFormModel(Model):
    """The facts that a program needs to propose an act."""

    act: str
    form_token: str = Field(description="To be sent back as `form_token`, with the cookie that came with it.")
    key: str = Field(description="To be sent back as `key`: the same key twice is one proposal.")
    fields: dict[str, str]
    problem: str | None = Field(description="Why nothing was proposed, if something was asked for.")


class FormRequest(Model):
    """The member of every form. A request with a bearer token doesn't need it."""

    form_token: str = Field(default="", description="As the form's page has it, with the cookie that came with it.")


class ActRequest(FormRequest):
    """An act to propose. Which of the last members it takes, the act's form says; all are texts."""

    key: str = Field(
        min_length=8, max_length=100, description="Any text of one's own: the same key twice is one proposal."
    )
    why: str = Field(description="The reason, of 1 to 500 characters. It is kept with the act.")
    ticket: str = ""
    orders: str = Field(default="", description="Ids of orders, one per line.")
    records: str = Field(default="", description="Quarantined records, one per line: `topic/partition/offset#digest`.")
    lane: str = Field(default="", description="A lane's number, or `all`.")
    position: str = ""
    topic: str = ""
    reason: str = Field(default="", description="With `topic`, `place` and `source`: a group of records.")
    place: str = ""
    source: str = ""
    value: str = Field(default="", description="What to replay in place of a record's value.")
    key_text: str = Field(default="", description="What to replay in place of its key.")
    without_headers: str = Field(default="", description="Any text: without its headers.")
    name: str = Field(default="", description="Name of the terms file.")
    text: str = Field(default="", description="Content of the terms file.")


class ConfirmRequest(FormRequest):
    """The number of items that may be handled at first."""

    step: str = Field(default="all", description="`1`, `10`, `100` or `all`.")


class ContinueRequest(FormRequest):
    """The number of items that may be handled next."""

    step: str = Field(default="all", description="`1`, `10`, `100` or `all`.")
    handled: str = Field(description="How many were handled when this was asked for: else nothing is done.")


class AuditEntryModel(Model):
    """A look or an act."""

    nth: int
    at: Instant
    subject: str
    name: str
    way: str = Field(description="How the person signed in.")
    what: str = Field(description="`look` or `act`.")
    allowed: bool
    right: str = Field(description="The right that it needs.")
    path: str = Field(description="Pattern of the address.")
    known_id: str | None = Field(description="What it was about, if messages brought this id.")
    about: str | None = Field(description="The proposal or operation.")
    status: int


class AuditModel(Model):
    """Entries of the audit, the latest first."""

    entries: list[AuditEntryModel]
    next: str | None = Field(description="Address of the entries before these.")


class NoteOfPersonModel(Model):
    """A person's note."""

    at: Instant
    name: str
    ticket: str | None
    text: str


class NotesModel(Model):
    """Notes, the oldest first, and what a program needs to add one."""

    notes: list[NoteOfPersonModel]
    problem: str | None = Field(default=None, description="Why no note was added, if one was sent.")
    form_token: str
    key: str


class NoteRequest(FormRequest):
    """A note to add. One of the first two is needed."""

    text: str = Field(default="", description="At most 4000 characters.")
    ticket: str = Field(default="", description="At most 100 characters.")
    key: str = Field(min_length=8, max_length=100, description="Any text of one's own: the same key twice is one note.")


class DisclosureModel(Model):
    """That a person was shown the private members."""

    at: Instant
    name: str
    why: str
    ticket: str


class PrivateMembersModel(Model):
    """The private members of one message."""

    source: str
    id: str
    data: dict[str, object]


class PrivateModel(Model):
    """Earlier views of the private members and, once a reason was given, the members themselves."""

    order_id: str
    seen_before: list[DisclosureModel]
    until: Instant | None = Field(description="Until when this form shows them; absent: no reason was given yet.")
    members: list[PrivateMembersModel]
    problem: str | None = Field(default=None, description="Why nothing is shown, if it was asked for.")
    form_token: str
    key: str


class PrivateRequest(FormRequest):
    """A reason to see the private members. It is kept, with who gave it."""

    why: str = Field(description="The reason, of 1 to 500 characters.")
    ticket: str = Field(description="At most 100 characters.")
    key: str = Field(
        min_length=8, max_length=100, description="Any text of one's own: with the same key they are shown for minutes."
    )
