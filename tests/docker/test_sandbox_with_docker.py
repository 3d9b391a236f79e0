# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m sandbox up --runtime docker`: apps and jobs run as containers of pushed images."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import docker
from tests.support.sandbox_client import APP, Client, Platform, app_body, run_cli

pytestmark = pytest.mark.slow

LABEL = "io.github.mlops-mlflow-azure.sandbox"
TOKEN_USER = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def sandbox(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    started = run_cli(home, "up", "--strict", "--runtime", "docker")
    assert started.returncode == 0, started.stderr
    yield Client(home, json.loads(run_cli(home, "env", "--json").stdout))
    own = json.loads((home / "engine-images.json").read_text())
    stopped = run_cli(home, "down", "--purge")
    assert stopped.returncode == 0, stopped.stderr
    left = {tag for image in engine.images.list() for tag in image.tags}
    assert own
    assert not left & set(own)


@pytest.fixture(scope="module")
def clients_engine(sandbox: Client) -> Iterator[Any]:
    """Docker API for a client with the variables of the sandbox's `env` file."""
    client = docker.DockerClient(base_url=sandbox.environment["DOCKER_HOST"], timeout=300)
    yield client
    client.close()


@pytest.fixture(scope="module")
def platform(
    sandbox: Client, clients_engine: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    """Registry with the pushed image of the tests' app, an environment, and an identity that may pull."""
    group = sandbox.group()
    name = f"cr{uuid.uuid4().hex[:10]}"
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{name}"
    sandbox.put(registry, {"location": "westeurope", "sku": {"name": "Basic"}})
    context = tmp_path_factory.mktemp("context")
    (context / "server.py").write_text((APP / "server.py").read_text())
    (context / "Dockerfile").write_text(
        f"FROM {base_image}\nWORKDIR /srv\nCOPY server.py ./\nENV GREETING=hello\nUSER 10001\n"
        'ENTRYPOINT ["python3", "/srv/server.py"]\nCMD ["0.0.0.0"]\nHEALTHCHECK CMD false\n'
    )
    clients_engine.images.build(path=str(context), tag=f"{name}.azurecr.io/probe:1", rm=True, forcerm=True)
    message = push(clients_engine, f"{name}.azurecr.io", "1", TOKEN_USER, refresh_token(sandbox, f"{name}.azurecr.io"))
    assert not [line["error"] for line in message if "error" in line]
    identity = sandbox.identity(group)
    assert sandbox.assign(registry, "AcrPull", identity["properties"]["principalId"]).status_code == 201
    environment = sandbox.put(
        f"{group}/providers/Microsoft.App/managedEnvironments/env", {"location": "westeurope", "properties": {}}
    )
    domain = environment["properties"]["defaultDomain"]
    return Platform(group, registry, f"{name}.azurecr.io", environment["id"], domain, identity)


def refresh_token(sandbox: Client, server: str) -> str:
    fields = {"grant_type": "access_token", "service": server, "access_token": sandbox.token()}
    answer = sandbox.session.post(f"https://{server}/oauth2/exchange", data=fields, timeout=30)
    return str(answer.json()["refresh_token"])


def push(client: Any, server: str, tag: str, username: str, password: str) -> list[dict[str, Any]]:
    login = {"username": username, "password": password}
    return list(client.api.push(f"{server}/probe", tag=tag, auth_config=login, stream=True, decode=True))


def make_app(sandbox: Client, platform: Platform, name: str, **changes: Any) -> dict[str, Any]:
    return sandbox.put(f"{platform.group}/providers/Microsoft.App/containerApps/{name}", app_body(platform, **changes))


def get(sandbox: Client, app: dict[str, Any], path: str = "/") -> Any:
    fqdn = app["properties"]["configuration"]["ingress"]["fqdn"]
    return sandbox.session.get(f"https://{fqdn}{path}", timeout=60)


def containers_of(engine: Any, sandbox: Client, app: str | None = None) -> list[Any]:
    """Return the containers of a sandbox or of one of its apps, by their labels."""
    owner = json.loads((sandbox.home / "engine.json").read_text())["owner"]
    labels = [f"{LABEL}={owner}", *([f"{LABEL}.app={app}"] if app else [])]
    containers: list[Any] = engine.containers.list(all=True, ignore_removed=True, filters={"label": labels})
    return containers


def test_an_app_is_a_container_of_the_pushed_image(engine: Any, sandbox: Client, platform: Platform) -> None:
    app = make_app(
        sandbox,
        platform,
        "one",
        secrets=[{"name": "word", "value": "SECRET-WORD"}],
        env=[{"name": "WORD", "secretRef": "word"}, {"name": "PLAIN", "value": "as it is"}],
        container={"resources": {"cpu": 0.5, "memory": "1Gi"}},
    )
    assert app["properties"]["provisioningState"] == "Succeeded"
    seen = get(sandbox, app).json()
    inside = seen["environment"]
    assert (inside["WORD"], inside["PLAIN"], inside["GREETING"]) == ("SECRET-WORD", "as it is", "hello")
    assert inside["CONTAINER_APP_NAME"] == "one"
    assert inside["CONTAINER_APP_REVISION"] == app["properties"]["latestRevisionName"]
    assert seen["arguments"] == ["0.0.0.0"]
    assert seen["headers"]["X-Forwarded-Proto"] == "https"
    (running,) = containers_of(engine, sandbox, "one")
    assert running.attrs["HostConfig"]["Memory"] == 1 << 30
    assert not any(running.ports.values())
    assert "SECRET-WORD" not in json.dumps(
        [running.attrs["Path"], running.attrs["Args"], running.attrs["Config"]["Labels"]]
    )
    # the container reaches the identity endpoint and Azure's host names
    token = get(sandbox, app, "/token").json()
    assert token["client_id"] == platform.identity["properties"]["clientId"]
    status, output = running.exec_run(
        [
            "python3",
            "-c",
            "import urllib.request as u; print(u.urlopen('https://login.microsoftonline.com/common/discovery/instance"
            "?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/common/oauth2/authorize').status)",
        ]
    )
    assert (status, output.split()) == (0, [b"200"])
    assert "listening on 0.0.0.0" in run_cli(sandbox.home, "logs", "one").stdout


def test_a_container_that_ends_is_restarted(engine: Any, sandbox: Client, platform: Platform) -> None:
    app = make_app(sandbox, platform, "ends")
    (before,) = containers_of(engine, sandbox, "ends")
    assert get(sandbox, app, "/exit").status_code >= 500
    sandbox.until(
        lambda: get(sandbox, app).status_code == 200 and containers_of(engine, sandbox, "ends"), "the restart"
    )
    (after,) = containers_of(engine, sandbox, "ends")
    assert after.id != before.id
    assert "ended with exit code 3" in run_cli(sandbox.home, "logs", "ends").stdout


def test_a_container_that_cannot_start_fails_with_its_own_message(
    engine: Any, sandbox: Client, platform: Platform
) -> None:
    body = app_body(platform, args=["0.0.0.0", "--fail"])
    path = f"{platform.group}/providers/Microsoft.App/containerApps/fails"
    ended = sandbox.wait(sandbox.arm("PUT", path, body))
    assert ended["status"] == "Failed"
    assert "exit code '1'" in ended["error"]["message"]
    assert "the settings are wrong" in ended["error"]["message"]
    body = app_body(platform, command=["/nowhere"])
    ended = sandbox.wait(sandbox.arm("PUT", f"{path}2", body))
    assert ended["status"] == "Failed"
    assert "/nowhere" in ended["error"]["message"]
    sandbox.until(lambda: not containers_of(engine, sandbox, "fails"), "nothing is left of it")


def test_without_the_role_the_image_is_not_pulled(engine: Any, sandbox: Client, platform: Platform) -> None:
    stranger = sandbox.identity(platform.group, "stranger")
    body = app_body(platform, identity=stranger["id"])
    ended = sandbox.wait(sandbox.arm("PUT", f"{platform.group}/providers/Microsoft.App/containerApps/stranger", body))
    assert ended["status"] == "Failed"
    assert "UNAUTHORIZED" in ended["error"]["message"]
    assert not containers_of(engine, sandbox, "stranger")


def inside(container: Any, *command: str) -> None:
    status, message = container.exec_run(list(command))
    assert status == 0, message


def replicas(sandbox: Client, app: dict[str, Any]) -> list[dict[str, Any]]:
    revision = f"{app['id']}/revisions/{app['properties']['latestRevisionName']}"
    entries: list[dict[str, Any]] = sandbox.arm("GET", f"{revision}/replicas").json()["value"]
    return entries


def probe(kind: str) -> dict[str, Any]:
    """Return a probe that fails as long as a file exists in the container."""
    return {
        "type": kind,
        "httpGet": {"port": 8080, "path": "/health/tmp/ill"},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }


def test_containers_scale_with_the_requests(engine: Any, sandbox: Client, platform: Platform) -> None:
    rule = {"name": "http", "http": {"metadata": {"concurrentRequests": "1"}}}
    scale = {"minReplicas": 0, "maxReplicas": 2, "cooldownPeriod": 1, "rules": [rule]}
    app = make_app(sandbox, platform, "scales", template={"scale": scale})
    with ThreadPoolExecutor(4) as several:
        held = [several.submit(get, sandbox, app, "/hold/tmp/go") for _time in range(4)]
        sandbox.until(
            lambda: [each["properties"]["runningState"] for each in replicas(sandbox, app)] == ["Running"] * 2,
            "two run",
        )
        running = containers_of(engine, sandbox, "scales")
        assert len(running) == 2
        for container in running:
            inside(container, "touch", "/tmp/go")
        assert {each.result().status_code for each in held} == {200}
    sandbox.until(lambda: not containers_of(engine, sandbox, "scales"), "the end of all containers")
    state = sandbox.arm("GET", f"{app['id']}/revisions/{app['properties']['latestRevisionName']}").json()["properties"]
    assert (state["runningState"], state["replicas"]) == ("ScaledToZero", 0)
    # the next request wakes it
    assert get(sandbox, app).status_code == 200
    assert len(containers_of(engine, sandbox, "scales")) == 1


def test_a_container_that_is_not_ready_gets_no_request(engine: Any, sandbox: Client, platform: Platform) -> None:
    app = make_app(sandbox, platform, "ready", container={"probes": [probe("Readiness")]})
    (container,) = containers_of(engine, sandbox, "ready")
    inside(container, "touch", "/tmp/ill")
    sandbox.until(lambda: get(sandbox, app).status_code == 503, "503 while it is not ready")
    inside(container, "rm", "/tmp/ill")
    sandbox.until(lambda: get(sandbox, app).status_code == 200, "200 when it is ready again")
    assert [each.id for each in containers_of(engine, sandbox, "ready")] == [container.id]


def test_a_container_with_a_failed_liveness_probe_is_replaced(engine: Any, sandbox: Client, platform: Platform) -> None:
    app = make_app(sandbox, platform, "lives", container={"probes": [probe("Liveness")]})
    (before,) = containers_of(engine, sandbox, "lives")
    inside(before, "touch", "/tmp/ill")

    def replaced() -> bool:
        current = containers_of(engine, sandbox, "lives")
        return bool(current) and before.id not in {each.id for each in current} and get(sandbox, app).status_code == 200

    sandbox.until(replaced, "another container")
    assert "its liveness probe failed" in run_cli(sandbox.home, "logs", "lives").stdout


def test_a_failed_startup_probe_fails_the_revision(engine: Any, sandbox: Client, platform: Platform) -> None:
    never = {
        "type": "Startup",
        "httpGet": {"port": 8080, "path": "/health/etc/passwd"},
        "periodSeconds": 1,
        "failureThreshold": 2,
    }
    path = f"{platform.group}/providers/Microsoft.App/containerApps/never"
    ended = sandbox.wait(sandbox.arm("PUT", path, app_body(platform, container={"probes": [never]})))
    assert ended["status"] == "Failed"
    assert "its startup probe failed" in run_cli(sandbox.home, "logs", "never").stdout
    sandbox.wait(sandbox.arm("DELETE", path))
    sandbox.until(lambda: not containers_of(engine, sandbox, "never"), "nothing is left of it")


def test_replicas_and_sidecars(engine: Any, sandbox: Client, platform: Platform) -> None:
    """Each replica listens on the same port at its own address; its containers share localhost."""
    call = (
        "import time, urllib.request as u\nwhile True:\n  try: print('met', u.urlopen('http://127.0.0.1:8080/').status, flush=True)\n"
        "  except OSError: time.sleep(.1)\n  else: time.sleep(600)"
    )
    body = app_body(platform, template={"scale": {"minReplicas": 2, "maxReplicas": 2}})
    image = f"{platform.server}/probe:1"
    body["properties"]["template"]["containers"].append(
        {"name": "side", "image": image, "command": ["python3", "-c", call]}
    )
    sandbox.put(f"{platform.group}/providers/Microsoft.App/containerApps/pair", body)
    sandbox.until(lambda: len(containers_of(engine, sandbox, "pair")) == 4, "two replicas of two containers")
    sandbox.until(lambda: run_cli(sandbox.home, "logs", "pair").stdout.count("met 200") == 2, "both have met")


def test_a_sidecar_restarts_with_the_first_container(engine: Any, sandbox: Client, platform: Platform) -> None:
    """A sidecar loses its network when the first container ends, so it restarts in that of the next one."""
    call = (
        "import time, urllib.request as u\nwhile True:\n  try: print('met', u.urlopen('http://127.0.0.1:8080/').status, flush=True)\n"
        "  except OSError: pass\n  time.sleep(.2)"
    )
    body = app_body(platform, template={"scale": {"minReplicas": 1, "maxReplicas": 1}})
    side = {"name": "side", "image": f"{platform.server}/probe:1", "command": ["python3", "-u", "-c", call]}
    body["properties"]["template"]["containers"].append(side)
    app = sandbox.put(f"{platform.group}/providers/Microsoft.App/containerApps/twins", body)

    def met() -> int:
        return run_cli(sandbox.home, "logs", "twins").stdout.count("met 200")

    sandbox.until(lambda: met() > 0, "they have met")
    get(sandbox, app, "/exit")
    sandbox.until(lambda: "exit code 3" in run_cli(sandbox.home, "logs", "twins").stdout, "the first has ended")
    before = met()
    sandbox.until(lambda: met() > before + 2, "they have met again")


def test_the_proxy_denies_connections_to_this_machine(sandbox: Client, platform: Platform) -> None:
    portal = run_cli(sandbox.home, "status").stdout.partition("portal http://127.0.0.1:")[2].partition("/")[0]
    assert portal.isdigit()
    ask = (
        "import os, time, urllib.request as u\nproxy = os.environ['HTTPS_PROXY']\nos.environ.update(NO_PROXY='', no_proxy='')\n"
        "for scheme in ('http', 'https'):\n"
        "  opener = u.build_opener(u.ProxyHandler({scheme: proxy}))\n"
        f"  try: print('reached', opener.open(scheme + '://127.0.0.1:{portal}/', timeout=20).status, flush=True)\n"
        "  except OSError as error: print('refused', error, flush=True)\ntime.sleep(600)"
    )
    body = app_body(platform, template={"scale": {"minReplicas": 1, "maxReplicas": 1}})
    side = {"name": "side", "image": f"{platform.server}/probe:1", "command": ["python3", "-u", "-c", ask]}
    body["properties"]["template"]["containers"].append(side)
    sandbox.put(f"{platform.group}/providers/Microsoft.App/containerApps/curious", body)

    def responses() -> list[str]:
        lines = run_cli(sandbox.home, "logs", "curious").stdout.splitlines()
        return [line for line in lines if "refused" in line or "reached" in line]

    sandbox.until(lambda: len(responses()) == 2, "both requests")
    assert all("refused" in line and "403" in line for line in responses()), responses()


def test_a_job(engine: Any, sandbox: Client, platform: Platform) -> None:
    body = app_body(
        platform, command=["python3", "-c", "import os; print(os.environ['CONTAINER_APP_JOB_NAME'], 'done')"]
    )
    configuration = body["properties"]["configuration"]
    del configuration["ingress"]
    configuration |= {"triggerType": "Manual", "replicaTimeout": 120, "manualTriggerConfig": {"parallelism": 1}}
    path = f"{platform.group}/providers/Microsoft.App/jobs/task"
    sandbox.put(path, body)
    begun = sandbox.arm("POST", f"{path}/start").json()["name"]
    sandbox.until(
        lambda: sandbox.arm("GET", f"{path}/executions/{begun}").json()["properties"]["status"] == "Succeeded",
        "its end",
    )
    assert "task done" in run_cli(sandbox.home, "logs", "task").stdout
    assert not containers_of(engine, sandbox, "task")


def test_an_image_built_by_acr_tasks_runs(
    engine: Any, sandbox: Client, platform: Platform, base_image: str, tmp_path: Path
) -> None:
    """The engine builds it from an image of the registry that it does not have, and keeps neither of them."""
    (tmp_path / "server.py").write_text((APP / "server.py").read_text())
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base_image}\nARG WORD\nWORKDIR /srv\nCOPY server.py ./\nENV GREETING=$WORD\n"
    )
    first = sandbox.build(platform.registry, "built/base:1", context=tmp_path, WORD="from-acr")
    assert first["properties"]["status"] == "Succeeded", sandbox.log(platform.registry, first)
    (tmp_path / "Dockerfile").write_text(
        f'FROM {platform.server}/built/base:1\nUSER 10001\nENTRYPOINT ["python3", "/srv/server.py"]\nCMD ["0.0.0.0"]\n'
    )
    second = sandbox.build(platform.registry, "built/app:{{.Run.ID}}", context=tmp_path)
    assert second["properties"]["status"] == "Succeeded", sandbox.log(platform.registry, second)
    (output,) = second["properties"]["outputImages"]
    assert output["tag"] == second["name"]
    assert f"FROM {platform.server}/built/base:1" in sandbox.log(platform.registry, second)
    assert not [
        image for image in engine.images.list() if any("built/" in tag or "-build:" in tag for tag in image.tags)
    ]
    app = make_app(sandbox, platform, "built", image=f"{platform.server}/built/app:{output['tag']}")
    assert app["properties"]["provisioningState"] == "Succeeded"
    assert get(sandbox, app).json()["environment"]["GREETING"] == "from-acr"


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("FROM {base}\nRUN false\n", "returned a non-zero code: 1"),
        ("FROM {server}/none:1\n", "manifest for {server}/none:1 not found"),
        ("FROM {base}\nCOPY --from={server}/none:2 /a /a\n", "manifest for {server}/none:2 not found"),
        ("FROM {server}/probe@sha256:{zeros}\n", "Use a tag"),
        ("FROM other{server}/probe:1\n", "error: "),
        ("no Dockerfile\n", "error: "),
    ],
)
def test_a_failed_build_of_acr_tasks(
    sandbox: Client, platform: Platform, base_image: str, tmp_path: Path, dockerfile: str, message: str
) -> None:
    words = {"base": base_image, "server": platform.server, "zeros": "0" * 64}
    (tmp_path / "Dockerfile").write_text(dockerfile.format(**words))
    run = sandbox.build(platform.registry, "bad:1", context=tmp_path)
    assert run["properties"]["status"] == "Failed"
    assert message.format(**words) in sandbox.log(platform.registry, run)


def test_a_push_without_permission_is_rejected(sandbox: Client, clients_engine: Any, platform: Platform) -> None:
    message = push(clients_engine, platform.server, "1", TOKEN_USER, "not-a-token")
    assert any("authentication required" in line.get("error", "") for line in message)
    with pytest.raises(docker.errors.APIError, match="authentication required"):
        clients_engine.login(TOKEN_USER, "not-a-token", registry=platform.server, reauth=True)
    message = push(clients_engine, platform.server, "none", TOKEN_USER, refresh_token(sandbox, platform.server))
    assert any(
        "does not exist" in line.get("error", "")
        or "not found" in line.get("error", "")
        or "No such" in line.get("error", "")
        for line in message
    )
    answer = clients_engine.login(
        TOKEN_USER, refresh_token(sandbox, platform.server), registry=platform.server, reauth=True
    )
    assert answer["Status"] == "Login Succeeded"


def test_an_image_that_the_engine_has_lost_is_loaded_again(
    engine: Any, sandbox: Client, clients_engine: Any, platform: Platform
) -> None:
    name = f"{platform.server}/probe"
    identifier = engine.images.get(f"{name}:1").id
    # also containers that cannot start, and are between two restarts at times
    for app in sandbox.arm("GET", f"{platform.group}/providers/Microsoft.App/containerApps").json()["value"]:
        assert sandbox.arm("POST", f"{app['id']}/stop").status_code < 300
    sandbox.until(lambda: not containers_of(engine, sandbox), "the end of all containers")
    engine.images.remove(identifier, force=True)
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(identifier)
    app = make_app(sandbox, platform, "again")
    assert get(sandbox, app).status_code == 200
    login = {"username": TOKEN_USER, "password": refresh_token(sandbox, platform.server)}
    assert clients_engine.images.pull(name, tag="1", auth_config=login).id == identifier


def test_down_removes_exactly_its_own_containers_even_after_a_kill(
    engine: Any, sandbox: Client, platform: Platform
) -> None:
    app = make_app(sandbox, platform, "kept")
    stranger = engine.containers.run(
        f"{platform.server}/probe:1", detach=True, labels={LABEL: "another"}, entrypoint=["sleep", "600"]
    )
    try:
        os.kill(json.loads((sandbox.home / "ready.json").read_text())["pid"], signal.SIGKILL)
        assert containers_of(engine, sandbox, "kept")
        stopped = run_cli(sandbox.home, "down")
        assert stopped.returncode == 0, stopped.stderr
        assert not containers_of(engine, sandbox)
        stranger.reload()
        assert stranger.status == "running"
        started = run_cli(sandbox.home, "up")
        assert started.returncode == 0, started.stderr
        sandbox.until(lambda: get(sandbox, app).status_code == 200, "the restart of the app")
        assert containers_of(engine, sandbox, "kept")
    finally:
        stranger.remove(force=True)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("unix:///nowhere/docker.sock", "no Docker engine answers"),
        ("tcp://127.0.0.1:2375", "must run on this machine"),
    ],
)
def test_the_sandbox_does_not_start_without_an_engine(tmp_path: Path, host: str, reason: str) -> None:
    done = run_cli(tmp_path / "home", "up", "--runtime", "docker", environment={"DOCKER_HOST": host})
    assert done.returncode == 1
    assert reason in done.stderr


def test_the_runtime_cannot_change(sandbox: Client) -> None:
    done = run_cli(sandbox.home, "up", "--runtime", "process")
    assert done.returncode == 1
    assert "down --purge" in done.stderr
