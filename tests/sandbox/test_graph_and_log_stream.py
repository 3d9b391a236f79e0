# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph and the log stream over HTTPS: authentication, filters and errors."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client

GRAPH = "https://graph.microsoft.com"
STREAM = "https://westeurope.azurecontainerapps.dev"


def graph(sandbox: Client, path: str, method: str = "GET", body: Any = None, **query: str) -> requests.Response:
    token = sandbox.token(f"{GRAPH}/.default")
    headers = {"Authorization": f"Bearer {token}"}
    return sandbox.session.request(method, f"{GRAPH}/v1.0{path}", params=query, json=body, headers=headers, timeout=30)


@pytest.fixture(scope="module")
def identity(sandbox: Client) -> dict[str, Any]:
    result: dict[str, Any] = sandbox.identity(sandbox.group(), "id-graph")["properties"]
    return result


@pytest.mark.parametrize(
    "expression",
    [
        "servicePrincipalNames/any(c:c eq '{clientId}')",
        "appId eq '{clientId}'",
        "id eq '{principalId}'",
        "startswith(displayName,'id-gr') and servicePrincipalType eq 'ManagedIdentity' and id eq '{principalId}'",
    ],
)
def test_a_filter_selects_service_principals(sandbox: Client, identity: dict[str, Any], expression: str) -> None:
    result = graph(sandbox, "/servicePrincipals", **{"$filter": expression.format(**identity)}).json()["value"]
    assert [(one["id"], one["appId"]) for one in result] == [(identity["principalId"], identity["clientId"])]


@pytest.mark.parametrize("path", ["/servicePrincipals/{principalId}", "/servicePrincipals(appId='{clientId}')"])
def test_a_service_principal_is_read_by_its_key(sandbox: Client, identity: dict[str, Any], path: str) -> None:
    assert graph(sandbox, path.format(**identity)).json()["displayName"] == "id-graph"


def test_objects_are_read_by_their_ids(sandbox: Client, identity: dict[str, Any]) -> None:
    body = {"ids": [identity["principalId"], "00000000-0000-0000-0000-000000000000"], "types": ["servicePrincipal"]}
    result = graph(sandbox, "/directoryObjects/getByIds", "POST", body).json()["value"]
    assert [one["id"] for one in result] == [identity["principalId"]]


def test_a_managed_identity_is_no_application(sandbox: Client, identity: dict[str, Any]) -> None:
    query = {"$filter": f"appId eq '{identity['clientId']}'"}
    assert graph(sandbox, "/applications", **query).json()["value"] == []
    own = {"$filter": f"appId eq '{sandbox.environment['AZURE_CLIENT_ID']}'"}
    assert len(graph(sandbox, "/applications", **own).json()["value"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/servicePrincipals/00000000-0000-0000-0000-000000000000", 404, "Request_ResourceNotFound"),
        ("GET", "/servicePrincipals?$filter=contains(appId,'x')", 400, "Request_UnsupportedQuery"),
        ("GET", "/me", 400, "BadRequest"),
        ("GET", "/planets", 400, "BadRequest"),
        ("POST", "/servicePrincipals", 403, "Authorization_RequestDenied"),
    ],
)
def test_invalid_requests_return_the_error_of_graph(
    sandbox: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = graph(sandbox, path, method, {} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_graph_accepts_tokens_of_its_audience_only(sandbox: Client) -> None:
    for headers in ({}, {"Authorization": f"Bearer {sandbox.token()}"}, {"Authorization": "Bearer nonsense"}):
        answer = sandbox.session.get(f"{GRAPH}/v1.0/servicePrincipals", headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_the_log_stream_accepts_tokens_of_get_auth_token_only(sandbox: Client) -> None:
    group = sandbox.group()
    environment = sandbox.put(
        f"{group}/providers/Microsoft.App/managedEnvironments/env-logs", {"location": "westeurope", "properties": {}}
    )
    url = environment["properties"]["eventStreamEndpoint"]
    assert url.startswith(STREAM)
    for headers in ({}, {"Authorization": f"Bearer {sandbox.token()}"}):
        assert sandbox.session.get(url, headers=headers, timeout=30).status_code == 401
    token = sandbox.arm("POST", f"{environment['id']}/getAuthToken").json()["properties"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    content = sandbox.session.get(url, headers=headers, timeout=30)
    assert (content.status_code, content.json()["Reason"]) == (200, "OperationSucceeded")
    # a token of the stream is none of Resource Manager's
    assert sandbox.arm("GET", environment["id"], token=token).status_code == 401
    for path in (
        f"{group}/managedEnvironments/none/eventstream",
        f"{group}/managedEnvironments/env-logs",
        f"{group}/containerApps/env-logs/revisions/a/replicas/..%2F..%2F..%2Flogs/containers/sandbox/logstream",
    ):
        assert sandbox.session.get(f"{STREAM}{path}", headers=headers, timeout=30).status_code == 404, path
