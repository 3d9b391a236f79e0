# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients in a container app's environment, with and without the settings that the play writes."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import pytest
from docker.utils import parse_env_file

from tests.support.image_server import CLONE, Server, bare, environment

HERE = Path(__file__).parent
PROGRAM = HERE / "user_program.py"
TEMPLATE = CLONE / "roles" / "mlflow_app" / "templates" / "client.env.j2"
PAGE = CLONE / "docs" / "client-settings.md"

KEPT = {
    "metrics": [{"accuracy": 0.5}],
    "artifacts": ["kept"],
    "prompts": [{"prompt": "Is anybody there?"}],
    "responses": ["Is anybody there? Yes."],
    "tokens": [{"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}],
}
TRACE_LOST: dict[str, Any] = {**KEPT, "prompts": [], "responses": [], "tokens": []}


@pytest.fixture(scope="module")
def injected() -> Iterator[dict[str, str]]:
    """What Container Apps' OpenTelemetry agent puts into an app's environment; nobody listens at the address."""
    with socket.socket() as taken:
        # Bound and not listening: connections are refused, and no other program can get the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        yield {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{taken.getsockname()[1]}/",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }


@pytest.fixture(scope="module")
def client_env(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """client.env as the role writes it."""
    variables = re.findall(r"{{ *(\w+)", TEMPLATE.read_text())
    text = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True).render(
        dict.fromkeys(variables, server.url)
    )
    file = tmp_path_factory.mktemp("client") / "client.env"
    file.write_text(text)
    return file


def pairs(text: str) -> dict[str, str]:
    """KEY=VALUE lines as they stand: what is quoted in them would stay quoted."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def page_settings(server: Server) -> dict[str, str]:
    """The settings of the documentation, for this server."""
    block = re.search(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    return {**pairs(block.group(1)), "MLFLOW_TRACKING_URI": server.url}


def run(command: list[str], env: Mapping[str, str], cwd: Path) -> None:
    subprocess.run(command, env=dict(env), cwd=cwd, check=True, timeout=120)


def read_back(server: Server, experiment: str, cwd: Path) -> Any:
    env = bare(MLFLOW_TRACKING_URI=server.url)
    command = [sys.executable, str(HERE / "read_back.py"), experiment]
    return json.loads(subprocess.run(command, env=env, cwd=cwd, check=True, capture_output=True, timeout=120).stdout)


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


def program(experiment: str, *arguments: str, python: str = sys.executable) -> list[str]:
    return [python, str(PROGRAM), experiment, *arguments]


def test_without_the_settings_the_trace_is_lost(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    run(program(experiment), bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == TRACE_LOST


def test_sourced_by_a_shell(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    script = f"set -a; . {shlex.quote(str(client_env))}; exec {shlex.join(program(experiment))}"
    run(["/bin/sh", "-euc", script], bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_as_dockers_env_file(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    laid_over = parse_env_file(str(client_env))
    assert laid_over == pairs(client_env.read_text())
    run(program(experiment), bare(**{**injected, **laid_over}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_loaded_by_dotenv(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    run(program(experiment, "dotenv", str(client_env)), bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_as_a_container_apps_environment(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    spec = [{"name": name, "value": value} for name, value in pairs(client_env.read_text()).items()]
    # "Your value overwrites the automatically injected value."
    run(program(experiment), bare(**{**injected, **{entry["name"]: entry["value"] for entry in spec}}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_where_empty_values_are_dropped(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    """Nobody says whether a container app keeps a variable with an empty value."""
    laid_over = {name: value for name, value in page_settings(server).items() if value}
    run(program(experiment), bare(**{**injected, **laid_over}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_where_the_agent_is_named_for_each_signal(
    server: Server, injected: dict[str, str], experiment: str, tmp_path: Path
) -> None:
    address = injected["OTEL_EXPORTER_OTLP_ENDPOINT"]
    more = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": address, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": address}
    run(program(experiment), bare(**{**injected, **more, **page_settings(server)}), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_where_nothing_is_injected_the_settings_do_no_harm(server: Server, experiment: str, tmp_path: Path) -> None:
    run(program(experiment), bare(**page_settings(server)), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_wrapped_in_a_command(server: Server, injected: dict[str, str], experiment: str, tmp_path: Path) -> None:
    run([*wrapper(), *program(experiment)], bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_removed_in_code(server: Server, injected: dict[str, str], experiment: str, tmp_path: Path) -> None:
    run(program(experiment, "pop"), bare(MLFLOW_TRACKING_URI=server.url, **injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


def test_the_page_shows_the_lines_of_the_program() -> None:
    shown = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert shown
    code = [line.strip() for line in shown.group(1).splitlines() if "pop(" in line]
    assert len(code) == 2
    assert all(line in PROGRAM.read_text() for line in code)


def test_the_role_writes_what_the_page_says(server: Server, client_env: Path) -> None:
    assert pairs(client_env.read_text()).items() <= page_settings(server).items()


def wrapper() -> list[str]:
    """The command of the documentation that goes before another."""
    line = re.search(r"^(env -u [^\n]*?) +python", PAGE.read_text(), re.MULTILINE)
    assert line
    return shlex.split(line.group(1))


def other_client(name: str, *packages: str) -> str:
    """The Python of an environment with these client packages."""
    return str(environment(f"client-{name}", [*packages, "python-dotenv"]) / "python")


@pytest.mark.slow
@pytest.mark.parametrize("release", ["3.8.1", "3.12.0"])
def test_older_releases_keep_it_too(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, release: str, tmp_path: Path
) -> None:
    python = other_client(release, f"mlflow-skinny=={release}")
    command = program(experiment, "dotenv", str(client_env), python=python)
    run(command, bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


@pytest.mark.slow
def test_with_opentelemetrys_exporters_installed(
    server: Server, injected: dict[str, str], client_env: Path, experiment: str, tmp_path: Path
) -> None:
    exporters = ("opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-exporter-otlp-proto-http")
    python = other_client("exporters", "mlflow-skinny==3.17.2", *exporters)
    command = program(experiment, "dotenv", str(client_env), python=python)
    run(command, bare(**injected), tmp_path)
    assert read_back(server, experiment, tmp_path) == KEPT


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ["nothing", "settings", "wrapper", "code"])
@pytest.mark.parametrize(
    ("release", "requirements", "settings_help", "whole"),
    [
        # An empty address alone does not help this one; with the other two lines it does.
        ("3.4.0", ("mlflow-skinny==3.4.0",), True, KEPT),
        # Knows none of the variables, and does not add up the tokens of a trace. It loses traces with later releases of
        # OpenTelemetry whatever is set.
        (
            "2.22.5",
            ("mlflow-skinny==2.22.5", "opentelemetry-api==1.33.1", "opentelemetry-sdk==1.33.1"),
            False,
            {**KEPT, "tokens": [None]},
        ),
    ],
)
def test_before_3_8_1(
    server: Server,
    injected: dict[str, str],
    client_env: Path,
    experiment: str,
    release: str,
    requirements: tuple[str, ...],
    settings_help: bool,
    whole: dict[str, object],
    remedy: str,
    tmp_path: Path,
) -> None:
    python = other_client(release, *requirements)
    env = bare(MLFLOW_TRACKING_URI=server.url, **injected)
    command = {
        "nothing": program(experiment, python=python),
        "settings": program(experiment, "dotenv", str(client_env), python=python),
        "wrapper": [*wrapper(), *program(experiment, python=python)],
        "code": program(experiment, "pop", python=python),
    }[remedy]
    run(command, env, tmp_path)
    kept = remedy in {"wrapper", "code"} or (remedy == "settings" and settings_help)
    assert read_back(server, experiment, tmp_path) == (whole if kept else TRACE_LOST)


def test_the_tests_have_no_settings_of_their_own() -> None:
    """Else they would prove nothing: what a client gets comes from bare()."""
    assert not [name for name in bare() if name.startswith(("OTEL_", "MLFLOW_"))]
