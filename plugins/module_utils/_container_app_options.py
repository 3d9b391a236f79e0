# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of module container_app."""

from __future__ import annotations

from typing import Any

from ._arguments import IN_GROUP, TAGS

Spec = dict[str, Any]


def _text(**rest: Any) -> Spec:
    return {"type": "str", **rest}


def _items(**options: Spec) -> Spec:
    return {"type": "list", "elements": "dict", "options": options}


def _group(**options: Spec) -> Spec:
    return {"type": "dict", "options": options}


_STRINGS: Spec = {"type": "list", "elements": "str"}
_NUMBER: Spec = {"type": "int"}
_NAME = _text(required=True)
_REQUIRED_PORT: Spec = {"type": "int", "required": True}

_INGRESS = _group(
    external={"type": "bool"},
    target_port=_NUMBER,
    exposed_port=_NUMBER,
    transport=_text(choices=["auto", "http", "http2", "tcp"]),
    allow_insecure={"type": "bool"},
    ip_security_restrictions=_items(
        name=_NAME,
        ip_address_range=_text(required=True),
        action=_text(choices=["Allow", "Deny"], default="Allow"),
        description=_text(),
    ),
    traffic=_items(weight=_NUMBER, revision_name=_text(), latest_revision={"type": "bool"}, label=_text()),
)
_CONTAINER: dict[str, Spec] = {
    "name": _NAME,
    "image": _text(),
    "command": _STRINGS,
    "args": _STRINGS,
    "env": _items(name=_NAME, value=_text(), secret_ref=_text(no_log=False)),
    "cpu": {"type": "float"},
    "memory": _text(),
    "volume_mounts": _items(volume_name=_NAME, mount_path=_text(required=True), sub_path=_text()),
}
_PROBES = _items(
    type=_text(choices=["Startup", "Readiness", "Liveness"], required=True),
    http_get=_group(path=_text(), port=_REQUIRED_PORT, scheme=_text(choices=["HTTP", "HTTPS"])),
    tcp_socket=_group(port=_REQUIRED_PORT),
    initial_delay_seconds=_NUMBER,
    period_seconds=_NUMBER,
    timeout_seconds=_NUMBER,
    failure_threshold=_NUMBER,
    success_threshold=_NUMBER,
)
_SCALER: dict[str, Spec] = {
    "metadata": {"type": "dict"},
    "auth": _items(secret_ref=_text(required=True, no_log=False), trigger_parameter=_text(required=True)),
    "identity": _text(),
}
_SCALE = _group(
    min_replicas=_NUMBER,
    max_replicas=_NUMBER,
    rules=_items(
        name=_NAME,
        http=_group(**_SCALER),
        tcp=_group(**_SCALER),
        custom=_group(type=_text(required=True), **_SCALER),
    ),
)
OPTIONS: dict[str, Spec] = {
    **IN_GROUP,
    "environment_id": _text(),
    "identity": _group(
        type=_text(choices=["None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"], required=True),
        user_assigned_identities=_STRINGS,
    ),
    "revision_mode": _text(choices=["Single", "Multiple"]),
    "ingress": _INGRESS,
    "secrets": {
        **_items(name=_NAME, value=_text(no_log=True), key_vault_url=_text(no_log=False), identity=_text()),
        "no_log": False,
    },
    "registries": _items(
        server=_text(required=True), identity=_text(), username=_text(), password_secret_ref=_text(no_log=False)
    ),
    "containers": _items(**_CONTAINER, probes=_PROBES),
    "init_containers": _items(**_CONTAINER),
    "volumes": _items(
        name=_NAME,
        storage_type=_text(choices=["EmptyDir", "AzureFile", "NfsAzureFile", "Secret"], required=True),
        storage_name=_text(),
        mount_options=_text(),
        secrets={**_items(secret_ref=_text(required=True, no_log=False), path=_text()), "no_log": False},
    ),
    "scale": _SCALE,
    "revision_suffix": _text(),
    "termination_grace_period_seconds": _NUMBER,
    "workload_profile_name": _text(),
    **TAGS,
}
