"""Build the URL and parameters of a page. Pure functions over the catalog; transport.py sends them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from st_pipeline.servicetitan.catalogue.model import TENANT_PARAMETER, Endpoint, Kind
from st_pipeline.servicetitan.pages import Page


def url_of(api: str, endpoint: Endpoint, tenant_id: int, given: Mapping[str, str]) -> str:
    """The URL with its placeholders filled; ValueError if one is missing."""
    path = endpoint.path.replace(f"{{{TENANT_PARAMETER}}}", str(tenant_id))
    for name in _placeholders(endpoint):
        if name not in given:
            raise ValueError(f"{endpoint.operation} needs {', '.join(endpoint.needs)}: {name} is not given")
        path = path.replace(f"{{{name}}}", quote(given[name], safe=""))
    return api + path


def first_parameters(endpoint: Endpoint, cursor: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """The first page's parameters: the largest allowed page size, and the total if available.

    ValueError for a parameter the endpoint does not know, a missing one, or a cursor it does not take: the API would
    ignore an unknown parameter and return everything.
    """
    parameters = dict(endpoint.always)
    if endpoint.is_paged and endpoint.kind is Kind.LIST:
        parameters["page"] = str(endpoint.first_page)
        if endpoint.max_page_size:
            parameters["pageSize"] = str(endpoint.max_page_size)
        if "includeTotal" in endpoint.parameters:
            parameters["includeTotal"] = "true"
    parameters |= {name: value for name, value in given.items() if name not in _placeholders(endpoint)}
    if cursor is not None:
        if endpoint.cursor_parameter is None:
            raise ValueError(f"{endpoint.operation} takes no cursor: read it from the beginning")
        parameters[endpoint.cursor_parameter] = cursor
    _check(endpoint, parameters)
    return parameters


def next_parameters(endpoint: Endpoint, parameters: Mapping[str, str], page: Page) -> dict[str, str]:
    """The next page's parameters; this page has more."""
    following = dict(parameters)
    if endpoint.kind is Kind.EXPORT:
        following["from"] = page.continue_from or ""
        return following
    following["page"] = str(int(parameters["page"]) + 1)
    if "includeTotal" in following:
        following["includeTotal"] = "false"  # counting is costly for the server; once is enough
    return following


def _placeholders(endpoint: Endpoint) -> list[str]:
    return [name for name in endpoint.needs if f"{{{name}}}" in endpoint.path]


def _check(endpoint: Endpoint, parameters: Mapping[str, str]) -> None:
    if unknown := sorted(parameters.keys() - set(endpoint.parameters)):
        known = ", ".join(endpoint.parameters) or "no parameter at all"
        raise ValueError(f"{endpoint.operation} does not know {', '.join(unknown)}; it knows {known}")
    missing = [n for n in endpoint.needs if n not in parameters and n not in _placeholders(endpoint)]
    if missing:
        raise ValueError(f"{endpoint.operation} needs {', '.join(missing)}")
