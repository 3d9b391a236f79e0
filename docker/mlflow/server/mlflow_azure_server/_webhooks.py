# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The refusal of webhook secrets that no other process could read.

Without MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY each process of MLflow encrypts them with a key of its own. All other processes, and
this one after a restart, then answer every list of webhooks with 500.
"""

from __future__ import annotations

import importlib
import json
import os
from typing import Any

KEY = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
# The last segments of the routes that store a secret, with their methods.
WRITES = {("/mlflow/webhooks", "POST"), ("/mlflow/webhooks/<webhook_id>", "PATCH")}


def protect(app: Any) -> None:
    """Let the Flask application `app` refuse requests with a secret if there is no key."""
    if not os.environ.get(KEY):
        app.before_request(_refuse_secret)


def stores_secret(method: str, body: Any) -> bool:
    """Return whether MLflow stores a secret for a request with this JSON. Old clients send JSON in a JSON string."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return False
    secret = body.get("secret") if isinstance(body, dict) else None
    # MLflow ignores an empty secret of a new webhook, and stores that of an update.
    return bool(secret) if method == "POST" else secret is not None


def _refuse_secret() -> Any:
    """Return the refusal of the current request, or None."""
    flask: Any = importlib.import_module("flask")
    request = flask.request
    rule = request.url_rule.rule if request.url_rule is not None else ""
    if not any(rule.endswith(path) and request.method == method for path, method in WRITES):
        return None
    if not stores_secret(request.method, request.get_json(force=True, silent=True)):
        return None
    message = (
        f"secret: the server cannot store the secret of a webhook, because it has no {KEY}. "
        "Set it to a key from `openssl rand -base64 32` (option mlflow_app_webhook_secret_key of the role mlflow_app), "
        "or create the webhook without a secret."
    )
    body = json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": message})
    return flask.Response(body, status=400, mimetype="application/json")
