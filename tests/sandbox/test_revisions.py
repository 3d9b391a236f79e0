# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions, traffic and replicas: multiple mode, scaling, probes, stop and start, and a kill of the sandbox."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client, Platform, app_body, app_path, run_cli

pytestmark = pytest.mark.usefixtures("own_apps")
MULTIPLE = {"activeRevisionsMode": "Multiple"}


def get(sandbox: Client, host: str, path: str = "/") -> requests.Response:
    return sandbox.session.get(f"https://{host}{path}", timeout=90)


def host_of(app: dict[str, Any]) -> str:
    return str(app["properties"]["configuration"]["ingress"]["fqdn"])


def revisions(sandbox: Client, app: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of the revisions of an app, by suffix."""
    listed = sandbox.arm("GET", f"{app['id']}/revisions").json()["value"]
    return {entry["name"].partition("--")[2]: entry["properties"] for entry in listed}


def replicas(sandbox: Client, app: dict[str, Any], suffix: str = "") -> list[dict[str, Any]]:
    name = f"{app['name']}--{suffix}" if suffix else app["properties"]["latestRevisionName"]
    entries: list[dict[str, Any]] = sandbox.arm("GET", f"{app['id']}/revisions/{name}/replicas").json()["value"]
    return entries


def scaled(**scale: Any) -> dict[str, Any]:
    """Return a scale of one concurrent request per replica."""
    rule = {"name": "http", "http": {"metadata": {"concurrentRequests": "1"}}}
    return {"scale": {"cooldownPeriod": 1, "rules": [rule], **scale}}


def revision_of(sandbox: Client, host: str) -> str:
    answer = get(sandbox, host)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["environment"]["CONTAINER_APP_REVISION"].partition("--")[2])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# revisions and traffic


def test_multiple_active_revisions(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)

    def put(suffix: str, traffic: Any) -> dict[str, Any]:
        return sandbox.put(
            path,
            app_body(
                platform, configuration=MULTIPLE, ingress={"traffic": traffic}, template={"revisionSuffix": suffix}
            ),
        )

    put("one", None)
    name = path.rpartition("/")[2]
    app = put(
        "two", [{"revisionName": f"{name}--one", "weight": 100}, {"latestRevision": True, "weight": 0, "label": "next"}]
    )
    domain, current = platform.domain, revisions(sandbox, app)
    assert {suffix: (each["active"], each["trafficWeight"]) for suffix, each in current.items()} == {
        "one": (True, 100),
        "two": (True, 0),
    }
    assert current["one"]["fqdn"] == f"{name}--one.{domain}"
    assert {revision_of(sandbox, host_of(app)) for _time in range(8)} == {"one"}
    assert revision_of(sandbox, f"{name}---next.{domain}") == "two"
    assert revision_of(sandbox, f"{name}--one.{domain}") == "one"
    assert revision_of(sandbox, f"{name}--two.{domain}") == "two"
    for unknown in (f"{name}---none.{domain}", f"{name}--three.{domain}", f"none.{domain}"):
        assert get(sandbox, unknown).status_code == 404

    app = put("two", [{"revisionName": f"{name}--one", "weight": 50}, {"revisionName": f"{name}--two", "weight": 50}])
    assert [each["trafficWeight"] for each in revisions(sandbox, app).values()] == [50, 50]
    seen = Counter(revision_of(sandbox, host_of(app)) for _time in range(60))
    assert set(seen) == {"one", "two"}
    assert min(seen.values()) >= 10  # 60 coin flips: fewer than 10 once in ten million

    # a deactivated revision gets no traffic and has no replicas
    one = f"{path}/revisions/{name}--one"
    assert sandbox.arm("POST", f"{one}/deactivate").status_code == 200
    assert {revision_of(sandbox, host_of(app)) for _time in range(8)} == {"two"}
    sandbox.until(lambda: not replicas(sandbox, app, "one"), "the end of its replicas")
    assert (revisions(sandbox, app)["one"]["active"], revisions(sandbox, app)["one"]["runningState"]) == (
        False,
        "Stopped",
    )
    assert get(sandbox, f"{name}--one.{domain}").status_code == 404
    sandbox.arm("POST", f"{one}/activate")
    sandbox.until(lambda: revisions(sandbox, app)["one"]["runningState"] == "Running", "it runs again")
    assert revision_of(sandbox, f"{name}--one.{domain}") == "one"

    # back to single mode: the latest revision stays active
    app = sandbox.put(path, app_body(platform, template={"revisionSuffix": "two"}))
    assert {suffix: each["active"] for suffix, each in revisions(sandbox, app).items()} == {"one": False, "two": True}


@pytest.mark.parametrize("mode", ["Single", "Multiple"])
def test_a_failed_revision_gets_no_traffic(sandbox: Client, platform: Platform, mode: str) -> None:
    path = app_path(platform)
    configuration = {"activeRevisionsMode": mode}
    app = sandbox.put(path, app_body(platform, configuration=configuration, template={"revisionSuffix": "good"}))
    bad = app_body(
        platform, configuration=configuration, template={"revisionSuffix": "bad"}, args=["0.0.0.0", "--fail"]
    )
    assert sandbox.wait(sandbox.arm("PUT", path, bad))["status"] == "Failed"
    properties = sandbox.arm("GET", path).json()["properties"]
    assert (properties["latestRevisionName"], properties["latestReadyRevisionName"]) == (
        f"{app['name']}--bad",
        f"{app['name']}--good",
    )
    current = revisions(sandbox, app)
    assert (current["bad"]["provisioningState"], current["bad"]["healthState"]) == ("Failed", "Unhealthy")
    assert "the settings are wrong" in current["bad"]["provisioningError"]
    assert (current["good"]["active"], current["good"]["trafficWeight"]) == (True, 100)
    assert {revision_of(sandbox, host_of(app)) for _time in range(8)} == {"good"}
    mended = sandbox.put(path, app_body(platform, configuration=configuration, template={"revisionSuffix": "mended"}))
    assert revision_of(sandbox, host_of(mended)) == "mended"


def test_old_inactive_revisions_are_deleted(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)
    for suffix in ("a", "b", "c", "d"):
        body = app_body(platform, configuration={"maxInactiveRevisions": 2}, template={"revisionSuffix": suffix})
        app = sandbox.put(path, body)
    assert list(revisions(sandbox, app)) == ["b", "c", "d"]


# scale


def test_replicas_scale_with_the_requests(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    app = sandbox.put(app_path(platform), app_body(platform, template=scaled(minReplicas=0, maxReplicas=3)))
    go = tmp_path / "go"
    with ThreadPoolExecutor(6) as several:
        held = [several.submit(get, sandbox, host_of(app), f"/hold{go}") for _time in range(6)]
        sandbox.until(
            lambda: len([r for r in replicas(sandbox, app) if r["properties"]["runningState"] == "Running"]) == 3,
            "three run",
        )
        state = sandbox.arm("GET", f"{app['id']}/revisions/{app['properties']['latestRevisionName']}").json()[
            "properties"
        ]
        assert (state["runningState"], state["replicas"], state["healthState"]) == ("RunningAtMaxScale", 3, "Healthy")
        assert len({get(sandbox, host_of(app)).json()["pid"] for _time in range(40)}) == 3
        go.touch()
        assert {each.result().status_code for each in held} == {200}
    sandbox.until(lambda: not replicas(sandbox, app), "the end of all replicas")
    (state,) = revisions(sandbox, app).values()
    assert (state["runningState"], state["replicas"], state["active"]) == ("ScaledToZero", 0, True)
    # the next request wakes it, and so do several concurrent ones
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(lambda _time: get(sandbox, host_of(app)), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert get(sandbox, host_of(app)).json()["arguments"][0].startswith("127.")


def test_a_change_of_settings_keeps_the_replicas(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    path, template, go = app_path(platform), scaled(minReplicas=1, maxReplicas=2), tmp_path / "go"
    app = sandbox.put(path, app_body(platform, template=template))
    with ThreadPoolExecutor(2) as several:
        held = [several.submit(get, sandbox, host_of(app), f"/hold{go}") for _time in range(2)]
        before = sandbox.until(lambda: len(current := replicas(sandbox, app)) == 2 and current, "two run")
        sandbox.put(path, app_body(platform, template=template, ingress={"allowInsecure": True}))
        assert [each["name"] for each in replicas(sandbox, app)] == [each["name"] for each in before]
        go.touch()
        assert {each.result().status_code for each in held} == {200}


def test_a_minimum_of_replicas(sandbox: Client, platform: Platform) -> None:
    app = sandbox.put(app_path(platform), app_body(platform, template=scaled(minReplicas=2, maxReplicas=2)))
    sandbox.until(lambda: all(r["properties"]["runningState"] == "Running" for r in replicas(sandbox, app)), "both run")
    current = replicas(sandbox, app)
    assert len(current) == 2
    for replica in current:
        (container,) = replica["properties"]["containers"]
        assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
        assert (container["name"], container["runningState"]) == ("main", "Running")
        assert container["runningStateDetails"].startswith("Container started at: ")
        stream = replica["id"].replace("/providers/Microsoft.App", "") + "/containers/main/logstream"
        assert container["logStreamEndpoint"] == f"https://westeurope.azurecontainerapps.dev{stream}"
        one = sandbox.arm("GET", replica["id"])
        assert one.json()["name"] == replica["name"]
    assert len({get(sandbox, host_of(app)).json()["pid"] for _time in range(40)}) == 2
    # one of them is killed; the other runs on
    pids = {int(replica["properties"]["containers"][0]["containerId"].rpartition("/")[2]) for replica in current}
    os.kill(pids.pop(), signal.SIGKILL)
    sandbox.until(
        lambda: sorted(r["properties"]["containers"][0]["restartCount"] for r in replicas(sandbox, app)) == [0, 1],
        "it is counted",
    )
    sandbox.until(lambda: all(r["properties"]["runningState"] == "Running" for r in replicas(sandbox, app)), "both run")
    assert "exit code 137" in run_cli(sandbox.home, "logs", app["name"]).stdout


def test_a_missing_replica(sandbox: Client, platform: Platform) -> None:
    app = sandbox.put(app_path(platform), app_body(platform))
    name = app["properties"]["latestRevisionName"]
    assert sandbox.arm("GET", f"{app['id']}/revisions/{name}/replicas/none").status_code == 404
    assert sandbox.arm("GET", f"{app['id']}/revisions/none/replicas").status_code == 404


# start and stop


def test_stop_and_start(sandbox: Client, platform: Platform) -> None:
    path = app_path(platform)
    app = sandbox.put(path, app_body(platform))
    pid = get(sandbox, host_of(app)).json()["pid"]
    stopped = sandbox.arm("POST", f"{path}/stop")
    assert stopped.status_code == 202
    sandbox.wait(stopped)
    assert sandbox.arm("GET", path).json()["properties"]["runningStatus"] == "Stopped"
    assert not alive(pid)
    answer = get(sandbox, host_of(app))
    assert (answer.status_code, "stopped or does not exist" in answer.text) == (404, True)
    # an update does not start it
    changed = sandbox.put(path, app_body(platform, env=[{"name": "NEW", "value": "1"}]))
    assert changed["properties"]["runningStatus"] == "Stopped"
    assert get(sandbox, host_of(app)).status_code == 404
    # nor does a restart of its revision
    name = changed["properties"]["latestRevisionName"]
    sandbox.arm("POST", f"{path}/revisions/{name}/restart")
    sandbox.until(
        lambda: revisions(sandbox, app)[name.partition("--")[2]]["runningState"] == "Stopped", "it stays stopped"
    )
    assert replicas(sandbox, changed) == []
    sandbox.wait(sandbox.arm("POST", f"{path}/start"))
    assert sandbox.arm("GET", path).json()["properties"]["runningStatus"] == "Running"
    assert get(sandbox, host_of(app)).json()["environment"]["NEW"] == "1"


def test_a_stop_ends_a_starting_replica(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    """A request that waits for a replica gets 404, and the replica that it has woken stops."""
    ill = tmp_path / "ill"
    body = app_body(platform, container={"probes": [probe("Readiness", ill)]}, template=scaled(minReplicas=0))
    app = sandbox.put(app_path(platform), body)
    sandbox.until(lambda: not replicas(sandbox, app), "it sleeps")
    ill.touch()
    with ThreadPoolExecutor(1) as aside:
        waits = aside.submit(get, sandbox, host_of(app))
        sandbox.until(lambda: replicas(sandbox, app), "one is woken")
        sandbox.wait(sandbox.arm("POST", f"{app['id']}/stop"))
        assert (waits.result().status_code, "stopped or does not exist" in waits.result().text) == (404, True)
    assert replicas(sandbox, app) == []
    assert get(sandbox, host_of(app)).status_code == 404
    assert replicas(sandbox, app) == []
    (state,) = revisions(sandbox, app).values()
    assert state["runningState"] == "Stopped"


def test_a_stop_is_not_undone_by_the_minimum_of_replicas(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    deaf = "import runpy, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); runpy.run_path('server.py', run_name='__main__')"
    template = {"terminationGracePeriodSeconds": 3, **scaled(minReplicas=1, maxReplicas=2)}
    body = app_body(platform, container={"command": ["python", "-c", deaf, "0.0.0.0"]}, template=template)
    app, go = sandbox.put(app_path(platform), body), tmp_path / "go"
    with ThreadPoolExecutor(2) as several:
        # a load that requires another replica, while the first one stops slowly
        held = [several.submit(get, sandbox, host_of(app), f"/hold{go}") for _time in range(2)]
        sandbox.until(lambda: len(replicas(sandbox, app)) == 2, "the second comes")
        pids = {int(r["properties"]["containers"][0]["containerId"].rpartition("/")[2]) for r in replicas(sandbox, app)}
        sandbox.wait(sandbox.arm("POST", f"{app['id']}/stop"))
        assert replicas(sandbox, app) == []
        assert not any(alive(pid) for pid in pids)
        go.touch()
        assert {answer.result().status_code for answer in held} <= {404, 502, 503}
    assert get(sandbox, host_of(app)).status_code == 404
    assert replicas(sandbox, app) == []


# probes and containers


def probe(kind: str, file: Path, **more: Any) -> dict[str, Any]:
    """Return a probe that succeeds as long as a file does not exist."""
    return {
        "type": kind,
        "httpGet": {"path": f"/health{file}", "port": 8080},
        "periodSeconds": 1,
        "failureThreshold": 1,
        **more,
    }


def test_a_replica_that_is_not_ready_gets_no_request(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    ill = tmp_path / "ill"
    app = sandbox.put(app_path(platform), app_body(platform, container={"probes": [probe("Readiness", ill)]}))
    pid = get(sandbox, host_of(app)).json()["pid"]
    ill.touch()
    sandbox.until(lambda: get(sandbox, host_of(app)).status_code == 503, "it takes none")
    (state,) = revisions(sandbox, app).values()
    assert (state["runningState"], state["healthState"]) == ("Degraded", "Unhealthy")
    ill.unlink()
    sandbox.until(lambda: get(sandbox, host_of(app)).status_code == 200, "it takes them again")
    assert get(sandbox, host_of(app)).json()["pid"] == pid
    (state,) = revisions(sandbox, app).values()
    assert (state["runningState"], state["healthState"]) == ("Running", "Healthy")


def test_a_container_with_a_failed_liveness_probe_is_restarted(
    sandbox: Client, platform: Platform, tmp_path: Path
) -> None:
    ill = tmp_path / "ill"
    app = sandbox.put(app_path(platform), app_body(platform, container={"probes": [probe("Liveness", ill)]}))
    pid = get(sandbox, host_of(app)).json()["pid"]
    ill.touch()
    sandbox.until(lambda: not alive(pid), "it is ended")
    ill.unlink()

    def replaced() -> bool:
        answer = get(sandbox, host_of(app))
        return answer.status_code == 200 and answer.json()["pid"] != pid

    sandbox.until(replaced, "a new process")
    assert "its liveness probe failed" in run_cli(sandbox.home, "logs", app["name"]).stdout


def test_a_container_that_ignores_sigterm_is_killed(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    ill = tmp_path / "ill"
    deaf = "import runpy, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); runpy.run_path('server.py', run_name='__main__')"
    container = {"probes": [probe("Liveness", ill)], "command": ["python", "-c", deaf, "0.0.0.0"]}
    template = {"terminationGracePeriodSeconds": 1}
    app = sandbox.put(app_path(platform), app_body(platform, container=container, template=template))
    pid = get(sandbox, host_of(app)).json()["pid"]
    ill.touch()
    sandbox.until(lambda: not alive(pid), "it is ended")
    ill.unlink()
    sandbox.until(lambda: "exit code 137" in run_cli(sandbox.home, "logs", app["name"]).stdout, "it was killed")
    sandbox.wait(sandbox.arm("DELETE", app["id"]))


def test_a_failed_startup_probe_fails_the_revision(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    ill = tmp_path / "ill"
    ill.touch()
    path = app_path(platform)
    body = app_body(platform, container={"probes": [probe("Startup", ill)]})
    ended = sandbox.wait(sandbox.arm("PUT", path, body))
    assert ended["status"] == "Failed"
    assert "its startup probe failed" in run_cli(sandbox.home, "logs", path.rpartition("/")[2]).stdout


def test_only_one_operation_at_a_time(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    ill = tmp_path / "ill"
    ill.touch()
    path = app_path(platform)
    slow = probe("Startup", ill, failureThreshold=10)
    answer = sandbox.arm("PUT", path, app_body(platform, container={"probes": [slow]}))
    for action in ("start", "stop"):
        busy = sandbox.arm("POST", f"{path}/{action}")
        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "ContainerAppOperationInProgress")
    ill.unlink()
    assert sandbox.wait(answer)["status"] == "Succeeded"


def test_init_containers_and_sidecars(sandbox: Client, platform: Platform, tmp_path: Path) -> None:
    made, image = tmp_path / "made", f"{platform.server}/probe:1"
    init = f"import os, pathlib; pathlib.Path({str(made)!r}).write_text(os.environ['CONTAINER_APP_NAME'])"
    side = "import time; print('beside', flush=True); time.sleep(600)"
    container = {"name": "main", "image": image}
    body = app_body(
        platform,
        template={
            "initContainers": [{"name": "before", "image": image, "command": ["python", "-c", init]}],
            "containers": [container, {"name": "side", "image": image, "command": ["python", "-c", side]}],
        },
    )
    app = sandbox.put(app_path(platform), body)
    assert made.read_text() == app["name"]
    (replica,) = replicas(sandbox, app)
    assert [each["name"] for each in replica["properties"]["containers"]] == ["main", "side"]
    (before,) = replica["properties"]["initContainers"]
    assert (before["runningState"], before["runningStateDetails"]) == ("Terminated", "Completed")
    sandbox.until(lambda: "beside" in run_cli(sandbox.home, "logs", app["name"]).stdout, "the sidecar speaks")


def test_an_init_container_that_fails(sandbox: Client, platform: Platform) -> None:
    image = f"{platform.server}/probe:1"
    init = {"name": "before", "image": image, "command": ["python", "-c", "raise SystemExit('not today')"]}
    ended = sandbox.wait(
        sandbox.arm("PUT", app_path(platform), app_body(platform, template={"initContainers": [init]}))
    )
    assert ended["status"] == "Failed"
    assert "'before'" in ended["error"]["message"]
    assert "not today" in ended["error"]["message"]


TCP = {"type": "Liveness", "tcpSocket": {"port": 8080}}


@pytest.mark.parametrize(
    ("probes", "message"),
    [
        ([{**TCP, "type": "Sometimes"}], "probes.type"),
        ([TCP, TCP], "probes.type"),
        ([{"type": "Startup"}], "either httpGet or tcpSocket"),
        ([{**TCP, "httpGet": {"port": 1}}], "either httpGet or tcpSocket"),
        ([{"type": "Startup", "tcpSocket": {}}], "probes.port"),
        ([{"type": "Startup", "tcpSocket": {"port": 65536}}], "1 to 65535"),
        ([{"type": "Startup", "tcpSocket": {"port": "http"}}], "1 to 65535"),
        ([{**TCP, "periodSeconds": 0}], "probes.periodSeconds"),
        ([{**TCP, "periodSeconds": "often"}], "probes.periodSeconds"),
        ([{**TCP, "timeoutSeconds": 241}], "1 to 240"),
        ([{**TCP, "initialDelaySeconds": 61}], "0 to 60"),
        ([{**TCP, "successThreshold": -1}], "1 to 10"),
        ([{**TCP, "failureThreshold": 31}], "1 to 30"),
        ([{**TCP, "failureThreshold": 0}, {**TCP, "type": "Startup", "periodSeconds": 999}], "probes.failureThreshold"),
    ],
)
def test_invalid_probes_are_rejected(sandbox: Client, platform: Platform, probes: list[Any], message: str) -> None:
    answer = sandbox.arm("PUT", app_path(platform), app_body(platform, container={"probes": probes}))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "InvalidParameterValueInContainerTemplate")
    assert message in error["message"]


@pytest.mark.parametrize("requests_at_a_time", ["0", "many", "-1", "1.5", ""])
def test_invalid_scale_rules_are_rejected(sandbox: Client, platform: Platform, requests_at_a_time: str) -> None:
    template = scaled()
    template["scale"]["rules"][0]["http"]["metadata"]["concurrentRequests"] = requests_at_a_time
    answer = sandbox.arm("PUT", app_path(platform), app_body(platform, template=template))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameterValueInContainerTemplate")


# a kill


def test_apps_recover_from_a_kill_of_the_sandbox(sandbox: Client, platform: Platform) -> None:
    """The kills come while a revision provisions and while it runs: no process remains, and all apps restart."""
    path = app_path(platform)
    app = sandbox.put(path, app_body(platform, configuration=MULTIPLE, template={"revisionSuffix": "one"}))
    pid = get(sandbox, host_of(app)).json()["pid"]
    answer = sandbox.arm("PUT", path, app_body(platform, configuration=MULTIPLE, template={"revisionSuffix": "two"}))
    server = json.loads(run_cli(sandbox.home, "status", "--json").stdout)["pid"]
    os.kill(server, signal.SIGKILL)
    sandbox.until(lambda: not alive(server), "the end of the sandbox")
    up = run_cli(sandbox.home, "up")
    assert up.returncode == 0, up.stderr
    assert not alive(pid)
    assert sandbox.wait(answer)["status"] == "Succeeded"
    assert revision_of(sandbox, host_of(app)) == "two"
    sandbox.until(lambda: revisions(sandbox, app)["one"]["runningState"] == "Running", "the other is back")
    listed = {json.loads(file.read_text())["pid"] for file in (sandbox.home / "processes").glob("*.json")}
    ours = {
        int(each["properties"]["containers"][0]["containerId"].rpartition("/")[2])
        for suffix in ("one", "two")
        for each in replicas(sandbox, app, suffix)
    }
    assert len(ours) == 2
    assert ours <= listed
