# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded error bodies of Azure: each becomes a message with the code, the target, the meaning and the remedy.

tests/support/recordings.py says where the bodies are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import arm as _arm
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import error_remedies as _error_remedies
from ansible_collections.mlops.mlflow_azure.plugins.module_utils._core import errors as _errors

from tests.support.recordings import ERRORS, PRESENT

pytestmark = pytest.mark.recordings
# The resource types of the modules, the operations that they wait for, and the errors of Resource Manager for any type.
OURS = re.compile(
    r"\(other RP / generic ARM\)|resourcegroups"
    r"|microsoft\.app/(containerapps|jobs|containerapps\|jobs)(/authconfigs|/revisions/functions)?"
    r"|microsoft\.app/managedenvironments(/storages)?"
    r"|microsoft\.authorization/role(assignments|definitions)"
    r"|microsoft\.containerregistry/registries(/scheduleRun)?"
    r"|microsoft\.keyvault/(vaults|locations/deletedvaults)"
    r"|microsoft\.managedidentity/userassignedidentities"
    r"|microsoft\.operationalinsights/(workspaces|locations/operationstatuses|linktargets)"
    r"|microsoft\.sql/servers(/databases|/firewallrules)?|microsoft\.sql/locations/\w+"
    r"|microsoft\.storage/storageaccounts(/blobservices(/containers)?|/listkeys)?",
)


def entries() -> list[dict[str, Any]]:
    return json.loads(ERRORS.read_text(encoding="utf-8")) if PRESENT else []


def body_of(entry: dict[str, Any]) -> str:
    """Return the body as text. The recorder truncated some: then the error that the rest contains completely."""
    body = entry.get("body", entry.get("snippet"))
    if not isinstance(body, str):
        return json.dumps(body)
    if "body" in entry and (not body.startswith("{") or is_json(body)):
        return body
    text = body.replace("''", "'")
    for candidate in (text, re.sub(r"\\(r|n|\n| )\s*", " ", text).replace('\\"', '"')):
        for match in re.finditer(r"\{\s*\"(error|code|Code|status)\"", candidate):
            try:
                error, _end = json.JSONDecoder(strict=False).raw_decode(candidate[match.start() :])
            except ValueError:
                continue
            return json.dumps(error)
    return json.dumps({"error": {"code": entry["code"], "message": text[:200]}})


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def status_of(entry: dict[str, Any]) -> int:
    status = entry["status"]
    return status if isinstance(status, int) and status >= 400 else 0


def read(entry: dict[str, Any]) -> _errors.ArmError:
    headers = entry.get("headers") or {}
    return _errors.arm_error(
        status_of(entry), body_of(entry), headers, entry.get("method") or "PUT", "https://host/path"
    )


def code_in(body: str) -> str | None:
    """Return the error code, without the code under test."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    error = found.get("error", found)
    return error.get("code") or error.get("Code")


def targets_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["target"]} if isinstance(value.get("target"), str) else set()
        return own.union(*(targets_in(item) for item in value.values()))
    return set().union(*(targets_in(item) for item in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("place", range(len(entries())))
def test_the_message_has_code_target_meaning_and_remedy(place: int) -> None:
    entry = entries()[place]
    error, body = read(entry), body_of(entry)
    code = code_in(body)
    assert error.code == (code or f"HTTP {status_of(entry)}")
    assert str(error).startswith(error.code)
    assert error.message or "message" not in body.lower()
    assert "<" not in error.message[:1]
    if body.startswith("{"):
        for target in targets_in(json.loads(body)):
            assert target in str(error)
    remedy = error.remedy()
    assert remedy.meaning in str(error)
    assert remedy.action in str(error)
    if OURS.fullmatch(entry["resource_type"]) and code:
        by_status = _error_remedies.remedy(status_of(entry), [], "")
        known = {error.code, *(str(detail.get("code")) for detail in error.details)} & set(_error_remedies.BY_CODE)
        assert remedy != by_status or known, f"{error.code} has only the remedy of its HTTP status"


def test_only_a_404_of_the_resource_means_absent(report_count: Callable[[str], None]) -> None:
    for entry in entries():
        wrong_request = entry["code"] in ("InvalidResourceType", "InvalidResourceNamespace", "SubscriptionNotFound")
        assert _arm.is_absent(read(entry)) == (status_of(entry) == 404 and not wrong_request), entry["code"]
    assert {status_of(entry) for entry in entries()} >= {400, 401, 403, 404, 409, 429, 500, 503}
    ours = [entry for entry in entries() if OURS.fullmatch(entry["resource_type"])]
    report_count(f"error bodies: {len(entries())}, of types with a module or of any type: {len(ours)}")
    assert len(ours) > 100
