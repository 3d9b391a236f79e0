# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all linters on a copy of the clone and lists those that failed. ``make check`` runs this.

    python scripts/check.py [NAME...]

The copy contains all files that git does not ignore, at a path that ansible-test requires. ansible-test takes as long as all other
linters together and writes into its directory, so it runs in parallel on a separate copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLONE = Path.cwd()
CACHE = CLONE / ".cache"
TREE = CACHE / "tree" / "ansible_collections" / "mlops" / "mlflow_azure"
SANITY_TREE = CACHE / "sanity" / "ansible_collections" / "mlops" / "mlflow_azure"
TOOLS = CACHE / "check" / "bin"
IMPORTER = CACHE / "importer" / "bin"
# The file names under which the supported releases of ansible-test expect get-pip.py.
GET_PIP = ("get_pip_24_2.py", "get_pip_25_2.py")
TYPED = (
    *("plugins/module_utils", "plugins/plugin_utils", "plugins/filter", "plugins/lookup"),
    *("sandbox", "scripts", "docker/mlflow/server", "clients/mlflow-azure-auth"),
)


def copy_to(tree: Path) -> None:
    """Copy all files that git does not ignore to a directory for the linters."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    shutil.rmtree(tree, ignore_errors=True)
    for name in filter(None, names.split("\0")):
        if not (CLONE / name).exists():
            continue
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CLONE / name, tree / name, follow_symlinks=False)
    # The copy needs its own repository, because the clone's repository ignores it and ansible-test would find no files.
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tree, check=True)


def environment() -> dict[str, str]:
    """Return the environment of the linters, with a home directory inside the clone and without pyenv's shims."""
    home = CACHE / "home"
    bootstrap = home / ".ansible" / "test" / "cache"
    bootstrap.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP:
        shutil.copy(CLONE / ".ci" / "offline_get_pip.py", bootstrap / name)
    path: list[str] = []
    for entry in os.environ["PATH"].split(os.pathsep):
        # pyenv's shims exist for releases that may not be installed, so use the interpreters themselves.
        interpreters = sorted(Path(entry).parent.glob("versions/*/bin")) if Path(entry).name == "shims" else [entry]
        path += map(str, interpreters)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "HOME": str(home),
        "PATH": os.pathsep.join([str(TOOLS), str(Path(sys.base_prefix) / "bin"), *path]),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "tree"),
    }


def run(*command: str | Path, cwd: Path = TREE, env: Mapping[str, str]) -> bool:
    """Run a command, print its output after it has ended, and return whether it succeeded."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="", flush=True)
    return done.returncode == 0


def ansible_test_sanity(env: Mapping[str, str]) -> bool:
    """Run the sanity tests on a separate copy."""
    copy_to(SANITY_TREE)
    sanity_env = {**env, "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "sanity")}
    return run(TOOLS / "ansible-test", "sanity", "--venv", "--color", "no", cwd=SANITY_TREE, env=sanity_env)


def galaxy_importer(env: Mapping[str, str]) -> bool:
    """Build the collection artefact and import it with Galaxy's importer."""
    artefacts = CACHE / "artefacts"
    shutil.rmtree(artefacts, ignore_errors=True)
    artefacts.mkdir(parents=True)
    if not run(TOOLS / "ansible-galaxy", "collection", "build", "--output-path", artefacts, env=env):
        return False
    (artefact,) = artefacts.glob("*.tar.gz")
    importer_env = {**env, "PATH": os.pathsep.join([str(IMPORTER), env["PATH"]])}
    return run(IMPORTER / "python", "-m", "galaxy_importer.main", artefact, cwd=artefacts, env=importer_env)


def execution_environment(env: Mapping[str, str]) -> bool:
    """Verify that ansible-builder finds the collection's Python requirements and writes a build context.

    A build would require a base image from a registry.
    """
    context = CACHE / "execution-environment"
    shutil.rmtree(context, ignore_errors=True)
    definition = TREE / "extensions" / "execution-environment" / "execution-environment.yml"
    builder = TOOLS / "ansible-builder"
    if not run(
        builder, "create", "--file", definition, "--context", context, "--output-filename", "Containerfile", env=env
    ):
        return False
    introspection = subprocess.run(
        [builder, "introspect", CACHE / "tree"], cwd=TREE, env=env, stdout=subprocess.PIPE, text=True, check=False
    )
    required = [
        line.split(">=")[0]
        for line in (TREE / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if ">=" in line
    ]
    missing = [name for name in required if name not in introspection.stdout]
    if (
        introspection.returncode
        or missing
        or not (context / "Containerfile").read_text(encoding="utf-8").startswith("ARG EE_BASE_IMAGE=")
    ):
        print(f"ansible-builder: the requirements {missing} or the Containerfile are missing:\n{introspection.stdout}")
        return False
    return True


CHECKS: dict[str, Callable[[Mapping[str, str]], bool]] = {
    "ansible-test sanity": ansible_test_sanity,
    "ruff": lambda env: run(TOOLS / "ruff", "check", "--quiet", ".", env=env),
    "ruff format": lambda env: run(TOOLS / "ruff", "format", "--check", "--quiet", "--diff", ".", env=env),
    # Detects APIs that are newer than the oldest supported Python.
    "vermin": lambda env: run(
        *(TOOLS / "vermin", "-t=3.11-", "--no-tips", "--violations", "--eval-annotations", "--quiet"),
        *("plugins", "sandbox", "scripts", "docker", "clients", "tests", "examples"),
        env=env,
    ),
    "mypy": lambda env: run(
        TOOLS / "mypy", *[name for name in TYPED if any((CLONE / name).rglob("*.py"))], cwd=CLONE, env=env
    ),
    "antsibull-changelog": lambda env: run(TOOLS / "antsibull-changelog", "lint", env=env),
    "antsibull-docs": lambda env: run(
        *(TOOLS / "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self"),
        *("--check-extra-docs-refs", "."),
        env=env,
    ),
    "mkdocs": lambda env: run(TOOLS / "mkdocs", "build", "--strict", "--site-dir", CACHE / "site", env=env),
    "workflows": lambda env: run(
        *(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        *sorted((TREE / ".github" / "workflows").glob("*.yml")),
        env=env,
    ),
    "ansible-builder": execution_environment,
    "ansible-lint": lambda env: run(TOOLS / "ansible-lint", "--offline", env=env),
    "galaxy-importer": galaxy_importer,
}


def check(name: str, env: Mapping[str, str]) -> bool:
    """Run a linter, print its result and duration, and return whether it succeeded."""
    start = time.monotonic()
    passed = CHECKS[name](env)
    print(f"== {name}: {'passed' if passed else 'failed'} after {time.monotonic() - start:.0f} s", flush=True)
    return passed


def main() -> int:
    """Run the linters from the command line, or all, and return the exit status."""
    copy_to(TREE)
    env = environment()
    names = sys.argv[1:] or list(CHECKS)
    with ThreadPoolExecutor(max_workers=2) as executor:
        # ansible-test is the first, so it has one thread. The linters that share the other copy run one after another.
        results = list(executor.map(lambda name: check(name, env), names))
    failed = [name for name, passed in zip(names, results, strict=True) if not passed]
    print(f"Failed: {', '.join(failed)}" if failed else "All linters passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
