"""The sandbox's controls over HTTP, for other processes: ``/_sandbox/…``.

Development only: ``state`` returns every account's credentials. Requests and responses are JSON.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from st_pipeline.sandbox import answers, instants
from st_pipeline.sandbox.authorization import granted
from st_pipeline.sandbox.faults import Faults
from st_pipeline.sandbox.state import State

Action = Callable[[State, dict[str, Any]], Any]


def describe(state: State) -> dict[str, Any]:
    """Accounts with credentials, counts, faults, time and the number of calls (``calls`` lists them)."""
    with state.lock:
        log = state.log.all()
        return {
            "now": instants.text(state.clock.now()),
            "faults": dataclasses.asdict(state.faults),
            "calls": len(log),
            "accounts": [
                {
                    "tenant_id": one.tenant_id,
                    "name": one.name,
                    "client_id": one.client_id,
                    "client_secret": one.client_secret,
                    "app_key": one.app_key,
                    "connected": one.connected,
                    "scopes": sorted(granted(one)),
                    "counts": state.world(one.tenant_id).counts(),
                    "peak_rate": state.log.peak_rate(one.tenant_id),
                }
                for one in state.gate.accounts.values()
            ],
        }


def _faults(state: State, body: dict[str, Any]) -> dict[str, Any]:
    state.faults = Faults(**body)
    return dataclasses.asdict(state.faults)


def _change(state: State, body: dict[str, Any]) -> dict[str, Any]:
    return dataclasses.asdict(state.change(**body))


def _advance(state: State, body: dict[str, Any]) -> dict[str, Any]:
    state.clock.advance(body["seconds"])
    return {"now": instants.text(state.clock.now())}


def _connect(state: State, body: dict[str, Any]) -> dict[str, Any]:
    with state.lock:
        state.gate.connect(body["tenant_id"], connected=body.get("connected", True))
    return {"connected": body.get("connected", True)}


def _commit(state: State, body: dict[str, Any]) -> dict[str, Any]:
    moment = body.get("visible_at")
    state.commit(
        body["tenant_id"],
        body["entity"],
        body["record"],
        None if moment is None else dt.datetime.fromisoformat(moment),
    )
    return {"committed": True}


def _delete(state: State, body: dict[str, Any]) -> dict[str, Any]:
    return {"deleted": state.world(body["tenant_id"]).remove(body["entity"], body["id"])}


_ACTIONS: dict[str, Action] = {
    "faults": _faults,
    "change": _change,
    "advance": _advance,
    "connect": _connect,
    "commit": _commit,
    "delete": _delete,
}


def routes(state: State) -> list[Route]:
    """GET ``state``, ``calls`` and ``records/{tenant}/{entity}``; POST for everything that makes a change."""

    async def show(_: Request) -> Response:
        return answers.json(describe(state))

    async def calls(_: Request) -> Response:
        return answers.json([call._asdict() for call in state.log.all()])

    async def records(request: Request) -> Response:
        try:
            world = state.world(int(request.path_params["tenant"]))
            bodies = world.served(
                request.path_params["entity"],
                recent=request.query_params.get("recent") == "true",
                defects=request.query_params.get("defects") == "true",
            )
        except (KeyError, ValueError) as error:
            return answers.json({"error": str(error)}, 404)
        return Response(b"[" + b",".join(bodies) + b"]", media_type="application/json")

    async def act(request: Request) -> Response:
        action = _ACTIONS.get(request.path_params["action"])
        if action is None:
            return answers.json({"error": f"no such action; use one of: {', '.join(_ACTIONS)}"}, 404)
        try:
            body = msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
            return answers.json(action(state, body))
        except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
            return answers.json({"error": f"{type(error).__name__}: {error}"}, 400)

    return [
        Route("/_sandbox/state", show, methods=["GET"]),
        Route("/_sandbox/calls", calls, methods=["GET"]),
        Route("/_sandbox/records/{tenant}/{entity}", records, methods=["GET"]),
        Route("/_sandbox/{action}", act, methods=["POST"]),
    ]
