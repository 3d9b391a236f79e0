# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running jobs: manual and scheduled executions, retries, timeouts, stop and history."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from sandbox.host.home import locate
from tests.support.sandbox_client import PROJECT, Client, Platform, run_cli


def job_body(platform: Platform, program: str, **changes: Any) -> dict[str, Any]:
    """Return a job that runs a Python program. `changes`: configuration, env, secrets, init (a program), parallelism, completions."""
    identity = platform.identity["id"]
    image = f"{platform.server}/probe:1"
    trigger = {
        "parallelism": changes.get("parallelism", 1),
        "replicaCompletionCount": changes.get("completions", 1),
    }
    template: dict[str, Any] = {"containers": [container(image, program, changes.get("env"))]}
    if "init" in changes:
        template["initContainers"] = [{**container(image, changes["init"]), "name": "before"}]
    return {
        "location": "westeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "environmentId": platform.environment,
            "configuration": {
                "triggerType": "Manual",
                "replicaTimeout": 60,
                "manualTriggerConfig": trigger,
                "secrets": changes.get("secrets"),
                "registries": [{"server": platform.server, "identity": identity}],
                **changes.get("configuration", {}),
            },
            "template": template,
        },
    }


def container(image: str, program: str, env: Any = None) -> dict[str, Any]:
    return {"name": "main", "image": image, "command": ["python", "-c", program], "env": env or []}


def job_path(platform: Platform) -> str:
    return f"{platform.group}/providers/Microsoft.App/jobs/job-{uuid.uuid4().hex[:8]}"


def make(sandbox: Client, platform: Platform, program: str, **changes: Any) -> dict[str, Any]:
    return sandbox.put(job_path(platform), job_body(platform, program, **changes))


def start(sandbox: Client, job: dict[str, Any], body: Any = None) -> str:
    answer = sandbox.arm("POST", f"{job['id']}/start", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == f"{job['id']}/executions/{answer.json()['name']}"
    return str(answer.json()["id"])


def ended(sandbox: Client, execution: str) -> dict[str, Any]:
    def result() -> dict[str, Any] | None:
        properties: dict[str, Any] = sandbox.arm("GET", execution).json()["properties"]
        return properties if properties["status"] != "Running" else None

    properties: dict[str, Any] = sandbox.until(result, f"the end of {execution}")
    return properties


def console(sandbox: Client, job: dict[str, Any]) -> str:
    return run_cli(sandbox.home, "logs", job["name"]).stdout


def waiting_for(file: Path) -> str:
    """Return a program that runs until a file exists."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(file)!r}).exists(): time.sleep(.02)"


def test_a_job_runs_only_when_it_is_started(sandbox: Client, platform: Platform) -> None:
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    env = [{"name": "PLAIN", "value": "one"}, {"name": "PASS", "secretRef": "pass"}]
    job = make(sandbox, platform, program, env=env, secrets=[{"name": "pass", "value": "s3cr3t"}])
    assert sandbox.arm("GET", f"{job['id']}/executions").json() == {"value": []}
    execution = start(sandbox, job)
    properties = ended(sandbox, execution)
    assert properties["status"] == "Succeeded"
    assert properties["startTime"] <= properties["endTime"]
    assert [entry["id"] for entry in sandbox.arm("GET", f"{job['id']}/executions").json()["value"]] == [execution]
    (line,) = [line for line in console(sandbox, job).splitlines() if line.startswith("{")]
    seen = json.loads(line)
    name = execution.rpartition("/")[2]
    assert (seen["PLAIN"], seen["PASS"]) == ("one", "s3cr3t")
    assert (seen["CONTAINER_APP_JOB_NAME"], seen["CONTAINER_APP_JOB_EXECUTION_NAME"]) == (job["name"], name)
    assert seen["CONTAINER_APP_REPLICA_NAME"].startswith(name)
    assert seen["IDENTITY_ENDPOINT"].startswith("http://127.0.0.1:")
    assert "s3cr3t" not in json.dumps(sandbox.arm("GET", execution).json())


def test_an_execution_with_its_own_template(sandbox: Client, platform: Platform) -> None:
    job = make(sandbox, platform, "print('the job')")
    image = job["properties"]["template"]["containers"][0]["image"]
    other = container(image, "import os; print('another,', os.environ['A'])", [{"name": "A", "value": "changed"}])
    execution = start(sandbox, job, {"containers": [other]})
    assert ended(sandbox, execution)["status"] == "Succeeded"
    assert "another, changed" in console(sandbox, job)
    assert "the job" not in console(sandbox, job)
    assert sandbox.arm("GET", job["id"]).json()["properties"]["template"] == job["properties"]["template"]


def test_init_containers_run_first(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    made = tmp_path / "made"
    init = f"import pathlib; pathlib.Path({str(made)!r}).touch()"
    program = f"import pathlib; assert pathlib.Path({str(made)!r}).exists()"
    assert ended(sandbox, start(sandbox, make(sandbox, platform, program, init=init)))["status"] == "Succeeded"
    failing = make(sandbox, platform, "print('reached')", init="raise SystemExit(4)")
    assert ended(sandbox, start(sandbox, failing))["status"] == "Failed"
    assert "exit code 4" in console(sandbox, failing)
    assert "reached" not in console(sandbox, failing)


@pytest.mark.parametrize(("limit", "status", "attempts"), [(0, "Failed", 1), (1, "Failed", 2), (2, "Succeeded", 3)])
def test_retries(sandbox: Client, platform: Platform, tmp_path: Path, limit: int, status: str, attempts: int) -> None:
    """The job succeeds at its third attempt."""
    counted = tmp_path / "counted"
    program = (
        f"import pathlib; at = pathlib.Path({str(counted)!r}); at.open('a').write('x'); "
        "raise SystemExit(0 if len(at.read_text()) == 3 else 7)"
    )
    job = make(sandbox, platform, program, configuration={"replicaRetryLimit": limit})
    assert ended(sandbox, start(sandbox, job))["status"] == status
    assert len(counted.read_text()) == attempts
    assert "exit code 7" in console(sandbox, job)


def test_replicas_run_concurrently_until_enough_have_succeeded(
    sandbox: Client, platform: Platform, tmp_path: Path
) -> None:
    """Each of the three replicas waits for the other two."""
    program = (
        f"import pathlib, time, os; at = pathlib.Path({str(tmp_path)!r}); (at / os.environ['CONTAINER_APP_REPLICA_NAME']).touch()\n"
        "while len(list(at.iterdir())) < 3: time.sleep(.02)"
    )
    job = make(sandbox, platform, program, parallelism=3, completions=3)
    assert ended(sandbox, start(sandbox, job))["status"] == "Succeeded"
    assert len(list(tmp_path.iterdir())) == 3


def test_an_execution_fails_at_its_timeout(sandbox: Client, platform: Platform) -> None:
    configuration = {"replicaTimeout": 5, "replicaRetryLimit": 5}
    job = make(
        sandbox, platform, "import time; print('begun', flush=True); time.sleep(600)", configuration=configuration
    )
    assert ended(sandbox, start(sandbox, job))["status"] == "Failed"
    assert console(sandbox, job).count("begun") == 1


def test_stop_ends_the_processes_of_an_execution(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    program = (
        "import os, pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"at = pathlib.Path({str(written)!r}); at.with_suffix('.new').write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        "at.with_suffix('.new').rename(at); time.sleep(600)"
    )
    job = make(sandbox, platform, program)
    first, second = start(sandbox, job), start(sandbox, job)
    sandbox.until(written.exists, "the program runs")
    pids = [int(word) for word in written.read_text().split()]
    answer = sandbox.arm("POST", f"{job['id']}/stop/{first.rpartition('/')[2]}")
    assert answer.status_code == 200
    assert ended(sandbox, first)["status"] == "Stopped"
    assert sandbox.arm("GET", second).json()["properties"]["status"] == "Running"
    assert sandbox.arm("POST", f"{job['id']}/stop").status_code == 200
    assert ended(sandbox, second)["status"] == "Stopped"
    sandbox.until(lambda: not any(alive(pid) for pid in pids), "the end of its processes")
    sandbox.arm("POST", f"{job['id']}/stop/{first.rpartition('/')[2]}")
    assert ended(sandbox, first)["status"] == "Stopped"


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_deleted_job_ends_its_execution(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    program = f"import os, pathlib, time; pathlib.Path({str(written)!r}).write_text(str(os.getpid())); time.sleep(600)"
    job = make(sandbox, platform, program)
    execution = start(sandbox, job)
    pid = int(sandbox.until(lambda: written.exists() and written.read_text(), "the program runs"))
    sandbox.wait(sandbox.arm("DELETE", job["id"]))
    sandbox.until(lambda: not alive(pid), "the end of its process")
    assert sandbox.arm("GET", execution).status_code == 404


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"command": ["no-such-program"]}, "no-such-program"),
        ({"image": "{server}/probe:none"}, "MANIFEST_UNKNOWN"),
        ({"command": ["python", "-c", "raise SystemExit(9)"]}, "exit code 9"),
        ({"command": ["python", "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]}, "exit code 137"),
    ],
)
def test_an_execution_that_cannot_run_fails_with_the_reason_in_its_log(
    sandbox: Client, platform: Platform, changes: dict[str, Any], message: str
) -> None:
    body = job_body(platform, "")
    if "image" in changes:
        changes = {"image": changes["image"].format(server=platform.server)}
    body["properties"]["template"]["containers"][0].update(changes)
    job = sandbox.put(job_path(platform), body)
    assert ended(sandbox, start(sandbox, job))["status"] == "Failed"
    assert message in console(sandbox, job)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"triggerType": "Sometimes"}, "TriggerType"),
        ({"replicaTimeout": None}, "ReplicaTimeout"),
        ({"replicaTimeout": 0}, "ReplicaTimeout"),
        ({"replicaRetryLimit": -1}, "ReplicaRetryLimit"),
        ({"manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 2}}, "ReplicaCompletionCount"),
        ({"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "* * * *"}}, "five fields"),
        ({"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "0 * * * * *"}}, "five fields"),
        ({"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "61 * * * *"}}, "61 * * * *"),
        ({"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "never at all ok ?"}}, "never"),
        ({"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "0 0 31 2 *"}}, "0 0 31 2"),
        ({"triggerType": "Schedule"}, "CronExpression"),
    ],
)
def test_invalid_jobs_are_rejected(
    sandbox: Client, platform: Platform, configuration: dict[str, Any], message: str
) -> None:
    path = job_path(platform)
    answer = sandbox.arm("PUT", path, job_body(platform, "", configuration=configuration))
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert sandbox.arm("GET", path).status_code == 404


def test_missing_executions(sandbox: Client, platform: Platform) -> None:
    job = make(sandbox, platform, "")
    assert sandbox.arm("GET", f"{job['id']}/executions/none").status_code == 404
    assert sandbox.arm("POST", f"{job['id']}/stop/none").status_code == 404
    assert sandbox.arm("PUT", f"{job['id']}/executions/mine", {}).status_code == 405
    assert sandbox.arm("POST", f"{job['id']}-none/start").status_code == 404
    assert sandbox.arm("POST", f"{job['id']}/start", {"containers": []}).status_code in (200, 400)


def test_a_kill_of_the_sandbox_loses_no_execution(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    """A running execution ends with the sandbox, and restarts with it."""
    written, go = tmp_path / "pids", tmp_path / "go"
    program = f"import os\nopen({str(written)!r}, 'a').write(f'{{os.getpid()}}\\n')\n{waiting_for(go)}"
    job = make(sandbox, platform, program)
    execution = start(sandbox, job)
    (first,) = sandbox.until(lambda: written.exists() and written.read_text().split(), "it runs")
    status = json.loads(run_cli(sandbox.home, "status", "--json").stdout)
    os.kill(status["pid"], signal.SIGKILL)
    sandbox.until(lambda: not alive(status["pid"]), "the end of the sandbox")
    up = run_cli(sandbox.home, "up")
    assert up.returncode == 0, up.stderr
    assert not alive(int(first))
    sandbox.until(lambda: len(written.read_text().split()) == 2, "it runs again")
    assert sandbox.arm("GET", execution).json()["properties"]["status"] == "Running"
    go.touch()
    assert ended(sandbox, execution)["status"] == "Succeeded"


@pytest.mark.slow
def test_a_schedule_starts_executions(sandbox: Client, platform: Platform) -> None:
    """The schedule is every minute, so this takes up to one minute."""
    schedule = {"triggerType": "Schedule", "scheduleTriggerConfig": {"cronExpression": "* * * * *"}}
    job = make(sandbox, platform, "print('on time')", configuration={**schedule, "manualTriggerConfig": None})
    made = datetime.datetime.now(datetime.UTC)
    (execution,) = sandbox.until(lambda: sandbox.arm("GET", f"{job['id']}/executions").json()["value"], "it is due")
    assert ended(sandbox, execution["id"])["status"] == "Succeeded"
    assert "on time" in console(sandbox, job)
    began = datetime.datetime.fromisoformat(execution["properties"]["startTime"])
    assert began.minute != made.minute or (began - made).total_seconds() > 3000
    assert began.second <= 5


def test_the_next_run_of_a_schedule(sandbox: Client) -> None:
    """The test runs in the Python environment of the server, which has the library."""
    program = """
from sandbox.runners.jobs import next_run
for expression in ("0 0 * * *", "*/15 * * * *", "30 2 * * 1", "0 0 1 1 *"):
    print(next_run(expression, 1767225600.0 + 60))
"""
    python = locate(str(sandbox.home)).tools / "python" / "bin" / "python"
    result = subprocess.run(
        [str(python), "-c", program], capture_output=True, text=True, check=False, timeout=60, cwd=PROJECT
    )
    assert result.returncode == 0, result.stderr
    moments = [float(line) for line in result.stdout.split()]
    assert moments[0] == 1767225600 + 86400
    assert moments[1] == 1767225600 + 900
    assert time.gmtime(moments[2])[:5] == (2026, 1, 5, 2, 30)
    assert time.gmtime(moments[3])[:5] == (2027, 1, 1, 0, 0)
