# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Error bodies of Azure, in all their forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core.errors import (
    ArmError,
    InvalidOption,
    arm_error,
    public_url,
)


def read(status: int, body: Any, **headers: str) -> ArmError:
    text = body if isinstance(body, str) else json.dumps(body)
    return arm_error(status, text, headers, "PUT", "https://management.azure.com/x?api-version=1")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "A", "message": "b"}}, "A", "b"),
        ({"code": "A", "message": "b"}, "A", "b"),
        ({"error": {"code": "A"}}, "A", ""),
        ({"odata.error": {"code": "A", "message": {"lang": "en", "value": "b"}}}, "A", "b"),
        ({"status": "Failed", "error": {"code": "A", "message": "b"}}, "A", "b"),
        ({"Message": "b"}, "HTTP 500", "b"),
        ({"error": {"code": "X", "message": '{"error": {"code": "A", "message": "b"}}'}}, "A", "b"),
        ("<html><head></head><body>Bad\n  Gateway</body></html>", "HTTP 500", "Bad Gateway"),
        ("", "HTTP 500", ""),
        ({"Code": "A", "Message": "b"}, "A", "b"),
        ("<?xml version='1.0'?><Error><Code>A</Code><Message>b</Message></Error>", "A", "b"),
        ("<html><style>p {}</style><body>Bad</body></html>", "HTTP 500", "Bad"),
        ("[]", "HTTP 500", "[]"),
        ("null", "HTTP 500", "null"),
    ],
)
def test_every_form_of_error_has_code_and_message(body: Any, code: str, message: str) -> None:
    error = read(500, body)
    assert (error.code, error.message) == (code, message)


def test_details_target_and_request_id_are_kept() -> None:
    body = {"error": {"code": "A", "message": "b", "target": "t", "details": [{"code": "C", "message": "d"}, "odd"]}}
    error = read(400, body, **{"x-ms-request-id": "r1"})
    assert error.as_dict() == {
        "code": "A",
        "message": "b",
        "status": 400,
        "target": "t",
        "details": [{"code": "C", "message": "d"}],
        "request_id": "r1",
        "method": "PUT",
        "url": "https://management.azure.com/x?api-version=1",
    }
    assert "C: d" in str(error)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("AuthorizationFailed", "role"),
        ("MissingSubscriptionRegistration", "az provider register"),
        ("StorageAccountAlreadyTaken", "Choose another name"),
        ("NameAlreadyExists", "Choose another name"),
        ("AlreadyInUse", "Choose another name"),
        ("ParentResourceNotFound", "Create the parent"),
        ("ResourceGroupNotFound", "mlops.mlflow_azure.resource_group"),
        ("PrincipalNotFound", "principal_type"),
        ("TooManyRequests", "throttles"),
        ("ScopeLocked", "lock"),
        ("ManagedEnvironmentNotFound", "environment_id"),
    ],
)
def test_common_codes_have_a_remedy(code: str, advice: str) -> None:
    assert advice in str(read(409, {"error": {"code": code, "message": "m"}}))


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Failed to pull image: UNAUTHORIZED: authentication required", "AcrPull"),
        ("unable to pull image using Managed identity", "AcrPull"),
        ("MANIFEST_UNKNOWN: manifest tagged by x is not found", "no such image"),
    ],
)
def test_image_pull_failures_have_a_remedy(message: str, advice: str) -> None:
    assert advice in str(read(200, {"error": {"code": "ContainerAppOperationError", "message": message}}))


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Correct the option"),
        (401, "Check tenant_id, client_id and the credential"),
        (403, "not allowed"),
        (404, "no such resource"),
        (409, "state of the resource"),
        (412, "Run the task again"),
        (429, "throttles"),
        (500, "Azure itself failed"),
        (599, "Azure itself failed"),
        (0, "Run the task again"),
    ],
)
def test_an_unknown_code_has_the_remedy_of_its_status(status: int, advice: str) -> None:
    assert advice in str(read(status, {"error": {"code": "Odd", "message": "no"}}))


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        # Key Vault and others return the reason in an inner error.
        ({"code": "Conflict", "message": "no", "innererror": {"code": "ObjectIsDeletedButRecoverable"}}, "purge"),
        ({"code": "Forbidden", "message": "no", "innererror": {"code": "ForbiddenByFirewall"}}, "address"),
        ({"code": "Failed", "message": "no", "details": [{"code": "QuotaExceeded", "message": "x"}]}, "quota"),
        (
            {"code": "Odd", "message": "no", "details": [{"message": '{"error": {"code": "AlreadyInUse"}}'}]},
            "another name",
        ),
    ],
)
def test_the_inner_code_decides_the_remedy(error: dict[str, Any], advice: str) -> None:
    assert advice in str(read(409, {"error": error}))


def test_the_target_of_the_error_or_of_its_details_is_in_the_message() -> None:
    body = {"error": {"code": "A", "message": "b", "target": "t", "details": [{"code": "C", "target": "u"}]}}
    assert "(target t, u; PUT https://management.azure.com/x" in str(read(400, body))


def test_urls_are_logged_without_signatures() -> None:
    url = "https://h/p?api-version=2025-01-01&t=1&c=cert&s=signed&h=hash&sig=secret&name=x"
    assert public_url(url) == "https://h/p?api-version=2025-01-01&t=...&c=...&s=...&h=...&sig=...&name=x"


def test_an_invalid_option_names_option_value_and_rule() -> None:
    assert InvalidOption("name", "x!", "use letters.").message == "name: 'x!' is not valid: use letters."
