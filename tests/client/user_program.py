# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program as a user writes it: a run with a metric and an artifact, and a traced call of a model.

    python user_program.py EXPERIMENT [pop | dotenv FILE]

pop: remove OpenTelemetry's variables in code, before the first span. dotenv: read the settings in code.
"""

from __future__ import annotations

import os
import sys

if sys.argv[2:3] == ["pop"]:
    os.environ.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
    os.environ.pop("OTEL_EXPORTER_OTLP_PROTOCOL", None)
elif sys.argv[2:3] == ["dotenv"]:
    from dotenv import load_dotenv

    load_dotenv(sys.argv[3], override=True)

import mlflow


@mlflow.trace(span_type="CHAT_MODEL")
def ask(prompt: str) -> str:
    span = mlflow.get_current_active_span()
    # MLflow returns a span without an id where it cannot export traces.
    if span is not None:
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10})
    return f"{prompt} Yes."


mlflow.set_experiment(sys.argv[1])
with mlflow.start_run():
    mlflow.log_metric("accuracy", 0.5)
    mlflow.log_text("kept", "note.txt")
ask("Is anybody there?")
