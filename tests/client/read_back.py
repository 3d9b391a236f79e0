# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print as JSON what the server has stored of the experiment of user_program.py.

python read_back.py EXPERIMENT
"""

from __future__ import annotations

import json
import sys

import mlflow
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[1])
ids = [experiment.experiment_id]
runs = client.search_runs(ids)
traces = client.search_traces(locations=ids)
stored = {
    "metrics": [run.data.metrics for run in runs],
    "artifacts": [mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt") for run in runs],
    "prompts": [trace.data.spans[0].inputs for trace in traces],
    "responses": [trace.data.spans[0].outputs for trace in traces],
    "tokens": [trace.info.token_usage for trace in traces],
}
print(json.dumps(stored))
