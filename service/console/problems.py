"""Answers in place of a page: what was not found, may not be seen, or can't be read now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.access import Right
from service.console.models import ProblemModel
from service.console.told import context_of, order_model
from service.console.visit import Answer
from service.operations.sentence import Sentence, listed, say

if TYPE_CHECKING:
    from datetime import datetime

    from service.console.access import Lack
    from service.console.language import PlainLanguage
    from service.console.stories import NotHeard, Story
    from service.store.rows import StoreTime

RIGHT_NAMES = {
    Right.PUBLIC: say("see public pages"),
    Right.SIGNED_IN: say("be signed in"),
    Right.SEARCH: say("search for ids"),
    Right.ORDERS: say("see orders"),
    Right.LETTERS: say("write letters to buyers"),
    Right.CLAUSES: say("read the clauses"),
    Right.STATE: say("see how the service stands"),
    Right.QUARANTINE: say("see quarantined records without their content"),
    Right.MESSAGES: say("look for messages and try them"),
}
ROLE_NAMES = {
    "support": say("support"),
    "operator": say("operator"),
    "finance": say("finance"),
    "engineer": say("engineer"),
}


def _problem(status: int, title: Sentence, *details: Sentence, watermark: datetime | None = None) -> Answer:
    def model(language: PlainLanguage) -> ProblemModel:
        text = " ".join(language.tell(one) for one in details)
        return ProblemModel(title=language.tell(title), status=status, detail=text, watermark=watermark)

    return Answer("problem.html", title, {"details": details, "watermark": watermark}, model, status)


def not_here(status: int) -> Answer:
    """Return what is said of an address that isn't there (404), a wrong method (405), a body too large (413)."""
    if status == 405:
        return _problem(405, say("Not in this way"), say("This address doesn't take requests of this kind."))
    if status == 413:
        return _problem(413, say("Too large"), say("The request is larger than the console takes."))
    if status == 404:
        return _problem(404, say("No such page"), say("There is no page at this address."))
    return _problem(status, say("Not understood"), say("The request can't be understood."))


def bad_request(sentence: str) -> Answer:
    """Return what is said of a request with a wrong parameter."""
    return _problem(400, say("Not understood"), Sentence(sentence))


def refused_entry(sentence: Sentence, status: int = 403) -> Answer:
    """Return why somebody is not let in."""
    return _problem(status, say("Not signed in"), sentence)


def sign_in_first() -> Answer:
    """Return what a program hears that isn't signed in."""
    return _problem(401, say("Nobody is signed in"), say("Sign in, or send a bearer token of the identity provider."))


def denied(lack: Lack) -> Answer:
    """Return which right is missing, and which group has it."""
    title = say("You lack a right")
    groups = listed(lack.groups) if lack.groups else None
    roles = listed([ROLE_NAMES[role] for role in lack.roles])

    def model(language: PlainLanguage) -> ProblemModel:
        missing = say("The right that is missing: {right}.", right=RIGHT_NAMES[lack.right])
        return ProblemModel(
            title=language.tell(title),
            status=403,
            detail=language.tell(missing),
            right=lack.right.value,
            groups=list(lack.groups),
        )

    context = {"right": RIGHT_NAMES[lack.right], "roles": roles, "groups": groups}
    return Answer("denied.html", title, context, model, 403)


def not_heard(missing: NotHeard) -> Answer:
    """Return that an order was not heard of, up to when that is certain, and what may concern it all the same."""
    title = say("Not heard of")

    def model(language: PlainLanguage) -> ProblemModel:
        return ProblemModel(
            title=language.tell(title),
            status=404,
            detail=language.tell(say("No message about order {order} was heard.", order=missing.order_id)),
            watermark=missing.clock.watermark,
        )

    return Answer("not_heard.html", title, {"missing": missing}, model, 404)


def busy() -> Answer:
    """Return that there is too much to do."""
    return _problem(503, say("Too much at once"), say("The console has more to do than it can. Try again in a moment."))


def too_large() -> Answer:
    """Return that an order is too long for a page."""
    return _problem(
        422,
        say("Too long for a page"),
        say("This order has more facts and decisions than a page can hold. The command explain shows it."),
    )


def unexpected() -> Answer:
    """Return that something nobody foresaw went wrong."""
    return _problem(500, say("A fault in the console"), say("Nobody foresaw this. The console's log says more."))


def unavailable(clock: StoreTime | None, last: Story | None) -> Answer:
    """Return that the database can't be read, and what was known last."""
    title = say("The database can't be read now")

    def model(language: PlainLanguage) -> ProblemModel:
        return ProblemModel(
            title=language.tell(title),
            status=503,
            detail=language.tell(say("What is shown may be old. Nothing is lost: try again in a moment.")),
            watermark=None if clock is None else clock.watermark,
            last_known=None if last is None else order_model(last, language),
        )

    context = {"clock": clock, "last": last} | ({} if last is None else context_of(last))
    return Answer("unavailable.html", title, context, model, 503, known_id=None if last is None else last.told.order_id)
