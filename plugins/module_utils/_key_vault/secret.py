# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of a key vault by its data plane, and what module key_vault_secret does with one.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .._core import names as _names
from .._core.api_versions import API_VERSIONS
from .._core.arguments import with_text_tags
from .._core.arm import Arm, Json
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure, InvalidOption, arm_error
from .._core.plan import DELETE, NONE, NUMBER, WHOLE, Plan, Rule, plan, whole_body
from .._core.resource import Params
from .._core.retry import DeadlineRetry

# Bytes of a value that Azure takes.
LARGEST_VALUE = 25_600
MOST_TAGS = 15
RULES = {
    "attributes.exp": NUMBER,
    "attributes.nbf": NUMBER,
    "tags": WHOLE,
    # The value of a disabled secret cannot be read.
    "value": Rule(compare=lambda wanted, current: current is None or wanted == current),
}
READ_ONLY = (
    "attributes.created",
    "attributes.recoverableDays",
    "attributes.recoveryLevel",
    "attributes.updated",
    "id",
    "kid",
    "managed",
)
# These refusals end by themselves.
_PASSING = frozenset(("ForbiddenByRbac", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"))


class Unreachable(Failure):
    """No connection to the vault could be made. So it is also where there is no such vault: its host name is unknown."""


class Vault:
    """The secrets of one vault. name: of the vault."""

    def __init__(self, arm: Arm, name: str) -> None:
        self._arm = arm
        self.name = name
        self.url = f"https://{name}.{arm.connection.cloud.key_vault_suffix}"
        self._opened: Any = None

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """JSON of the answer, {} without one. Raises ArmError with the most precise code of the refusal, and Failure."""
        from azure.core.exceptions import AzureError, ServiceRequestError
        from azure.core.rest import HttpRequest

        try:
            response = self._client().send_request(HttpRequest(method, path, json=body), deadline=self._arm.deadline)
        except ServiceRequestError as error:
            raise Unreachable(
                f"No connection to {self.url}: {error} Check that there is a vault of that name (mlops.mlflow_azure.key_vault), "
                "HTTPS_PROXY and REQUESTS_CA_BUNDLE."
            ) from error
        except AzureError as error:
            raise Failure(f"No usable answer from {self.url}: {error} Check HTTPS_PROXY.") from error
        except ValueError as error:
            raise Failure(f"{self.url} does not answer as a key vault does: {error}") from error
        text = response.text()
        if response.status_code >= 400:
            raise _refused(response.status_code, text, response.headers, method, str(response.request.url))
        return json.loads(text) if text.strip() else {}

    def get(self, path: str) -> Json | None:
        """JSON of what is there, None when it is absent."""
        try:
            return self.request("GET", path)
        except ArmError as error:
            if error.status == 404:
                return None
            raise

    def secret(self, name: str) -> Json | None:
        """The latest version, None when the secret is absent. Without C(value) when it is disabled."""
        try:
            return self.get(f"/secrets/{name}")
        except ArmError as error:
            if error.code != "SecretDisabled":
                raise
        versions: list[Json] = []
        path: str | None = f"/secrets/{name}/versions"
        while path:
            page = self.request("GET", path)
            versions += page["value"]
            path = page.get("nextLink")
        return max(versions, key=lambda version: int(version["attributes"]["created"]))

    def _client(self) -> Any:
        if self._opened is None:
            from azure.keyvault.secrets import SecretClient

            options = {} if self._arm.transport is None else {"transport": self._arm.transport}
            self._opened = SecretClient(
                self.url,
                self._arm.credential,
                api_version=API_VERSIONS["Microsoft.KeyVault/vaults/secrets"],
                retry_policy=DeadlineRetry(),
                **options,
            )
        return self._opened


def value(vault: Vault, term: str) -> str:
    """Value of a secret, or of one version of it (C(name/version)). Raises ArmError, Failure, InvalidOption."""
    _names.check("vault", vault.name, _names.KEY_VAULT)
    name, _slash, version = term.partition("/")
    _names.check("_terms", name, _names.KEY_VAULT_SECRET)
    if version and not version.isalnum():
        raise InvalidOption("_terms", term, "write the version after the slash as Key Vault shows it.")
    found = vault.get(f"/secrets/{term}")
    if found is None:
        raise Failure(f"The vault {vault.name} has no secret {term}.")
    return str(found["value"])


def _refused(status: int, text: str, headers: Any, method: str, url: str) -> ArmError:
    """The refusal under its inner code, which says what Forbidden and Conflict are about."""
    error = arm_error(status, text, headers, method, url)
    error.message = " ".join(error.message.split())
    if error.details:
        error.code = str(error.details.pop(0).get("code") or error.code)
    return error


def check(params: Params) -> None:
    """Raises InvalidOption, Failure."""
    _names.check("vault", params["vault"], _names.KEY_VAULT)
    _names.check("name", params["name"], _names.KEY_VAULT_SECRET)
    if params["value"] is not None and len(params["value"].encode()) > LARGEST_VALUE:
        raise Failure(f"value: it has more than {LARGEST_VALUE} bytes, which is what Azure takes.", option="value")
    if len(params["tags"] or {}) > MOST_TAGS:
        raise InvalidOption("tags", len(params["tags"]), f"a secret has at most {MOST_TAGS} tags.")
    start, end = _seconds("not_before", params), _seconds("expires_on", params)
    if start is not None and end is not None and end <= start:
        raise InvalidOption("expires_on", params["expires_on"], f"it is not after not_before ({params['not_before']}).")


def _seconds(option: str, params: Params) -> int | None:
    """Seconds since the epoch of an option that is a point in time. Raises InvalidOption."""
    if params[option] is None:
        return None
    try:
        time = datetime.fromisoformat(params[option])
    except ValueError:
        time = datetime.min
    if time.tzinfo is None:
        raise InvalidOption(option, params[option], "write a time with its zone, as 2027-01-31T00:00:00Z.")
    return int(time.timestamp())


def desired(params: Params) -> dict[str, Any]:
    """Key Vault's JSON of what the options say."""
    return {
        "attributes": {
            "enabled": params["enabled"],
            "exp": _seconds("expires_on", params),
            "nbf": _seconds("not_before", params),
        },
        "contentType": params["content_type"],
        "tags": params["tags"],
        "value": params["value"],
    }


def execute(params: Params, arm: Arm, check_mode: bool) -> dict[str, Any]:
    """Returns C(changed), C(key_vault_secret) ({} when absent, never the value) and C(diff)."""
    params = with_text_tags(params)
    check(params)
    vault = Vault(arm, params["vault"])
    patient = params["wait"] and not check_mode
    try:
        current = _when_allowed(arm, patient, lambda: vault.secret(params["name"]))
    except Unreachable:
        # A plan may be made before there is a vault.
        if not check_mode:
            raise
        return _planned_without_vault(params, vault)
    if params["state"] == "absent":
        return _absent(params, arm, vault, check_mode, current)
    planned = _plan(params, current)
    if check_mode or planned.action == NONE:
        return _result(planned, {"id": f"{vault.url}/secrets/{params['name']}", **planned.after})
    return _result(planned, _when_allowed(arm, patient, lambda: _write(params, arm, vault, planned)))


def _planned_without_vault(params: Params, vault: Vault) -> dict[str, Any]:
    if params["state"] == "absent":
        return _result(Plan(NONE, {}, {}, {}), {})
    planned = _plan(params, None)
    return _result(planned, {"id": f"{vault.url}/secrets/{params['name']}", **planned.after})


def _plan(params: Params, current: Json | None) -> Plan:
    if current is None and params["value"] is None:
        raise Failure(f"value is required: there is no secret {params['name']} yet.", option="value")
    return plan(current, desired(params), RULES, whole_body(READ_ONLY))


def _write(params: Params, arm: Arm, vault: Vault, planned: Plan) -> Json:
    """The secret as the write leaves it. A value makes a new version, everything else alters the standing one."""
    name, value, before = params["name"], params["value"], planned.before
    if value is None or before.get("value") == value:
        version = urlsplit(before["id"]).path.rsplit("/", 1)[-1]
        return vault.request("PATCH", f"/secrets/{name}/{version}", _without_value(planned.body))
    try:
        return vault.request("PUT", f"/secrets/{name}", {**planned.body, "value": value})
    except ArmError as error:
        if error.code != "ObjectIsDeletedButRecoverable" or not params["recover"]:
            raise
    vault.request("POST", f"/deletedsecrets/{name}/recover")
    recovered = (
        arm.settle(lambda: vault.secret(name) or {}, lambda found: not found, f"recovery of secret {name}") or {}
    )
    again = _plan(params, recovered)
    return _write(params, arm, vault, again) if again.changed else recovered


def _absent(params: Params, arm: Arm, vault: Vault, check_mode: bool, current: Json | None) -> dict[str, Any]:
    name, kept = params["name"], f"/deletedsecrets/{params['name']}"
    patient = params["wait"] and not check_mode
    deleted = vault.get(kept) if current is None and params["purge"] else None
    if current is None and deleted is None:
        return _result(Plan(NONE, {}, {}, {}), {})
    if not check_mode:
        if current is not None:
            _when_allowed(arm, patient, lambda: vault.request("DELETE", f"/secrets/{name}"))
            if params["wait"] or params["purge"]:
                arm.settle(lambda: vault.get(kept) or {}, lambda found: not found, f"delete of secret {name}")
        if params["purge"]:
            _when_allowed(arm, patient, lambda: vault.request("DELETE", kept))
    return _result(Plan(DELETE, current or deleted or {}, {}, {}), {})


def _when_allowed(arm: Arm, patient: bool, attempt: Callable[[], Any]) -> Any:
    """Repeat until the deadline what a role just assigned, or a secret just deleted, does not allow yet."""
    pause = 2.0
    while True:
        try:
            return attempt()
        except ArmError as error:
            if not patient or error.code not in _PASSING:
                raise
            try:
                arm.deadline.pause(pause)
            except DeadlineExceeded:
                raise error from None
            pause = min(pause * 2, 15.0)


def _without_value(secret: Json) -> Json:
    return {key: item for key, item in secret.items() if key != "value"}


def _result(planned: Plan, shown: Json) -> dict[str, Any]:
    before, after = _without_value(planned.before), _without_value(planned.after)
    if planned.action != DELETE and planned.after.get("value") != planned.before.get("value"):
        after["value"] = "(hidden, changed)"
    return {
        "changed": planned.changed,
        "key_vault_secret": _without_value(shown),
        "diff": {"before": before, "after": after},
    }
