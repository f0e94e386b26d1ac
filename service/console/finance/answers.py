"""Answers of finance pages in place of a page: too much at once, too many days, a garbled upload."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from service.console.desk import BusyError
from service.console.models import ProblemModel
from service.console.problems import busy
from service.console.visit import Answer
from service.operations.sentence import sentence
from service.store.money import TooMuchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from service.console.language import PlainLanguage
    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.operations.sentence import Sentence

    Handler = Callable[[Parts, Visit], Awaitable[Answer | web.StreamResponse]]


def bounded(handler: Handler) -> Handler:
    """Let a handler answer where it is too much for it."""

    @wraps(handler)
    async def handle(console: Parts, visit: Visit) -> Answer | web.StreamResponse:
        try:
            return await handler(console, visit)
        except BusyError:
            return busy()
        except TooMuchError:
            return refused(
                422,
                sentence("Too much money for a page"),
                sentence("These days have more than can be summed up in the time that a page has. Choose fewer days."),
            )

    return handle


def refused(status: int, title: Sentence, *details: Sentence) -> Answer:
    """Return why there is no answer."""

    def model(language: PlainLanguage) -> ProblemModel:
        text = " ".join(language.translate(one) for one in details)
        return ProblemModel(title=language.translate(title), status=status, detail=text)

    return Answer("problem.html", title, {"details": details, "watermark": None}, model, status)
