# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(registries): the container registries from which images are pulled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import Rule, Rules
from . import identity_reference
from .options import Spec, check_unique, each, items, text

OPTIONS: dict[str, Spec] = {
    "registries": items(
        server=text(required=True), identity=text(), username=text(), password_secret_ref=text(no_log=False)
    )
}
RULES: Rules = {"properties.configuration.registries": Rule(key="server", whole=True)}


def desired(params: Params) -> list[Any] | None:
    """Return the registries as ARM JSON."""
    return each(
        params["registries"],
        lambda registry: {
            "server": registry["server"],
            "identity": registry["identity"],
            "username": registry["username"],
            "passwordSecretRef": registry["password_secret_ref"],
        },
    )


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    registries = params["registries"] or []
    check_unique("registries.server", [registry["server"] for registry in registries])
    for registry in registries:
        server = registry["server"]
        if "://" in server:
            raise InvalidOption("registries.server", server, "use the host name without https://.")
        if bool(registry["identity"]) == bool(registry["username"]):
            raise InvalidOption("registries.server", server, "set either identity or username.")
        if bool(registry["username"]) != bool(registry["password_secret_ref"]):
            raise InvalidOption("registries.server", server, "set username and password_secret_ref together.")
        identity_reference.check(params, "registries.identity", registry["identity"])


def secret_references(params: Params) -> Iterator[tuple[str, str]]:
    """Yield option and secret name of each reference to a secret."""
    for registry in params["registries"] or []:
        if registry["password_secret_ref"] is not None:
            yield f"registries[{registry['server']}].password_secret_ref", registry["password_secret_ref"]
