# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of Azure Resource Manager as structured fields and as one sentence that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class Failure(Exception):
    """What ends a task: a message for people and fields for programs.

    fields: further keys of the failed result; JSON values only, never a secret.
    """

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class InvalidOption(Failure):
    """An option that Azure would refuse; raised before anything is written. value is never a secret."""

    def __init__(self, option: str, value: Any, rule: str) -> None:
        super().__init__(f"{option}: {value!r} is not valid: {rule}", option=option)


@dataclass
class ArmError(Exception):
    """A refused request or a failed operation.

    code, message, target, details: as Azure Resource Manager gives them. status: HTTP status, 0 if there was no answer.
    request_id: x-ms-request-id of the answer. url: without signatures and other secret parameters.
    """

    code: str
    message: str
    status: int = 0
    target: str | None = None
    details: list[dict[str, Any]] = field(default_factory=list)
    request_id: str | None = None
    method: str = ""
    url: str = ""

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.message}" if self.message else self.code]
        parts += [f"{d.get('code')}: {d.get('message')}" for d in self.details if d.get("message")]
        advice = advice_for(self)
        text = " ".join(part.strip() for part in parts)
        where = f" ({self.method} {self.url})" if self.url else ""
        return f"{text}{where}{' ' + advice if advice else ''}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


_ADVICE = {
    "AuthorizationFailed": (
        "The identity that runs this task lacks the named action at that scope: assign it a role that has the "
        "action (for resources Contributor, for role assignments Role Based Access Control Administrator); a new "
        "assignment can take minutes to work."
    ),
    "LinkedAuthorizationFailed": (
        "The identity may change the resource but not the one it refers to: give it a role there too (for a user- "
        "assigned identity Managed Identity Operator)."
    ),
    "AuthenticationFailed": "Check tenant_id, client_id and the credential.",
    "ExpiredAuthenticationToken": "The token is too old: check this machine's clock and try again.",
    "InvalidAuthenticationToken": (
        "Check tenant_id and cloud_environment: the token is not one of this subscription's tenant."
    ),
    "InvalidAuthenticationTokenTenant": (
        "The subscription belongs to another tenant: check tenant_id and subscription_id."
    ),
    "SubscriptionNotFound": "Check subscription_id and that the identity has a role in that subscription.",
    "MissingSubscriptionRegistration": (
        "Register the resource provider once for the subscription: az provider register --namespace <namespace>."
    ),
    "MissingRegistrationForLocation": "Register the resource provider for this location, or choose another location.",
    "NoRegisteredProviderFound": (
        "The resource type is not offered in that location with this api-version: choose another location."
    ),
    "LocationNotAvailableForResourceType": "Choose one of the locations that the message lists.",
    "LocationNotAvailableForResourceGroup": "Choose one of the locations that the message lists.",
    "InvalidResourceLocation": (
        "A resource of that name exists in another location: keep its location, or delete it first."
    ),
    "InvalidResourceGroupLocation": (
        "The resource group exists in another location: keep its location, or delete it first."
    ),
    "ResourceGroupNotFound": (
        "Create the resource group first (mlops.mlflow_azure.resource_group), and check resource_group and "
        "subscription_id."
    ),
    "ParentResourceNotFound": "Create the parent resource first, and check its name.",
    "ManagedEnvironmentNotFound": (
        "Create the environment first (mlops.mlflow_azure.container_app_environment), and check environment_id."
    ),
    "ManagedEnvironmentNotProvisioned": (
        "The environment is not ready; wait for it (mlops.mlflow_azure.container_app_environment with wait: true)."
    ),
    "ScopeLocked": "A lock forbids the change: remove the lock, or ask its owner.",
    "RequestDisallowedByPolicy": (
        "An Azure Policy of the subscription forbids this: see the policy named in the details."
    ),
    "QuotaExceeded": "Ask for more quota, or free some.",
    "MaxNumberOfRegionalEnvironmentsInSubExceeded": (
        "Use an existing environment, another location, or ask for more quota."
    ),
    "MaxNumberOfGlobalEnvironmentsInSubExceeded": "Use an existing environment, or ask for more quota.",
    "StorageAccountAlreadyTaken": "Names of storage accounts are unique in all of Azure: choose another name.",
    "AccountNameInvalid": "Use 3 to 24 lowercase letters and digits.",
    "AlreadyInUse": "Names of registries are unique in all of Azure: choose another name.",
    "NameAlreadyExists": "Names of SQL servers are unique in all of Azure: choose another name.",
    "VaultAlreadyExists": (
        "The name is taken, or a deleted vault of that name is still kept: choose another name, or recover or purge "
        "the vault."
    ),
    "ProvisioningDisabled": "This subscription may not create SQL servers in that location: choose another location.",
    "PrincipalNotFound": (
        "Microsoft Entra ID does not know the principal (yet): check principal_id, and give principal_type for a "
        "principal just created."
    ),
    "UnmatchedPrincipalType": "Set principal_type to the kind that the message names.",
    "RoleDefinitionDoesNotExist": "Check role: a built-in role's name, or the GUID or id of a role of this tenant.",
    "TasksOperationsNotAllowed": (
        "This subscription may not use ACR Tasks: build with builder: docker, or ask Azure support."
    ),
    "ContainerAppSecretInvalid": "Every secret needs a value or a key_vault_url.",
    "ContainerAppSecretRefNotFound": (
        "An environment variable refers to a secret that the app does not have: add it to secrets."
    ),
    "ContainerAppOperationInProgress": "Another operation on the app has not finished: try again later.",
    "FeatureNotSupportedForAccount": "The account's kind or sku does not offer this: choose another kind or sku.",
    "TooManyRequests": "Azure throttles this subscription: try again later, or raise wait_timeout.",
}
_ADVICE_BY_TEXT = (
    (
        re.compile(r"unable to pull|UNAUTHORIZED|authentication required|pull image|ImagePull", re.IGNORECASE),
        "The image could not be pulled: check image and registries, and that the identity given there has "
        "the role AcrPull on the registry; a new assignment can take minutes to work.",
    ),
    (
        re.compile(r"MANIFEST_UNKNOWN|manifest.*(unknown|not found)|image.*not found", re.IGNORECASE),
        "The registry has no such image: check its repository, tag or digest.",
    ),
    (re.compile(r"Operation expired", re.IGNORECASE), "The app did not become ready in Azure's time: see its logs."),
)


def advice_for(error: ArmError) -> str:
    """What the user can do about it; empty where Azure's own message says all there is."""
    for candidate in (error.code, *(str(detail.get("code")) for detail in error.details)):
        if candidate in _ADVICE:
            return _ADVICE[candidate]
    for pattern, text in _ADVICE_BY_TEXT:
        if pattern.search(error.message):
            return text
    if error.status in (401, 403):
        return "The identity that runs this task is not allowed to do that: check its credential and its roles."
    return ""


_SECRET_PARAMETERS = {"sig", "s", "c", "h", "t", "code", "token", "access_token"}


def public_url(url: str) -> str:
    """The URL without the values of parameters that sign or authorise."""
    parts = urlsplit(url)
    query = [(key, "..." if key.lower() in _SECRET_PARAMETERS else value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(query=urlencode(query, safe="/:,.$'-")))


def arm_error(status: int, text: str, headers: Mapping[str, str], method: str, url: str) -> ArmError:
    """Read an error answer: ARM's {"error": {...}}, the bare {"code", "message"} of some providers, OData, or HTML."""
    found = _error_object(text)
    message = str(found.get("message") or "").strip()
    if not found:
        message = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()[:300]
    return ArmError(
        code=str(found.get("code") or f"HTTP {status}"),
        message=message,
        status=status,
        target=found.get("target"),
        details=_details(found),
        request_id=headers.get("x-ms-request-id") or headers.get("x-ms-correlation-request-id"),
        method=method,
        url=public_url(url),
    )


def _error_object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    for candidate in (body.get("error"), body.get("odata.error"), body):
        if isinstance(candidate, dict) and ("code" in candidate or "message" in candidate or "Message" in candidate):
            message = candidate.get("message", candidate.get("Message"))
            if isinstance(message, dict):
                message = message.get("value")
            if isinstance(message, str) and message.lstrip().startswith("{"):
                inner = _error_object(message)
                if inner.get("message"):
                    return inner
            return {**candidate, "message": message}
    return {}


def _details(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    details = found.get("details") or []
    return [
        {key: item.get(key) for key in ("code", "message", "target") if item.get(key) is not None}
        for item in details
        if isinstance(item, dict)
    ]
