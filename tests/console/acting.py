"""People who act at the console, as their browsers would: a form, a proposal, its confirmation, the operation."""

from __future__ import annotations

import asyncio
import html
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import ClientSession, CookieJar

from service.console.bounds import Bounds
from tests.console.identity import HEADER
from tests.console.reading import read_json
from tests.waiting import HANG_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.console.server import Running
    from tests.console.identity import IdentityProvider

PATIENT = Bounds(request_seconds=HANG_SECONDS)
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@asynccontextmanager
async def person(
    running: Running, provider: IdentityProvider, subject: str, group: str = "g-operator"
) -> AsyncIterator[ClientSession]:
    """Somebody with a name of their own, at a browser."""
    headers = {HEADER: provider.token(sub=subject, name=subject.title(), groups=[group])}
    async with ClientSession(running.origin, cookie_jar=CookieJar(unsafe=True), headers=headers) as session:
        yield session


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return {name: html.unescape(value) for name, value in FIELD.findall(page)}


async def form_of(session: ClientSession, act: str) -> dict[str, str]:
    """The hidden fields of an act's form, which come back beside those that a person fills in."""
    async with session.get(f"/acts/{act}") as answer:
        page = await answer.text()
        assert answer.status == 200, page
    return hidden(page)


async def propose(session: ClientSession, act: str, status: int = 200, **fields: str) -> str:
    """Fill in the form and send it; return the proposal's id, or the page that says why there is none."""
    form = {"why": "the sender mended it"} | await form_of(session, act) | fields
    async with session.post(f"/acts/{act}", data=form) as answer:
        page = await answer.text()
        assert answer.status == status, page
        return answer.url.path.removeprefix("/proposals/") if status == 200 else page


async def preview_of(session: ClientSession, proposal: str) -> Any:
    return (await read_json(session, f"/proposals/{proposal}", Accept="application/json"))["preview"]


async def confirm(session: ClientSession, proposal: str, status: int = 200, step: str = "all") -> str:
    """Confirm a proposal; return the page that follows."""
    async with session.get(f"/proposals/{proposal}") as answer:
        page = await answer.text()
        assert answer.status == 200, page
    # The page of a proposal that one may not confirm has no form: try it all the same.
    form = hidden(page) or await form_of(session, "hold")
    async with session.post(f"/proposals/{proposal}/confirm", data=form | {"step": step}) as answer:
        page = await answer.text()
        assert answer.status == status, page
        assert answer.url.path == (f"/operations/{proposal}" if status == 200 else f"/proposals/{proposal}/confirm")
        return page


async def operation(session: ClientSession, operation_id: str) -> Any:
    """An operation, once it does not run any more."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            found = await read_json(session, f"/operations/{operation_id}", Accept="application/json")
            if found["state"] != "running":
                return found
            await asyncio.sleep(0.02)


async def done(session: ClientSession, act: str, **fields: str) -> Any:
    """Propose an act, confirm it, and return its operation."""
    proposal = await propose(session, act, **fields)
    await confirm(session, proposal)
    return await operation(session, proposal)


def new_key() -> str:
    return uuid4().hex
