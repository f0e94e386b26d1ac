"""The pages of signing in and out."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import structlog

from service.console.forms import comes_from_here
from service.console.models import SignInModel
from service.console.problems import not_here, refused_entry
from service.console.sign_in.door import is_own_path
from service.console.sign_in.oidc import CALLBACK, Attempt
from service.console.sign_in.tokens import ProviderError, TokenError
from service.console.visit import Answer, see_other
from service.operations.sentence import sentence
from service.store.console_sessions import LINK

if TYPE_CHECKING:
    from aiohttp import web

    from service.console.parts import Parts
    from service.console.visit import Visit

log = structlog.get_logger("service.console")

ATTEMPT_SECONDS = 600


async def login(console: Parts, visit: Visit) -> Answer:
    """Show the ways of signing in."""
    after = _next(visit)
    context = {"next": after, "has_oidc": console.door.oidc is not None, "has_links": console.door.has_links}
    ways = [name for name, there in (("oidc", console.door.oidc is not None), (LINK, console.door.has_links)) if there]
    return Answer("login.html", sentence("Sign in"), context, lambda _: SignInModel(ways=ways))


async def link(console: Parts, visit: Visit) -> Answer | web.Response:
    """Sign in the browser that has the one-time link."""
    if not console.door.has_links:
        return not_here(404)
    if not console.door.use_link(visit.request.query.get("token", "")):
        return refused_entry(
            sentence("This link was used before, or it is too old. Start the console again for a new one.")
        )
    session_id = await console.door.begin("local", "local user", (), LINK)
    log.info("console_signed_in", message="A person signed in.", way=LINK, subject="local")
    return _let_in(console, session_id, "/")


async def to_provider(console: Parts, visit: Visit) -> Answer | web.Response:
    """Send the browser to the identity provider."""
    if console.door.oidc is None:
        return not_here(404)
    try:
        link_, attempt = await console.door.oidc.begin(_callback(console, visit), _next(visit))
    except ProviderError as error:
        log.warning("console_identity_provider", message="The identity provider could not be used.", error=str(error))
        return refused_entry(sentence("The identity provider can't be reached. Try again in a moment."), status=503)
    response = see_other(link_)
    response.set_cookie(
        console.door.attempt_cookie,
        attempt.cookie(),
        max_age=ATTEMPT_SECONDS,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=console.door.is_secure,
    )
    return response


async def callback(console: Parts, visit: Visit) -> Answer | web.Response:
    """Sign in the person whom the identity provider sends back."""
    if console.door.oidc is None:
        return not_here(404)
    attempt = Attempt.of_cookie(visit.request.cookies.get(console.door.attempt_cookie, ""))
    state = visit.request.query.get("state", "")
    if attempt is None or not hmac.compare_digest(state.encode(), attempt.state.encode()):
        return refused_entry(sentence("This sign-in wasn't begun in this browser, or too long ago. Begin again."))
    if "code" not in visit.request.query:
        return refused_entry(sentence("The identity provider did not let you in."))
    try:
        code = visit.request.query["code"]
        who = await console.door.oidc.finish(attempt, code, _callback(console, visit))
    except TokenError as error:
        log.warning("console_sign_in_refused", message="The identity provider's token was refused.", error=str(error))
        return refused_entry(sentence(str(error)))
    except ProviderError as error:
        log.warning("console_identity_provider", message="The identity provider could not be used.", error=str(error))
        return refused_entry(sentence("The identity provider can't be reached. Try again in a moment."), status=503)
    session_id = await console.door.begin(who.subject, who.name, who.groups, "oidc")
    log.info("console_signed_in", message="A person signed in.", way="oidc", subject=who.subject)
    response = _let_in(console, session_id, attempt.next if is_own_path(attempt.next) else "/")
    _drop(console, response, console.door.attempt_cookie)
    return response


async def logout(console: Parts, visit: Visit) -> web.Response | Answer:
    """End the session. The browser says where the form stood; from elsewhere it isn't taken."""
    if not comes_from_here(console, visit.request):
        return refused_entry(sentence("This form doesn't come from the console."))
    await console.door.end(visit.request)
    response = see_other("/login")
    _drop(console, response, console.door.cookie)
    return response


def _next(visit: Visit) -> str:
    after = visit.request.query.get("next", "/")
    return after if is_own_path(after) else "/"


def _callback(console: Parts, visit: Visit) -> str:
    origin = console.settings.console_url or str(visit.request.url.origin())
    return f"{origin}{CALLBACK}"


def _let_in(console: Parts, session_id: str, after: str) -> web.Response:
    response = see_other(after)
    response.set_cookie(
        console.door.cookie, session_id, path="/", httponly=True, samesite="Lax", secure=console.door.is_secure
    )
    return response


def _drop(console: Parts, response: web.Response, name: str) -> None:
    response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=console.door.is_secure)
