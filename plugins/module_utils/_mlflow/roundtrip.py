# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The round trip of an MLflow client: write content to a server, read it back, remove it."""

from __future__ import annotations

import os
import re
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import missing_required_lib

from .._core.deadline import Deadline
from .._core.errors import Failure
from .content import content_of
from .tracking_server import RETRIES, TrackingServer, open_server

OPTIONS: dict[str, Any] = {
    "tracking_uri": {"type": "str", "required": True},
    "experiment": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "verified", "absent"], "default": "present"},
    "artifact_size": {"type": "int", "default": 10485760},
    "text": {"type": "str", "default": "Prüfung 東京 🙂"},
    "timeout": {"type": "int", "default": 300},
}
# Settings of authentication and of TLS. Other settings of MLflow in the controller's environment serve other purposes:
# a sampling ratio, a run id, a collector for traces.
_PASSED_ON = re.compile(
    r"MLFLOW_(TRACKING_(USERNAME|PASSWORD|TOKEN|AUTH|INSECURE_TLS|SERVER_CERT_PATH|CLIENT_CERT_PATH)|WORKSPACE)"
)


def run(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Return the result of a task; a failure is a result as well. Replace the environment of the process."""
    environment = client_environment(os.environ, params["tracking_uri"])
    os.environ.clear()
    os.environ.update(environment)
    try:
        validate(params)
        # MLflow creates directories in the current one.
        with tempfile.TemporaryDirectory(prefix="mlflow-roundtrip-") as directory:
            before = Path.cwd()
            os.chdir(directory)
            try:
                server = open_server(params["tracking_uri"], Deadline(params["timeout"]))
                return execute(server, params, check_mode)
            finally:
                os.chdir(before)
    except ImportError:
        return {"failed": True, "msg": missing_required_lib("mlflow-skinny"), "exception": traceback.format_exc()}
    except Failure as failure:
        return {"failed": True, "msg": failure.message, **failure.fields}


def validate(params: Mapping[str, Any]) -> None:
    """Raise Failure for the first option that cannot be valid."""
    if not params["tracking_uri"].startswith(("https://", "http://")):
        raise Failure("tracking_uri: must begin with https:// (or http://): give the URL of an MLflow server")
    if not params["experiment"].strip() or len(params["experiment"]) > 200:
        raise Failure("experiment: must have 1 to 200 characters: give a name")
    if not 1 <= params["artifact_size"] <= 2**31:
        raise Failure(
            f"artifact_size: {params['artifact_size']} is not between 1 and {2**31} bytes: give, say, 10485760"
        )
    if params["timeout"] < 1:
        raise Failure(f"timeout: {params['timeout']} is not at least 1 second: give, say, 300")


def execute(server: TrackingServer, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Reconcile the experiment with the options, and return the result of the task. Raise Failure."""
    name = params["experiment"]
    sample = content_of(name, params["artifact_size"], params["text"])
    experiments = server.find(name)
    if params["state"] == "absent":
        if experiments and not check_mode:
            server.remove(experiments)
        return {"changed": bool(experiments), "mlflow_roundtrip": {}}
    result = {"experiment": name, "compared": list(sample.items())}
    if params["state"] == "verified":
        return {"changed": False, "mlflow_roundtrip": {**result, **server.verify(experiments, name, sample)}}
    location = server.find_run(experiments, sample)
    if location is not None:
        experiment, existing = location
        ids = {"experiment_id": experiment.experiment_id, "run_id": existing.info.run_id}
        return {"changed": False, "mlflow_roundtrip": {**result, **ids}}
    if not check_mode:
        server.remove(experiments)
        result.update(server.write(name, sample))
    return {"changed": True, "mlflow_roundtrip": result}


def client_environment(environment: Mapping[str, str], tracking_uri: str) -> dict[str, str]:
    """Return the environment for MLflow's client.

    Proxies, certificate bundles and MLflow's credentials stay. OpenTelemetry's variables do not: with them MLflow sends
    traces to a collector instead of the server.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("OTEL_", "MLFLOW_", "_MLFLOW_")) or _PASSED_ON.fullmatch(name)
    }
    return {
        **kept,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(RETRIES),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "GIT_PYTHON_REFRESH": "quiet",
    }
