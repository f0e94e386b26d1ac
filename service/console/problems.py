"""Answers in place of a page: what was not found, may not be seen, or can't be read now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.access import Right
from service.console.models import ProblemModel
from service.console.presentation import context_of, order_model
from service.console.visit import Answer
from service.operations.sentence import Sentence, listed, sentence

if TYPE_CHECKING:
    from datetime import datetime

    from service.console.access import Lack
    from service.console.language import PlainLanguage
    from service.console.stories import Story, UnknownOrder
    from service.store.rows import StoreTime

RIGHT_NAMES = {
    Right.PUBLIC: sentence("see public pages"),
    Right.SIGNED_IN: sentence("be signed in"),
    Right.SEARCH: sentence("search for ids"),
    Right.ORDERS: sentence("see orders"),
    Right.LETTERS: sentence("write letters to buyers"),
    Right.CLAUSES: sentence("read the agreement and the contract"),
    Right.STATE: sentence("see how the service stands"),
    Right.QUARANTINE: sentence("see quarantined records without their content"),
    Right.MESSAGES: sentence("look for messages and try them"),
    Right.MONEY: sentence("see money by day and reconcile it"),
    Right.EXPORT: sentence("export commands"),
    Right.ACTS: sentence("act on orders, lanes, records and terms"),
    Right.NOTES: sentence("note something about orders and records"),
    Right.PRIVATE: sentence("see private members, with a reason and a ticket"),
    Right.AUDIT: sentence("see who looked and who acted"),
}
ROLE_NAMES = {
    "support": sentence("support"),
    "operator": sentence("operator"),
    "finance": sentence("finance"),
    "engineer": sentence("engineer"),
}


def _problem(status: int, title: Sentence, *details: Sentence, watermark: datetime | None = None) -> Answer:
    def model(language: PlainLanguage) -> ProblemModel:
        text = " ".join(language.translate(one) for one in details)
        return ProblemModel(title=language.translate(title), status=status, detail=text, watermark=watermark)

    return Answer("problem.html", title, {"details": details, "watermark": watermark}, model, status)


def not_here(status: int) -> Answer:
    """Return the answer for an address that isn't there (404), a wrong method (405), a body too large (413)."""
    if status == 405:
        return _problem(405, sentence("Not in this way"), sentence("This address doesn't take requests of this kind."))
    if status == 413:
        return _problem(413, sentence("Too large"), sentence("The request is larger than the console takes."))
    if status == 404:
        return _problem(404, sentence("No such page"), sentence("There is no page at this address."))
    return _problem(status, sentence("Not understood"), sentence("The request can't be understood."))


def bad_request(detail: str) -> Answer:
    """Return the answer to a request with a wrong parameter."""
    return _problem(400, sentence("Not understood"), Sentence(detail))


def refused_entry(detail: Sentence, status: int = 403) -> Answer:
    """Return why somebody is not let in."""
    return _problem(status, sentence("Not signed in"), detail)


def refused(status: int, detail: Sentence) -> Answer:
    """Return why a form is not taken, or not by this person."""
    return _problem(status, sentence("Not done"), detail)


def sign_in_first() -> Answer:
    """Return the answer to a program that isn't signed in."""
    return _problem(
        401, sentence("Nobody is signed in"), sentence("Sign in, or send a bearer token of the identity provider.")
    )


def denied(lack: Lack) -> Answer:
    """Return which right is missing, and which group has it."""
    title = sentence("You lack a right")
    groups = listed(lack.groups) if lack.groups else None
    roles = listed([ROLE_NAMES[role] for role in lack.roles])

    def model(language: PlainLanguage) -> ProblemModel:
        missing = sentence("The right that is missing: {right}.", right=RIGHT_NAMES[lack.right])
        return ProblemModel(
            title=language.translate(title),
            status=403,
            detail=language.translate(missing),
            right=lack.right.value,
            groups=list(lack.groups),
        )

    context = {"right": RIGHT_NAMES[lack.right], "roles": roles, "groups": groups}
    return Answer("denied.html", title, context, model, 403)


def unknown_order(missing: UnknownOrder) -> Answer:
    """Return that an order is not known, up to when that is certain, and what may concern it all the same."""
    title = sentence("Not received")

    def model(language: PlainLanguage) -> ProblemModel:
        return ProblemModel(
            title=language.translate(title),
            status=404,
            detail=language.translate(sentence("No message about order {order} was received.", order=missing.order_id)),
            watermark=missing.clock.watermark,
            lane_elsewhere=missing.lane_elsewhere,
        )

    return Answer("unknown_order.html", title, {"missing": missing}, model, 404)


def busy() -> Answer:
    """Return that there is too much to do."""
    return _problem(
        503, sentence("Too much at once"), sentence("The console has more to do than it can. Try again in a moment.")
    )


def too_large() -> Answer:
    """Return that an order is too long for a page."""
    return _problem(
        422,
        sentence("Too long for a page"),
        sentence("This order has more facts and decisions than a page can hold. The command explain shows it."),
    )


def unexpected() -> Answer:
    """Return that an unexpected error happened."""
    return _problem(
        500, sentence("A fault in the console"), sentence("Nobody foresaw this. The console's log says more.")
    )


def unavailable(clock: StoreTime | None, last: Story | None) -> Answer:
    """Return that the database can't be read, and what was known last."""
    title = sentence("The database can't be read now")

    def model(language: PlainLanguage) -> ProblemModel:
        return ProblemModel(
            title=language.translate(title),
            status=503,
            detail=language.translate(sentence("What is shown may be old. Nothing is lost: try again in a moment.")),
            watermark=None if clock is None else clock.watermark,
            last_known=None if last is None else order_model(last, language),
        )

    context = {"clock": clock, "last": last} | ({} if last is None else context_of(last))
    return Answer(
        "unavailable.html", title, context, model, 503, known_id=None if last is None else last.explanation.order_id
    )
