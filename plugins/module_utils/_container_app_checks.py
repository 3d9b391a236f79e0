# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure Container Apps would refuse, found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from . import _names
from ._addresses import check_cidr
from ._errors import InvalidOption
from ._plan import quantity_in_bytes
from ._resource import Params

_GIB = 2**30
_MOST_REPLICAS = 1000
_MOST_FAILURES = {"Startup": 240, "Readiness": 48, "Liveness": 30}


def check(params: Params) -> None:
    """Raises InvalidOption."""
    _names.check("resource_group", params["resource_group"], _names.RESOURCE_GROUP)
    _names.check("name", params["name"], _names.CONTAINER_APP)
    if params["state"] == "absent":
        return
    _check_identity(params["identity"])
    _check_ingress(params["ingress"])
    _check_secrets(params["secrets"])
    _check_containers(params)
    _check_scale(params["scale"])
    _check_references(params)


def _check_unique(option: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidOption(option, name, "it occurs twice: names in a list are unique.")


def _check_identity(identity: dict[str, Any] | None) -> None:
    if identity is None:
        return
    wants_ids, ids = "UserAssigned" in identity["type"], identity["user_assigned_identities"]
    if wants_ids and not ids:
        raise InvalidOption("identity.type", identity["type"], "it needs identity.user_assigned_identities.")
    if ids and not wants_ids:
        raise InvalidOption("identity.type", identity["type"], "with user_assigned_identities say UserAssigned.")


def _check_port(option: str, port: int | None) -> None:
    if port is not None and not 1 <= port <= 65535:
        raise InvalidOption(option, port, "a port is 1 to 65535.")


def _check_ingress(ingress: dict[str, Any] | None) -> None:
    if ingress is None:
        return
    _check_port("ingress.target_port", ingress["target_port"])
    restrictions = ingress["ip_security_restrictions"] or []
    for restriction in restrictions:
        check_cidr("ingress.ip_security_restrictions.ip_address_range", restriction["ip_address_range"])
    _check_unique("ingress.ip_security_restrictions.name", [item["name"] for item in restrictions])
    actions = {item["action"] for item in restrictions}
    if len(actions) > 1:
        raise InvalidOption(
            "ingress.ip_security_restrictions.action", sorted(actions), "all rules must have the same action."
        )
    traffic = ingress["traffic"]
    if traffic and sum(item["weight"] or 0 for item in traffic) != 100:
        raise InvalidOption("ingress.traffic.weight", [item["weight"] for item in traffic], "weights must sum to 100.")


def _check_secrets(secrets: list[dict[str, Any]] | None) -> None:
    _check_unique("secrets.name", [secret["name"] for secret in secrets or []])
    for secret in secrets or []:
        _names.check("secrets.name", secret["name"], _names.SECRET)
        if bool(secret["value"]) == bool(secret["key_vault_url"]):
            raise InvalidOption("secrets.name", secret["name"], "a secret has either a value or a key_vault_url.")
        if secret["key_vault_url"] and not secret["identity"]:
            raise InvalidOption(
                "secrets.identity", None, f"secret {secret['name']} has a key_vault_url, so it needs an identity."
            )


def _check_containers(params: Params) -> None:
    containers = params["containers"] or []
    everything = containers + (params["init_containers"] or [])
    _check_unique("containers.name", [container["name"] for container in everything])
    for container in everything:
        variables = container["env"] or []
        _check_unique(f"containers[{container['name']}].env.name", [variable["name"] for variable in variables])
        for variable in variables:
            if variable["value"] is not None and variable["secret_ref"] is not None:
                raise InvalidOption(
                    f"containers[{container['name']}].env.name",
                    variable["name"],
                    "a variable has either a value or a secret_ref.",
                )
        for probe in container.get("probes") or []:
            _check_probe(container["name"], probe)
    if params["workload_profile_name"] in (None, "Consumption"):
        _check_size(containers)


def _check_probe(name: str, probe: dict[str, Any]) -> None:
    option = f"containers[{name}].probes.type"
    if (probe["http_get"] is None) == (probe["tcp_socket"] is None):
        raise InvalidOption(option, probe["type"], "a probe has either http_get or tcp_socket.")
    _check_port(f"{option}.port", (probe["http_get"] or probe["tcp_socket"])["port"])
    failures, most = probe["failure_threshold"], _MOST_FAILURES[probe["type"]]
    if failures is not None and not 1 <= failures <= most:
        raise InvalidOption(
            f"containers[{name}].probes.failure_threshold",
            failures,
            f"a {probe['type']} probe takes 1 to {most}. For more time set a longer period_seconds.",
        )


def _check_size(containers: list[dict[str, Any]]) -> None:
    """The containers of a replica together must have one of Azure's sizes: 0.25 to 4 cores, 2 Gi for each."""
    sized = [container for container in containers if container["cpu"] is not None or container["memory"] is not None]
    if not sized:
        return
    for container in sized:
        if container["cpu"] is None or container["memory"] is None:
            raise InvalidOption(
                f"containers[{container['name']}]", container["cpu"] or container["memory"], "set both cpu and memory."
            )
    cpu = sum((Decimal(str(container["cpu"] or "0.5")) for container in containers), Decimal(0))
    memory = sum((_memory(container) for container in containers), Decimal(0))
    if cpu % Decimal("0.25") or not Decimal("0.25") <= cpu <= 4 or memory != cpu * 2 * _GIB:
        raise InvalidOption(
            "containers",
            f"{cpu} cores and {memory / _GIB:g}Gi",
            "the containers of an app on the Consumption profile have together 0.25 to 4 cores, in steps of 0.25, and "
            f"twice as many Gi of memory (as 0.5 and 1Gi). For these cores set memory to {cpu * 2:g}Gi.",
        )


def _memory(container: dict[str, Any]) -> Decimal:
    value = container["memory"] or "1Gi"
    size = quantity_in_bytes(value)
    if size is None:
        raise InvalidOption(f"containers[{container['name']}].memory", value, "write gibibytes, as 1Gi or 0.5Gi.")
    return size


def _check_scale(scale: dict[str, Any] | None) -> None:
    if scale is None:
        return
    least, most = scale["min_replicas"], scale["max_replicas"]
    for option, value, lowest in (("scale.min_replicas", least, 0), ("scale.max_replicas", most, 1)):
        if value is not None and not lowest <= value <= _MOST_REPLICAS:
            raise InvalidOption(option, value, f"use {lowest} to {_MOST_REPLICAS}.")
    if least is not None and most is not None and least > most:
        raise InvalidOption("scale.min_replicas", least, f"it is more than scale.max_replicas ({most}).")
    for rule in scale["rules"] or []:
        if sum(rule[kind] is not None for kind in ("http", "tcp", "custom")) != 1:
            raise InvalidOption("scale.rules.name", rule["name"], "a rule has exactly one of http, tcp and custom.")
    _check_unique("scale.rules.name", [rule["name"] for rule in scale["rules"] or []])


def _references(params: Params) -> Iterator[tuple[str, str]]:
    """Option and name of every secret that is referred to."""
    for container in (params["containers"] or []) + (params["init_containers"] or []):
        for variable in container["env"] or []:
            if variable["secret_ref"] is not None:
                yield f"containers[{container['name']}].env[{variable['name']}].secret_ref", variable["secret_ref"]
    for registry in params["registries"] or []:
        if registry["password_secret_ref"] is not None:
            yield f"registries[{registry['server']}].password_secret_ref", registry["password_secret_ref"]
    for rule in (params["scale"] or {}).get("rules") or []:
        for kind in ("http", "tcp", "custom"):
            for auth in (rule[kind] or {}).get("auth") or []:
                yield f"scale.rules[{rule['name']}].{kind}.auth.secret_ref", auth["secret_ref"]
    for volume in params["volumes"] or []:
        for secret in volume["secrets"] or []:
            yield f"volumes[{volume['name']}].secrets.secret_ref", secret["secret_ref"]


def _check_references(params: Params) -> None:
    """Without the option secrets, those that the app has are not known here, and Azure judges."""
    if params["secrets"] is None:
        return
    defined = {secret["name"] for secret in params["secrets"]}
    for option, name in _references(params):
        if name not in defined:
            raise InvalidOption(
                option, name, f"secrets defines no such secret, only {', '.join(sorted(defined)) or 'none'}."
            )


def check_create(params: Params) -> None:
    """What only a new app needs. Raises InvalidOption."""
    for option in ("environment_id", "containers"):
        if not params[option]:
            raise InvalidOption(option, params[option], "a new app needs it.")
    for container in params["containers"]:
        if not container["image"]:
            raise InvalidOption(f"containers[{container['name']}].image", None, "a new app needs it.")
