# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Example of a user's program: logs a run with a metric and an artifact, and a trace of a model call.

python write.py EXPERIMENT MARK
"""

from __future__ import annotations

import sys

import mlflow


@mlflow.trace(span_type="CHAT_MODEL")
def ask(prompt: str) -> str:
    span = mlflow.get_current_active_span()
    # There is no active span if MLflow has no destination for traces.
    if span is not None:
        span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10})
    return f"Yes, {prompt}"


experiment, mark = sys.argv[1:]
mlflow.set_experiment(experiment)
with mlflow.start_run(run_name=mark):
    mlflow.set_tag("probe.mark", mark)
    mlflow.log_metric("accuracy", 0.5)
    mlflow.log_text(mark, "note.txt")
ask(mark)
