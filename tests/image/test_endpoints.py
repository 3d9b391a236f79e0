# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image lacks many dependencies of MLflow. Every group of endpoints of its server works all the same."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.image_server import Server, bare, free_port, running, settings

# The endpoints of the server of MLflow, without the copies for its own pages.
LIST = """
import json
from mlflow.server.handlers import get_endpoints
print(json.dumps(sorted({path for path, _, _ in get_endpoints() if not path.startswith("/ajax-api/")})))
"""
# Endpoints of FastAPI, which that list lacks.
MORE_GROUPS = {"v1/traces", "gateway", "3.0/mlflow/mcp-servers", "health", "version", "metrics", "pages", "3.0/jobs"}
# Endpoints of Databricks: the server of MLflow has no store for them.
OF_DATABRICKS = {"2.0/mlflow/get-online-trace-details", "2.0/mlflow/unified-traces"}


@dataclass(frozen=True)
class Api:
    """The endpoints of the server. experiment: id of an experiment of the caller."""

    server: Server
    experiment: str

    def ask(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> str:
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        answer = self.server.ask(method, path, content, **{"Content_Type": "application/json", **headers})
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.body[:500]}"
        return answer.body

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.ask("GET", f"/api/{path}?{urlencode(query)}"))

    def post(self, path: str, **body: Any) -> Any:
        return json.loads(self.ask("POST", f"/api/{path}", body) or "{}")

    def change(self, method: str, path: str, **body: Any) -> Any:
        return json.loads(self.ask(method, f"/api/{path}", body) or "{}")

    def run(self) -> str:
        made = self.post("2.0/mlflow/runs/create", experiment_id=self.experiment, start_time=1)
        return str(made["run"]["info"]["run_id"])

    def trace(self) -> str:
        """Send a trace of one span as clients of OpenTelemetry do. Return its id."""
        number = uuid.uuid4().hex
        span = {
            "traceId": number,
            "spanId": number[:16],
            "name": "ask",
            "kind": 1,
            "startTimeUnixNano": str(time.time_ns()),
            "endTimeUnixNano": str(time.time_ns()),
            "attributes": [{"key": "mlflow.spanInputs", "value": {"stringValue": '"Is anybody there?"'}}],
            "status": {"code": 1},
        }
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        self.ask("POST", "/v1/traces", body, x_mlflow_experiment_id=self.experiment)
        return f"tr-{number}"


@pytest.fixture(scope="module")
def server(server_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    env = settings(
        directory,
        free_port(),
        MLFLOW_WORKERS="1",
        MLFLOW_CRYPTO_KEK_PASSPHRASE="only-for-the-two-minutes-of-a-test",
        MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY=base64.urlsafe_b64encode(os.urandom(32)).decode(),
        MLFLOW_EXPOSE_PROMETHEUS=str(directory / "prometheus"),
    )
    with running(server_bin / "mlflow-azure-server", env, directory / "log") as running_server:
        yield running_server


@pytest.fixture
def api(server: Server) -> Api:
    made = Api(server, "").post("2.0/mlflow/experiments/create", name=f"e-{uuid.uuid4()}")
    return Api(server, made["experiment_id"])


def experiments(api: Api) -> None:
    path = "2.0/mlflow/experiments"
    api.post(f"{path}/update", experiment_id=api.experiment, new_name=f"renamed-{api.experiment}")
    api.post(f"{path}/set-experiment-tag", experiment_id=api.experiment, key="team", value="ml")
    found = api.get(f"{path}/get-by-name", experiment_name=f"renamed-{api.experiment}")["experiment"]
    assert found["tags"] == [{"key": "team", "value": "ml"}]
    listed = api.post(f"{path}/search", max_results=100, filter="tags.team = 'ml'")["experiments"]
    assert api.experiment in [one["experiment_id"] for one in listed]
    api.post(f"{path}/delete", experiment_id=api.experiment)
    api.post(f"{path}/restore", experiment_id=api.experiment)


def runs(api: Api) -> None:
    run = api.run()
    metric = {"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}
    api.post("2.0/mlflow/runs/log-batch", run_id=run, metrics=[metric], params=[{"key": "lr", "value": "0.1"}])
    api.post("2.0/mlflow/runs/set-tag", run_id=run, key="stage", value="dev")
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    api.post("2.0/mlflow/runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}])
    found = api.get("2.0/mlflow/runs/get", run_id=run)["run"]
    assert found["data"]["metrics"][0]["value"] == 0.5
    assert found["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "d"
    listed = api.post("2.0/mlflow/runs/search", experiment_ids=[api.experiment], filter="metrics.loss < 1")
    assert [one["info"]["run_id"] for one in listed["runs"]] == [run]
    api.post("2.0/mlflow/runs/update", run_id=run, status="FINISHED", end_time=2)
    api.post("2.0/mlflow/runs/delete", run_id=run)


def metrics(api: Api) -> None:
    run = api.run()
    values = [{"key": "loss", "value": 1 / step, "timestamp": step, "step": step} for step in range(1, 4)]
    api.post("2.0/mlflow/runs/log-batch", run_id=run, metrics=values)
    found = api.get("2.0/mlflow/metrics/get-history", run_id=run, metric_key="loss")["metrics"]
    assert [one["step"] for one in found] == [1, 2, 3]


def artifacts_of_a_run(api: Api) -> None:
    run = api.run()
    where = api.get("2.0/mlflow/runs/get", run_id=run)["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    api.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{where}/note.txt", "kept")
    listed = api.get("2.0/mlflow/artifacts/list", run_id=run)
    assert [file["path"] for file in listed["files"]] == ["note.txt"]
    assert api.ask("GET", f"/get-artifact?run_id={run}&path=note.txt") == "kept"


def artifacts(api: Api) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/{uuid.uuid4()}"
    api.ask("PUT", f"{path}/a b.txt".replace(" ", "%20"), "kept")
    assert api.ask("GET", f"{path}/a%20b.txt") == "kept"
    listed = json.loads(api.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={path.rpartition('/')[2]}"))
    assert [file["path"] for file in listed["files"]] == ["a b.txt"]
    api.ask("DELETE", f"{path}/a%20b.txt")


def artifacts_in_parts(api: Api) -> None:
    """Only object stores support them: for a folder of files the server returns an error."""
    body = {"path": "big.bin", "num_parts": 2}
    error = api.ask("POST", "/api/2.0/mlflow-artifacts/mpu/create/folder", body, status=501)
    assert "ultipart upload is not supported" in error


def artifacts_past_the_server(api: Api) -> None:
    error = api.ask("GET", "/api/2.0/mlflow-artifacts/presigned/folder/big.bin", status=501)
    assert "not supported for the current artifact repository" in error


def traces_of_old_clients(api: Api) -> None:
    made = api.post("2.0/mlflow/traces", experiment_id=api.experiment, timestamp_ms=1)["trace_info"]["request_id"]
    api.change("PATCH", f"2.0/mlflow/traces/{made}", timestamp_ms=2, status="OK")
    api.change("PATCH", f"2.0/mlflow/traces/{made}/tags", key="user", value="me")
    found = api.get("2.0/mlflow/traces", experiment_ids=api.experiment)["traces"]
    assert [(one["request_id"], one["status"]) for one in found] == [(made, "OK")]


def traces(api: Api) -> None:
    made = api.trace()
    found = api.get("3.0/mlflow/traces/get", trace_id=made)["trace"]
    assert [span["name"] for span in found["spans"]] == ["ask"]
    api.change("PATCH", f"3.0/mlflow/traces/{made}/tags", key="user", value="me")
    source = {"source_type": "HUMAN", "source_id": "me"}
    given = {"assessment_name": "right", "feedback": {"value": True}, "source": source}
    times = {"create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}
    assessment = {**given, **times, "trace_id": made}
    api.post(f"3.0/mlflow/traces/{made}/assessments", assessment=assessment)
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": api.experiment}}
    listed = api.post("3.0/mlflow/traces/search", locations=[place], filter="tags.user = 'me'")["traces"]
    assert [one["trace_id"] for one in listed] == [made]
    assert [one["assessment_name"] for one in listed[0]["assessments"]] == ["right"]
    api.post("3.0/mlflow/traces/delete-traces", experiment_id=api.experiment, request_ids=[made])


def spans(api: Api) -> None:
    for wrong in ("", "999999999999"):
        body = {"resourceSpans": []}
        answer = api.server.ask(
            "POST", "/v1/traces", json.dumps(body), Content_Type="application/json", x_mlflow_experiment_id=wrong
        )
        assert answer.status in (400, 404, 422), answer.body
    assert api.trace()


def logged_models(api: Api) -> None:
    path = "2.0/mlflow/logged-models"
    made = api.post(path, experiment_id=api.experiment, name="m")["model"]["info"]["model_id"]
    api.change("PATCH", f"{path}/{made}", model_id=made, status="LOGGED_MODEL_READY")
    found = api.post(f"{path}/search", experiment_ids=[api.experiment])["models"]
    assert [(one["info"]["model_id"], one["info"]["status"]) for one in found] == [(made, "LOGGED_MODEL_READY")]


def registered_models(api: Api) -> None:
    path, name = "2.0/mlflow/registered-models", f"m-{api.experiment}"
    api.post(f"{path}/create", name=name, tags=[{"key": "team", "value": "ml"}])
    model = api.post("2.0/mlflow/logged-models", experiment_id=api.experiment, name="m")["model"]["info"]["model_id"]
    api.post("2.0/mlflow/model-versions/create", name=name, source=f"models:/{model}", model_id=model)
    api.post(f"{path}/alias", name=name, alias="champion", version="1")
    assert api.get(f"{path}/alias", name=name, alias="champion")["model_version"]["version"] == "1"
    found = api.get(f"{path}/search", filter=f"name = '{name}'")["registered_models"]
    assert [one["name"] for one in found] == [name]


def model_versions(api: Api) -> None:
    """A registered model with these tags is a prompt."""
    name, path = f"p-{api.experiment}", "2.0/mlflow/model-versions"
    kind = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    text = {"key": "mlflow.prompt.text", "value": "Answer {{question}}"}
    api.post("2.0/mlflow/registered-models/create", name=name, tags=[kind])
    api.post(f"{path}/create", name=name, source="dummy-source", tags=[kind, text])
    found = api.get(f"{path}/search", filter=f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'")
    assert [text in one["tags"] for one in found["model_versions"]] == [True]
    api.change("DELETE", f"{path}/delete", name=name, version="1")


def webhooks(api: Api) -> None:
    event = {"entity": "PROMPT_ALIAS", "action": "DELETED"}
    # MLflow accepts public addresses only. This one is public, and no server has it.
    url = "https://192.0.0.9/hook"
    made = api.post("2.0/mlflow/webhooks", name="hook", url=url, events=[event], secret="x")["webhook"]["webhook_id"]
    found = api.get("2.0/mlflow/webhooks")["webhooks"]
    assert [(one["webhook_id"], "secret" in one) for one in found] == [(made, False)]
    api.change("DELETE", f"2.0/mlflow/webhooks/{made}")


def datasets_of_runs(api: Api) -> None:
    runs_dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    api.post("2.0/mlflow/runs/log-inputs", run_id=api.run(), datasets=[{"dataset": runs_dataset}])
    body = {"experiment_ids": [api.experiment]}
    found = json.loads(api.ask("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets", body))
    assert [one["name"] for one in found["dataset_summaries"]] == ["d"]


def datasets(api: Api) -> None:
    path = "3.0/mlflow/datasets"
    made = api.post(f"{path}/create", name=f"d-{api.experiment}", experiment_ids=[api.experiment])
    number = made["dataset"]["dataset_id"]
    api.post(f"{path}/{number}/records", records=json.dumps([{"inputs": {"question": "why"}}]))
    assert api.get(f"{path}/{number}")["dataset"]["name"] == f"d-{api.experiment}"
    assert "why" in json.dumps(api.get(f"{path}/{number}/records"))


def gateway_settings(api: Api) -> None:
    path, name = "3.0/mlflow/gateway", f"key-{api.experiment}"
    value = {"api_key": "SECRET-of-the-provider"}
    made = api.post(f"{path}/secrets/create", secret_name=name, secret_value=value, provider="openai")["secret"]
    secret = json.dumps(api.get(f"{path}/secrets/get", secret_id=made["secret_id"]))
    assert name in secret
    assert "SECRET" not in secret
    model = {"name": "m", "secret_id": made["secret_id"], "provider": "openai", "model_name": "gpt-4o"}
    assert api.post(f"{path}/model-definitions/create", **model)["model_definition"]["model_name"] == "gpt-4o"


def gateway(api: Api) -> None:
    """The gateway answers a request for an endpoint that does not exist with an error."""
    body = {"model": "nobody", "messages": [{"role": "user", "content": "Is anybody there?"}]}
    assert "nobody" in api.ask("POST", "/gateway/mlflow/v1/chat/completions", body, status=404)
    assert "data" in json.loads(api.ask("GET", "/gateway/mlflow/v1/models"))


def issues(api: Api) -> None:
    path = "3.0/mlflow/issues"
    made = api.post(path, experiment_id=api.experiment, name="slow", description="It is slow.")["issue"]
    found = api.post(f"{path}/search", experiment_id=api.experiment)["issues"]
    assert [one["issue_id"] for one in found] == [made["issue_id"]]


def label_schemas(api: Api) -> None:
    path = "3.0/mlflow/label-schemas"
    given = {"experiment_id": api.experiment, "name": "right", "type": "FEEDBACK"}
    api.post(f"{path}/create", **given, input={"text": {}})
    assert "right" in [one["name"] for one in api.get(f"{path}/list", experiment_id=api.experiment)["label_schemas"]]


def review_queues(api: Api) -> None:
    path = "3.0/mlflow/review-queues"
    api.post(f"{path}/create", experiment_id=api.experiment, name="mine", queue_type="CUSTOM")
    found = api.get(f"{path}/get-by-name", experiment_id=api.experiment, name="mine")
    assert found["review_queue"]["name"] == "mine"


def scorers(api: Api) -> None:
    path = "3.0/mlflow/scorers"
    scorer = {"name": "right", "instructions_judge_pydantic_data": {"instructions": "x", "model": "openai:/m"}}
    api.post(f"{path}/register", experiment_id=api.experiment, name="right", serialized_scorer=json.dumps(scorer))
    found = api.get(f"{path}/list", experiment_id=api.experiment)["scorers"]
    assert [one["scorer_name"] for one in found] == ["right"]


def prompt_optimization(api: Api) -> None:
    assert api.post("3.0/mlflow/prompt-optimization/jobs/search", experiment_id=api.experiment).get("jobs", []) == []


def jobs(api: Api) -> None:
    """No job runs unless it is enabled."""
    assert json.loads(api.ask("POST", "/ajax-api/3.0/jobs/search", {})) == {"jobs": []}


def mcp_servers(api: Api) -> None:
    assert api.get("3.0/mlflow/mcp-servers") is not None


def server_info(api: Api) -> None:
    assert api.get("3.0/mlflow/server-info")["store_type"] == "SqlStore"


def workspaces(api: Api) -> None:
    """Workspaces are off by default, and the server returns an error."""
    assert "--enable-workspaces" in api.ask("GET", "/api/3.0/mlflow/workspaces", status=503)


def graphql(api: Api) -> None:
    run = api.run()
    query = 'query { mlflowGetRun(input: {runId: "%s"}) { run { info { runId } } } }' % run  # noqa: UP031
    found = json.loads(api.ask("POST", "/graphql", {"query": query}))
    assert found["data"]["mlflowGetRun"]["run"]["info"]["runId"] == run


def health(api: Api) -> None:
    assert api.ask("GET", "/health") == "OK"


def version(api: Api) -> None:
    assert api.ask("GET", "/version")[0].isdigit()


def prometheus(api: Api) -> None:
    assert "mlflow_http_request_total" in api.ask("GET", "/metrics")


def pages(api: Api) -> None:
    """The UI of MLflow, and the script of its page."""
    page = api.ask("GET", "/")
    script = page.partition('<script defer="defer" src="')[2].partition('"')[0]
    assert len(api.ask("GET", f"/{script}")) > 10_000


GROUPS: dict[str, Callable[[Api], None]] = {
    "2.0/mlflow/experiments": experiments,
    "2.0/mlflow/runs": runs,
    "2.0/mlflow/metrics": metrics,
    "2.0/mlflow/artifacts": artifacts_of_a_run,
    "2.0/mlflow-artifacts/artifacts": artifacts,
    "2.0/mlflow-artifacts/mpu": artifacts_in_parts,
    "2.0/mlflow-artifacts/presigned": artifacts_past_the_server,
    "2.0/mlflow/traces": traces_of_old_clients,
    "3.0/mlflow/traces": traces,
    "v1/traces": spans,
    "2.0/mlflow/logged-models": logged_models,
    "2.0/mlflow/registered-models": registered_models,
    "2.0/mlflow/model-versions": model_versions,
    "2.0/mlflow/webhooks": webhooks,
    "2.0mlflow/experiments/search-datasets": datasets_of_runs,
    "3.0/mlflow/datasets": datasets,
    "3.0/mlflow/gateway": gateway_settings,
    "gateway": gateway,
    "3.0/mlflow/issues": issues,
    "3.0/mlflow/label-schemas": label_schemas,
    "3.0/mlflow/review-queues": review_queues,
    "3.0/mlflow/scorers": scorers,
    "3.0/mlflow/prompt-optimization": prompt_optimization,
    "3.0/jobs": jobs,
    "3.0/mlflow/mcp-servers": mcp_servers,
    "3.0/mlflow/server-info": server_info,
    "3.0/mlflow/workspaces": workspaces,
    "graphql": graphql,
    "health": health,
    "version": version,
    "metrics": prometheus,
    "pages": pages,
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_of_endpoints_works(api: Api, group: str) -> None:
    GROUPS[group](api)


def test_every_endpoint_belongs_to_a_group(server_bin: Path) -> None:
    listed = subprocess.run(
        [str(server_bin / "python"), "-W", "ignore", "-c", LIST],
        env=bare(),
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    paths = [path.removeprefix("/api").strip("/").split("/") for path in json.loads(listed.stdout.splitlines()[-1])]
    assert {"/".join(path[:3]) for path in paths} - OF_DATABRICKS == set(GROUPS) - MORE_GROUPS
