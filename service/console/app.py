"""The console as an aiohttp application: every request goes through `Console._answer`, where access is decided."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from service.console.access import Right
from service.console.bounds import BODY_BYTES, Connections
from service.console.forms import page_of_form
from service.console.problems import (
    bad_request,
    busy,
    denied,
    not_here,
    sign_in_first,
    too_large,
    unavailable,
    unexpected,
)
from service.console.rendering import Renderer
from service.console.routes import ROUTES
from service.console.stories import TooLargeError
from service.console.visit import LANGUAGE_COOKIE, ZONE_COOKIE, Answer, BadRequestError, order_of, see_other, visit_of
from service.console.watch import warn_of_database
from service.runtime.errors import catch_unexpected, describe
from service.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.console.parts import Parts
    from service.console.visit import Route, Visit

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("service.console")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; script-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not no-referrer: with it, browsers call the origin of our own forms "null".
    "Referrer-Policy": "same-origin",
    "Server": "console",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""With every answer. No script runs on any page."""
YEAR_SECONDS = 365 * 24 * 3600
RETRY_SECONDS = "5"


class Console:
    """The application and what its handlers need."""

    def __init__(self, parts: Parts) -> None:
        """Take the parts."""
        self._parts = parts
        self._parts_of_pages = parts._replace(acts=None)
        self.settings = parts.settings
        self.stories = parts.stories
        self.door = parts.door
        self.access = parts.access
        self.connections = Connections(parts.bounds)
        self._bounds = parts.bounds
        self._at_work = 0
        self._body_bytes: dict[object, int] = {}
        """Most bytes of a body, by the handler of the route."""
        self._seconds: dict[object, float | None] = {}
        """Within which an answer is made, by the handler of the route; None: as usual."""
        self._renderer = Renderer()

    def application(self) -> web.Application:
        """Return the application with all routes."""
        application = web.Application(client_max_size=BODY_BYTES, middlewares=[self._guard])
        application.on_response_prepare.append(self._protect)
        for route in ROUTES:
            # An id may have braces, which aiohttp's own pattern leaves out.
            path = route.path.replace("}", ":[^/]+}")
            handler = self._handler(route)
            self._body_bytes[handler] = route.body_bytes
            self._seconds[handler] = route.seconds
            application.router.add_route(route.method, path, handler)
        return application

    def _handler(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(route, request)

        return handle

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep the limits, and answer what has no route."""
        self.connections.begin(request)
        return await self._bounded(request, handler)

    async def _protect(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Give every answer its headers, before the first byte of it is sent."""
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        if self.door.is_secure:
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"

    async def _bounded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self.door.knows_host(request):
            return web.Response(status=421, text="This is another host's address.\n")
        if (request.content_length or 0) > self._body_bytes.get(request.match_info.handler, BODY_BYTES):
            # Whatever the handler would do with it, and however slowly it comes.
            return self._render(not_here(413), visit_of(request, None, self.access, self.settings.console_time_zone))
        if self._at_work >= self._bounds.requests:
            return self._render(busy(), visit_of(request, None, self.access, self.settings.console_time_zone))
        self._at_work += 1
        found: list[web.StreamResponse] = []
        try:
            with catch_unexpected(lambda error: found.append(self._failed(request, error))):
                seconds = self._seconds.get(request.match_info.handler) or self._bounds.request_seconds
                async with asyncio.timeout(seconds):
                    found.append(await handler(request))
        finally:
            self._at_work -= 1
        return found[0]

    def _failed(self, request: web.Request, error: Exception) -> web.StreamResponse:
        visit = visit_of(request, None, self.access, self.settings.console_time_zone)
        if isinstance(error, web.HTTPException):
            # 404 and 405 of the router, 413 of a body too large, 400 of a request that can't be parsed.
            return self._render(not_here(error.status), visit)
        if isinstance(error, TimeoutError):
            log.warning(
                "console_timeout",
                message="A request took too long; it was ended.",
                path=_pattern_of(request),
                seconds=self._bounds.request_seconds,
            )
            return self._render(busy(), visit)
        log.error(
            "console_fault",
            message="A request failed for a reason that the code does not handle.",
            method=request.method,
            error=describe(error),
            exc_info=error,
        )
        return self._render(unexpected(), visit)

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        """Answer a request. Whether it may be answered is decided here, for every route."""
        zone = self.settings.console_time_zone
        try:
            person = None if route.right is Right.PUBLIC else await self.door.person(request)
        except StoreError as error:
            warn_of_database(error)
            return self._render(unavailable(self.stories.last_clock, None), visit_of(request, None, self.access, zone))
        visit = visit_of(request, person, self.access, zone)
        if not self.access.may(person, route.right):
            if person is None:
                return await self._turn_to_login(visit)
            await self._parts.audit.denied(visit, route)
            return self._render(denied(self.access.lack(route.right)), visit)
        try:
            parts = self._parts if route.method == "POST" else self._parts_of_pages
            if route.content:
                # Before the first byte, because a person who cancels a download has seen a part of it.
                await self._parts.audit.answered(visit, route, 200, None)
            answer = await route.handler(parts, visit)
        except StoreError as error:
            warn_of_database(error)
            last = self.stories.known_last(order_of(request)) if route.right is Right.ORDERS else None
            answer = unavailable(self.stories.last_clock, last)
        except TooLargeError:
            answer = too_large()
        except BadRequestError as error:
            answer = bad_request(str(error))
        except BaseException as error:
            # A request that failed unexpectedly, or took too long, may have had its effect all the same.
            if not route.content:
                status = error.status if isinstance(error, web.HTTPException) else 500
                await self._parts.audit.answered(visit, route, status, None)
            raise
        if not isinstance(answer, Answer):
            if route.method == "POST":
                await self._parts.audit.answered(visit, route, answer.status, None)
            return answer
        await self._parts.audit.answered(visit, route, answer.status, answer.known_id)
        return self._render(answer, visit)

    async def _turn_to_login(self, visit: Visit) -> web.StreamResponse:
        request = visit.request
        if request.method == "POST" and not visit.wants_json and (page := await page_of_form(visit)) is not None:
            return see_other(self.door.login_link(page))
        if visit.wants_json or request.method != "GET":
            return self._render(sign_in_first(), visit)
        return see_other(self.door.login_link(request.rel_url.raw_path_qs))

    def _render(self, answer: Answer, visit: Visit) -> web.Response:
        response = self._renderer.response(answer, visit)
        if answer.status == 503:
            response.headers["Retry-After"] = RETRY_SECONDS
        for name, value in ((LANGUAGE_COOKIE, visit.language), (ZONE_COOKIE, visit.zone.key)):
            if name in visit.request.query:
                response.set_cookie(
                    name, value, max_age=YEAR_SECONDS, httponly=True, samesite="Lax", secure=self.door.is_secure
                )
        return response


def _pattern_of(request: web.Request) -> str:
    """Return the address's pattern for a log: what a person typed into it may be private."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical
