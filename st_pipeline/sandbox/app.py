"""The ASGI app: token endpoint, exports, lists and control. It orders the checks, applies faults and responds.

The content of the responses comes from authorization.py, exporting.py, listing.py and faults.py; the server is
server.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from st_pipeline.sandbox import answers, control, exporting, faults, listing, querying
from st_pipeline.sandbox.calls import TOKEN_PATH, Call
from st_pipeline.sandbox.chance import seeded
from st_pipeline.sandbox.endpoints import Entity, routes
from st_pipeline.sandbox.faults import Fault, Faults
from st_pipeline.sandbox.state import State

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
# Marks a response that is never sent: the connection is reset instead.
_RESET = "x-sandbox-reset"
_BOOLS = {"true": True, "false": False}
_ACTIVE = {"true": True, "false": False, "any": None}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


class Api:
    """The API over one state. ``Faults.seed`` makes the fault draws repeatable."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._drawn_for: Faults | None = None
        self._rng = seeded(0)
        self._refusals = 0
        self._repeated: set[str] = set()

    def _draw(self) -> tuple[Fault | None, bool]:
        current = self.state.faults
        if current is not self._drawn_for:
            self._drawn_for, self._rng = current, seeded(current.seed)
            self._repeated = set()
        return faults.draw(current, self._rng)

    def _too_many(self, seconds: int) -> Response:
        self._refusals += 1
        return answers.too_many(seconds, with_header=self._refusals % 2 == 0)

    async def _struck(self, request: Request, answer: Callable[[], Response]) -> Response:
        """The response, changed or replaced by the fault drawn for this request."""
        fault, slow = self._draw()
        if slow:
            await asyncio.sleep(self.state.faults.slow_seconds)
        if fault is Fault.TOO_MANY:
            return self._too_many(self.state.faults.retry_after_seconds)
        if fault is Fault.SERVER_ERROR:
            return answers.broken(self._rng.choice((500, 502, 503)))
        if fault is Fault.FIREWALL:
            return answers.broken(403)
        if fault is Fault.RESET:
            return Response(status_code=500, headers={_RESET: "1"})
        response = answer()
        # Token responses are never truncated: they are shorter than one packet.
        if fault is Fault.TRUNCATED and response.status_code == 200 and request.url.path != TOKEN_PATH:
            body = bytes(response.body)
            cut = Response(body[: len(body) * 2 // 3], 200)
            cut.headers["content-type"] = response.headers["content-type"]
            return cut
        return response

    async def _note(self, request: Request, tenant: int | None, at: float, response: Response) -> None:
        """Log a call before the caller sees the response or the reset."""
        is_reset = _RESET in response.headers
        status = 0 if is_reset else response.status_code
        self.state.log.add(Call(at, tenant, request.url.path, status, request.url.query))
        if is_reset:
            await self.state.reset(request)

    async def token(self, request: Request) -> Response:
        """POST /connect/token, form-encoded."""
        at = time.monotonic()
        body = await request.body()
        form: dict[str, str] = {}
        if request.headers.get("content-type", "").split(";")[0].strip() == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

        def answer() -> Response:
            if not form:
                return answers.json({"error": "invalid_request"}, 400)
            with self.state.lock:
                return self.state.gate.token(form, self.state.clock.now(), self.state.faults.token_seconds)

        with self.state.lock:
            account = self.state.gate.account_of_client(form.get("client_id", ""))
        response = await self._struck(request, answer)
        await self._note(request, account.tenant_id if account else None, at, response)
        return response

    async def resource(self, request: Request) -> Response:
        """GET /{module}/v2/tenant/{tenant}/{path}."""
        at = time.monotonic()
        module, path, tenant = (request.path_params[name] for name in ("module", "path", "tenant"))
        route = routes().get((module, path))
        if route is None or request.method != "GET" or not _is_number(tenant):
            response = answers.unmatched()
            await self._note(request, int(tenant) if _is_number(tenant) else None, at, response)
            return response
        entity, is_export = route

        def answer() -> Response:
            with self.state.lock:
                return self._checked(request, int(tenant), entity, path, is_export)

        response = await self._struck(request, answer)
        await self._note(request, int(tenant), at, response)
        if response.status_code == 200:
            return answers.compressed(request, response, allowed=self.state.gzip)
        return response

    def _checked(self, request: Request, tenant: int, entity: Entity, path: str, is_export: bool) -> Response:
        state = self.state
        refusal = state.gate.refusal(request.headers, tenant, entity, path, state.clock.now())
        if refusal is not None:
            return refusal
        if not state.limiter.admits(request.headers["st-app-key"], tenant):
            return self._too_many(1)
        return self._export(request, tenant, entity) if is_export else self._list(request, tenant, entity)

    def _export(self, request: Request, tenant: int, entity: Entity) -> Response:
        given = {name.lower(): value for name, value in request.query_params.multi_items()}
        errors: dict[str, list[str]] = {}
        endpoint = f"{tenant}/{entity.name}"
        cursor = exporting.read_start(endpoint, given.get("from"))
        if cursor is None:
            errors["from"] = [f"The value '{given['from']}' is not valid for From."]
        recent = _BOOLS.get(given.get("includerecentchanges", "").lower() or "false")
        if recent is None:
            errors["includeRecentChanges"] = [
                f"The value '{given['includerecentchanges']}' is not valid for IncludeRecentChanges."
            ]
        active = given.get("active", "").lower() or "any"
        if entity.export_active and active not in _ACTIVE:
            errors["active"] = [f"The value '{given['active']}' is not valid for Active."]
        if cursor is None or errors:
            return answers.invalid(errors)
        world = self.state.world(tenant)
        shelf = world.shelf(entity.name)
        only = _ACTIVE[active] if entity.export_active else None
        page = exporting.page(
            shelf,
            cursor,
            self.state.page_size_of(entity.name),
            self.state.clock.now(),
            recent=bool(recent),
            wanted=None if only is None else lambda slot: bool(shelf.active[slot]) is only,
        )
        token, more = exporting.write_token(endpoint, page.cursor), page.has_more
        asked = given.get("from")
        if self.state.faults.repeat_token and more and asked and endpoint not in self._repeated:
            self._repeated.add(endpoint)
            token = asked
        records = b",".join(world.bodies(entity.name, page.slots))
        head = b'{"hasMore":%s,"continueFrom":"%s","data":[' % (b"true" if more else b"false", token.encode())
        return Response(head + records + b"]}", media_type="application/json; charset=utf-8")

    def _list(self, request: Request, tenant: int, entity: Entity) -> Response:
        query = querying.parse_query(entity, request.query_params.multi_items())
        if query.errors:
            return answers.invalid(query.errors)
        world = self.state.world(tenant)
        slots = listing.select(world.shelf(entity.name), query)
        start = (query.page - 1) * query.page_size
        bodies = world.bodies(entity.name, slots[start : start + query.page_size])
        if entity.hides_active:
            bodies = [listing.without_active(body) for body in bodies]
        more = start + query.page_size < len(slots)
        head = b'{"page":%d,"pageSize":%d,"hasMore":%s,"totalCount":%s,"data":[' % (
            query.page,
            query.page_size,
            b"true" if more else b"false",
            str(len(slots)).encode() if query.include_total else b"null",
        )
        return Response(head + b",".join(bodies) + b"]}", media_type="application/json; charset=utf-8")


async def _gateway(request: Request) -> Response:
    # The gateway responds to paths below a module; the application responds to all others.
    if "/v2/" in request.url.path or "/v3/" in request.url.path:
        return answers.unmatched()
    return answers.problem(404, "Not Found")


def build(state: State) -> Starlette:
    """The ASGI app for one sandbox."""
    api = Api(state)
    return Starlette(
        routes=[
            Route(TOKEN_PATH, api.token, methods=["POST"]),
            *control.routes(state),
            Route("/{module}/v2/tenant/{tenant}/{path:path}", api.resource, methods=_METHODS),
            Route("/{path:path}", _gateway, methods=_METHODS),
        ]
    )
