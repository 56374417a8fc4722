"""What is sent: the URL and parameters of a page. Pure functions over the catalogue; sending is transport.py."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from st_pipeline.servicetitan.catalogue.model import TENANT_PARAMETER, Endpoint, Kind
from st_pipeline.servicetitan.pages import Page


def url_of(api: str, endpoint: Endpoint, tenant_id: int, given: Mapping[str, str]) -> str:
    """The URL with its placeholders filled; ValueError for one that is not given."""
    path = endpoint.path.replace(f"{{{TENANT_PARAMETER}}}", str(tenant_id))
    for name in _placeholders(endpoint):
        if name not in given:
            raise ValueError(f"{endpoint.operation} needs {', '.join(endpoint.needs)}: {name} is not given")
        path = path.replace(f"{{{name}}}", quote(given[name], safe=""))
    return api + path


def first_parameters(endpoint: Endpoint, cursor: str | None, given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the first page, the largest that may be asked for, with the total where there is one.

    ValueError for a parameter that the endpoint does not know, one that is missing, or a cursor it cannot take: the API
    would ignore what it does not know and answer everything.
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
            raise ValueError(f"{endpoint.operation} takes no cursor: it can only be read from the beginning")
        parameters[endpoint.cursor_parameter] = cursor
    _check(endpoint, parameters)
    return parameters


def next_parameters(endpoint: Endpoint, parameters: Mapping[str, str], page: Page) -> dict[str, str]:
    """The parameters of the page after this one, which has more."""
    following = dict(parameters)
    if endpoint.kind is Kind.EXPORT:
        following["from"] = page.continue_from or ""
        return following
    following["page"] = str(int(parameters["page"]) + 1)
    if "includeTotal" in following:
        following["includeTotal"] = "false"  # counting costs the server; once is enough
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
