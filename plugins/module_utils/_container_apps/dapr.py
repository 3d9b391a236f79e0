# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option C(dapr) of a container app: the Dapr sidecar."""

from __future__ import annotations

from typing import Any

from .._core.errors import InvalidOption
from .._core.module import Params
from .._core.plan import FLAG, Rules, defaults_to, same_ignoring_case
from .options import BOOLEAN, ENABLED, INTEGER, Spec, check_disabled, check_port, group, text

OPTIONS: dict[str, Spec] = {
    "dapr": group(
        enabled=ENABLED,
        app_id=text(),
        app_port=INTEGER,
        app_protocol=text(choices=["http", "grpc"]),
        http_max_request_size=INTEGER,
        http_read_buffer_size=INTEGER,
        log_level=text(choices=["debug", "error", "info", "warn"]),
        enable_api_logging=BOOLEAN,
    )
}
RULES: Rules = {
    "properties.configuration.dapr.appProtocol": defaults_to("http", same_ignoring_case),
    "properties.configuration.dapr.enabled": FLAG,
    "properties.configuration.dapr.logLevel": defaults_to("info", same_ignoring_case),
}


def desired(params: Params) -> dict[str, Any] | None:
    """Return the Dapr settings as ARM JSON."""
    dapr = params["dapr"]
    if dapr is None:
        return None
    return {
        "enabled": dapr["enabled"],
        "appId": dapr["app_id"],
        "appPort": dapr["app_port"],
        "appProtocol": dapr["app_protocol"],
        "httpMaxRequestSize": dapr["http_max_request_size"],
        "httpReadBufferSize": dapr["http_read_buffer_size"],
        "logLevel": dapr["log_level"],
        "enableApiLogging": dapr["enable_api_logging"],
    }


def validate(params: Params) -> None:
    """Raise InvalidOption for the first setting that Azure would refuse."""
    dapr = params["dapr"]
    if dapr is None:
        return
    if not dapr["enabled"]:
        check_disabled("dapr", dapr)
        return
    if not dapr["app_id"]:
        raise InvalidOption("dapr.app_id", dapr["app_id"], "Dapr addresses the app by it: set it, or enabled: false.")
    check_port("dapr.app_port", dapr["app_port"])
