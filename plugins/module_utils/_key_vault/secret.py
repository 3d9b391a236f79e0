# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of a key vault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from .._core import names
from .._core.arguments import STATE, TAGS, text_tags, wait_options
from .._core.arm import Arm, Json
from .._core.deadline import DeadlineExceeded
from .._core.errors import ArmError, Failure, InvalidOption
from .._core.module import AzureModule, Params
from .._core.plan import DELETE, NONE, NUMBER, WHOLE, Plan, Rule, plan, whole_body, without
from .data_plane import Unreachable, Vault

# Limits of Azure: bytes of a value, and tags of a secret.
MAX_VALUE_BYTES = 25_600
MAX_TAGS = 15
_RULES = {
    "attributes.exp": NUMBER,
    "attributes.nbf": NUMBER,
    "tags": WHOLE,
    # The value of a disabled secret cannot be read.
    "value": Rule(compare=lambda desired, current: current is None or desired == current),
}
_READ_ONLY = (
    "attributes.created",
    "attributes.recoverableDays",
    "attributes.recoveryLevel",
    "attributes.updated",
    "id",
    "kid",
    "managed",
)
_TRANSIENT = frozenset(("ForbiddenByRbac", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"))


class KeyVaultSecret(AzureModule):
    """A secret of a key vault, managed by the data plane."""

    options = {
        "vault": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "value": {"type": "str", "no_log": True},
        "content_type": {"type": "str"},
        "enabled": {"type": "bool", "default": True},
        "not_before": {"type": "str"},
        "expires_on": {"type": "str"},
        "recover": {"type": "bool", "default": False},
        "purge": {"type": "bool", "default": False},
        **TAGS,
        **STATE,
        **wait_options(300),
    }
    packages = {"azure.keyvault.secrets": "azure-keyvault-secrets"}

    def __init__(self, params: Params, arm: Arm) -> None:
        super().__init__(params, arm)
        self._vault = Vault(arm, params["vault"])

    def validate(self) -> None:
        """Raise InvalidOption or Failure for the first option that Azure would refuse, before any request."""
        params = self.params
        names.check("vault", params["vault"], names.KEY_VAULT)
        names.check("name", params["name"], names.KEY_VAULT_SECRET)
        if params["value"] is not None and len(params["value"].encode()) > MAX_VALUE_BYTES:
            raise Failure(
                f"value: it has more than {MAX_VALUE_BYTES} bytes, which is what Azure takes.", option="value"
            )
        if len(params["tags"] or {}) > MAX_TAGS:
            raise InvalidOption("tags", len(params["tags"]), f"a secret has at most {MAX_TAGS} tags.")
        start, end = self._seconds("not_before"), self._seconds("expires_on")
        if start is not None and end is not None and end <= start:
            rule = f"it is not after not_before ({params['not_before']})."
            raise InvalidOption("expires_on", params["expires_on"], rule)

    def desired(self) -> dict[str, Any]:
        """Return the part of the secret that the options describe, as Key Vault's JSON; None is "not set"."""
        return {
            "attributes": {
                "enabled": self.params["enabled"],
                "exp": self._seconds("expires_on"),
                "nbf": self._seconds("not_before"),
            },
            "contentType": self.params["content_type"],
            "tags": text_tags(self.params["tags"]),
            "value": self.params["value"],
        }

    def execute(self, check_mode: bool) -> dict[str, Any]:
        """Return C(changed), C(key_vault_secret) ({} when absent, never the value) and C(diff). Raise ArmError and Failure."""
        self.validate()
        absent = self.params["state"] == "absent"
        try:
            current = self._retry(check_mode, lambda: self._vault.secret(self.params["name"]))
        except Unreachable:
            # Check mode may run before there is a vault.
            if not check_mode:
                raise
            return _result(Plan(NONE, {}, {}, {}), {}) if absent else self._prediction(self._plan(None))
        if absent:
            return self._delete(check_mode, current)
        planned = self._plan(current)
        if check_mode or planned.action == NONE:
            return self._prediction(planned)
        return _result(planned, self._retry(check_mode, lambda: self._write(planned)))

    def _seconds(self, option: str) -> int | None:
        """Return the seconds since the epoch of an option that is a time. Raise InvalidOption."""
        text = self.params[option]
        if text is None:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = datetime.min
        if time.tzinfo is None:
            raise InvalidOption(option, text, "write a time with its zone, as 2027-01-31T00:00:00Z.")
        return int(time.timestamp())

    def _plan(self, current: Json | None) -> Plan:
        if current is None and self.params["value"] is None:
            raise Failure(f"value is required: there is no secret {self.params['name']} yet.", option="value")
        return plan(current, self.desired(), _RULES, whole_body(_READ_ONLY))

    def _prediction(self, planned: Plan) -> dict[str, Any]:
        return _result(planned, {"id": f"{self._vault.url}/secrets/{self.params['name']}", **planned.after})

    def _write(self, planned: Plan) -> Json:
        """Write the secret, and return it. A new value creates a version, everything else updates the current one."""
        name, value, before = self.params["name"], self.params["value"], planned.before
        if value is None or before.get("value") == value:
            version = urlsplit(before["id"]).path.rsplit("/", 1)[-1]
            return self._vault.request("PATCH", f"/secrets/{name}/{version}", without(planned.body, ["value"]))
        try:
            return self._vault.request("PUT", f"/secrets/{name}", {**planned.body, "value": value})
        except ArmError as error:
            if error.code != "ObjectIsDeletedButRecoverable" or not self.params["recover"]:
                raise
        self._vault.request("POST", f"/deletedsecrets/{name}/recover")
        recovered = self._wait_until_there(lambda: self._vault.secret(name), f"recovery of secret {name}")
        update = self._plan(recovered)
        return self._write(update) if update.changed else recovered

    def _delete(self, check_mode: bool, current: Json | None) -> dict[str, Any]:
        name, deleted_path = self.params["name"], f"/deletedsecrets/{self.params['name']}"
        purge = self.params["purge"]
        deleted = self._vault.get(deleted_path) if current is None and purge else None
        if current is None and deleted is None:
            return _result(Plan(NONE, {}, {}, {}), {})
        if not check_mode:
            if current is not None:
                self._retry(check_mode, lambda: self._vault.request("DELETE", f"/secrets/{name}"))
                if self.params["wait"] or purge:
                    self._wait_until_there(lambda: self._vault.get(deleted_path), f"delete of secret {name}")
            if purge:
                self._retry(check_mode, lambda: self._vault.request("DELETE", deleted_path))
        return _result(Plan(DELETE, current or deleted or {}, {}, {}), {})

    def _wait_until_there(self, read: Callable[[], Json | None], label: str) -> Json:
        return self.arm.wait_until_settled(lambda: read() or {}, lambda secret: not secret, label) or {}

    def _retry(self, check_mode: bool, attempt: Callable[[], Any]) -> Any:
        """Repeat an attempt until the deadline while a new role assignment or a deletion is not effective yet.

        In check mode and with C(wait: false) the first error is final.
        """
        backoff = self.arm.deadline.backoff(2.0, 15.0)
        while True:
            try:
                return attempt()
            except ArmError as error:
                if check_mode or not self.params["wait"] or error.code not in _TRANSIENT:
                    raise
                try:
                    backoff.pause()
                except DeadlineExceeded:
                    raise error from None


def _result(planned: Plan, secret: Json) -> dict[str, Any]:
    before, after = without(planned.before, ["value"]), without(planned.after, ["value"])
    if planned.action != DELETE and planned.after.get("value") != planned.before.get("value"):
        after = {**after, "value": "(hidden, changed)"}
    return {
        "changed": planned.changed,
        "key_vault_secret": without(secret, ["value"]),
        "diff": {"before": before, "after": after},
    }
