# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of container apps and jobs: GET hides their values, listSecrets tells them, and every PUT must have them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .._core import identity_option as _managed_identity
from .._core.arm import Arm, Json, Operations
from .._core.plan import Plan, Rules
from .._core.resource import Params
from .template import SECRETS


def observer(operations: Operations) -> Callable[[Arm, Params, Json], Json]:
    """For Resource.observe: adds the values of the secrets, where they are to be compared."""

    def observe(arm: Arm, params: Params, found: Json) -> Json:
        return found if params["secrets"] is None else _filled(operations, arm, params, found)

    return observe


def completer(operations: Operations) -> Callable[[Arm, Params, Plan], Json]:
    """For Resource.prepare: the request with all secrets, since Azure refuses one without its value."""

    def prepare(arm: Arm, params: Params, planned: Plan) -> Json:
        body = _filled(operations, arm, params, planned.body) if planned.before else planned.body
        return _managed_identity.whole(body)

    return prepare


def rules_for(params: Params, rules: Rules) -> Rules:
    """For Resource.adjust: whether secrets that the option does not name stay."""
    return {**rules, SECRETS: replace(rules[SECRETS], additive=True)} if params["keep_secrets"] else rules


def _filled(operations: Operations, arm: Arm, params: Params, found: Json) -> Json:
    secrets = secrets_of(found)
    if all(_is_complete(secret) for secret in secrets):
        return found
    answer = arm.call(operations, "list_secrets", params["resource_group"], params["name"])
    values = {item["name"]: item.get("value") for item in answer.get("value") or []}
    filled = [secret if _is_complete(secret) else {**secret, "value": values.get(secret["name"])} for secret in secrets]
    return _with_secrets(found, filled)


def _is_complete(secret: Json) -> bool:
    return bool(secret.get("value") or secret.get("keyVaultUrl"))


def secrets_of(found: Json) -> list[Json]:
    configuration = (found.get("properties") or {}).get("configuration") or {}
    return list(configuration.get("secrets") or [])


def _with_secrets(found: Json, secrets: list[Json]) -> Json:
    properties = found["properties"]
    configuration = {**properties["configuration"], "secrets": secrets}
    return {**found, "properties": {**properties, "configuration": configuration}}


def public(found: Json) -> Json:
    """The app or job without the values of its secrets."""
    secrets = secrets_of(found)
    if not secrets:
        return found
    return _with_secrets(found, [{key: item for key, item in secret.items() if key != "value"} for secret in secrets])


def public_diff(before: Json, after: Json) -> tuple[Json, Json]:
    """Both sides without values, but a value that changes is marked."""
    old = {secret["name"]: secret.get("value") for secret in secrets_of(before)}
    after_public = public(after)
    marked = [
        {**shown, "value": "(hidden, changed)"}
        if secret["name"] in old and "value" in secret and secret["value"] != old[secret["name"]]
        else shown
        for shown, secret in zip(secrets_of(after_public), secrets_of(after), strict=True)
    ]
    return public(before), _with_secrets(after_public, marked) if marked else after_public
