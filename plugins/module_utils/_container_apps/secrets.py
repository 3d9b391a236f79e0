# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of container apps and jobs: the only file that handles their values.

A GET does not return the values, listSecrets does, and Azure refuses a PUT with a secret that has no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from .._core import names
from .._core.arm import Json
from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import WHOLE_BY_NAME, Plan, Rules, without
from .._core.resource import Resource
from . import identity_reference
from .options import NAME, Spec, check_unique, each, items, text

OPTIONS: dict[str, Spec] = {
    "secrets": {
        **items(name=NAME, value=text(no_log=True), key_vault_url=text(no_log=False), identity=text()),
        "no_log": False,
    },
    "keep_secrets": {"type": "bool", "default": False, "no_log": False},
}
_PATH = "properties.configuration.secrets"
RULES: Rules = {_PATH: WHOLE_BY_NAME}
_KEY_VAULT_SECRET = re.compile(r"https://[^/]+/secrets/[A-Za-z0-9-]+(/[A-Za-z0-9]*)?")


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    secrets = params["secrets"]
    if params["keep_secrets"] and secrets is None:
        raise InvalidOption(
            "keep_secrets", True, "it keeps the secrets that option secrets does not name: set secrets."
        )
    check_unique("secrets.name", [secret["name"] for secret in secrets or []])
    for secret in secrets or []:
        name, url = secret["name"], secret["key_vault_url"]
        names.check("secrets.name", name, names.SECRET)
        if bool(secret["value"]) == bool(url):
            raise InvalidOption("secrets.name", name, "a secret has either a value or a key_vault_url.")
        if url and not secret["identity"]:
            raise InvalidOption(
                "secrets.identity", None, f"secret {name} has a key_vault_url, so it needs an identity."
            )
        if url and not _KEY_VAULT_SECRET.fullmatch(url):
            raise InvalidOption(
                "secrets.key_vault_url",
                url,
                "use the URL of a secret, such as https://kv-mlflow.vault.azure.net/secrets/password.",
            )
        identity_reference.check(params, "secrets.identity", secret["identity"])


def validate_references(params: Params, references: Iterable[tuple[str, str]]) -> None:
    """Raise InvalidOption for the first reference to a secret that does not exist.

    references: option and secret name. Only Azure knows the secrets that exist unless C(secrets) names all of them.
    """
    if params["secrets"] is None or params["keep_secrets"]:
        return
    defined = {secret["name"] for secret in params["secrets"]}
    for option, name in references:
        if name not in defined:
            raise InvalidOption(
                option, name, f"secrets defines no such secret, only {', '.join(sorted(defined)) or 'none'}."
            )


def redact(resource: Json) -> Json:
    """Return the resource without the values of its secrets."""
    secrets = _secrets_of(resource)
    if not secrets:
        return resource
    return _with_secrets(resource, [without(secret, ["value"]) for secret in secrets])


def values_differ(before: Json, after: Json) -> bool:
    """Return whether a secret of both sides has another value or another Key Vault URL after the write."""
    old, new = _values_of(before), _values_of(after)
    return any(name in old and old[name] != value for name, value in new.items())


class WithSecrets(Resource):
    """A resource type with secrets. A subclass describes the rest of the resource and never handles a secret."""

    def desired_without_secrets(self) -> dict[str, Any]:
        """Return the part of the resource that the options describe, apart from secrets, as ARM JSON."""
        raise NotImplementedError

    def body_without_secrets(self, body: Json) -> Json:
        """Return the body of the write, without secrets, as Azure accepts it."""
        return body

    def secret_references(self) -> Iterator[tuple[str, str]]:
        """Yield option and secret name of each reference to a secret."""
        raise NotImplementedError

    def desired(self) -> dict[str, Any]:
        secrets = each(
            self.params["secrets"],
            lambda secret: {
                "name": secret["name"],
                "value": secret["value"],
                "keyVaultUrl": secret["key_vault_url"],
                "identity": secret["identity"],
            },
        )
        return _with_secrets(self.desired_without_secrets(), secrets)

    def rules_for(self) -> Rules:
        """Return the rules of this task: C(keep_secrets) keeps the secrets that the options do not name."""
        if not self.params["keep_secrets"]:
            return self.rules
        return {**self.rules, _PATH: replace(self.rules[_PATH], additive=True)}

    def complete_read(self, current: Json) -> Json:
        """Return the current resource with the values of its secrets, where the options set secrets to compare."""
        secrets = _secrets_of(current)
        if self.params["secrets"] is None or not secrets:
            return current
        return _with_secrets(current, self._complete(secrets))

    def request_body(self, planned: Plan) -> Json:
        """Return the body of the write with the values of all secrets."""
        secrets = _secrets_of(planned.body)
        if not secrets:
            return self.body_without_secrets(planned.body)
        if planned.before:
            secrets = self._complete(secrets)
        return _with_secrets(self.body_without_secrets(without(planned.body, [_PATH])), secrets)

    def public(self, resource: Json) -> Json:
        return redact(resource)

    def public_diff(self, before: Json, after: Json) -> tuple[Json, Json]:
        """Return both sides of the diff without values; a value that changes is marked as such."""
        old = {secret["name"]: secret.get("value") for secret in _secrets_of(before)}
        secrets = _secrets_of(after)
        if not secrets:
            return redact(before), after
        return redact(before), _with_secrets(after, [_marked(secret, old) for secret in secrets])

    def _complete(self, secrets: list[Json]) -> list[Json]:
        if all(_is_complete(secret) for secret in secrets):
            return secrets
        answer = self.arm.call(self.operations, "list_secrets", self.params["resource_group"], self.params["name"])
        values = {secret["name"]: secret.get("value") for secret in answer.get("value") or []}
        return [
            secret if _is_complete(secret) else {**secret, "value": values.get(secret["name"])} for secret in secrets
        ]


def _is_complete(secret: Json) -> bool:
    return bool(secret.get("value") or secret.get("keyVaultUrl"))


def _secrets_of(resource: Json) -> list[Json]:
    configuration = (resource.get("properties") or {}).get("configuration") or {}
    return list(configuration.get("secrets") or [])


def _with_secrets(resource: Json, secrets: list[Json] | None) -> dict[str, Any]:
    properties = resource["properties"]
    configuration = {**properties["configuration"], "secrets": secrets}
    return {**resource, "properties": {**properties, "configuration": configuration}}


def _marked(secret: Json, old: dict[str, Any]) -> Json:
    changed = "value" in secret and secret["name"] in old and secret["value"] != old[secret["name"]]
    redacted: Json = without(secret, ["value"])
    return {**redacted, "value": "(hidden, changed)"} if changed else redacted


def _values_of(resource: Json) -> dict[str, Any]:
    return {secret["name"]: secret.get("value") or secret.get("keyVaultUrl") for secret in _secrets_of(resource)}
