# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments of the clone, with shell scripts in place of their Pythons."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import environment
from scripts.exclusive import exclusive


def install(directory: Path, pip: str) -> None:
    """Create an environment whose Python is a shell script."""
    python = directory / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{pip}\n")
    python.chmod(0o755)
    (directory / environment.INSTALLED).mkdir()
    (directory / environment.INSTALLED / "python").write_text(environment.key())


def test_pip_has_its_temporary_files_in_the_clone(clone: Path) -> None:
    install(clone / "venv", 'touch "$TMPDIR/pip-unpack-1"')
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    assert (clone / ".cache/tmp/venv/pip-unpack-1").exists()
    assert not (clone / "venv" / environment.INSTALLING).exists()


@pytest.mark.parametrize("own", [None, ".rustup", "elsewhere"])
def test_neither_venv_nor_pip_writes_into_the_home(
    clone: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    """venv runs pip, pip runs rustc, and rustup's rustc writes into a home that has no rustup yet."""
    home = clone / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    if own == ".rustup":
        (home / own).mkdir()
    elif own:
        monkeypatch.setenv("RUSTUP_HOME", own)
    python = clone / "python"
    python.write_text(
        f'#!/bin/sh\necho "$2 $TMPDIR ${{RUSTUP_HOME-unset}}" >> {clone}/calls\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; ln -s "$0" "$3/bin/python"; fi\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(environment.sys, "executable", str(python))
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    rustup = {None: str(clone / ".cache/rustup"), ".rustup": "unset"}.get(own, own)
    temporary = clone / ".cache/tmp/venv"
    assert (clone / "calls").read_text().splitlines() == [f"venv {temporary} {rustup}", f"pip {temporary} {rustup}"]


def test_nothing_is_installed_twice(clone: Path) -> None:
    install(clone / "venv", "echo once >> calls")
    (clone / "some.lock").write_text("some")
    for _time in range(2):
        assert environment.main(Path("venv"), [Path("some.lock")]) == 0
    assert (clone / "calls").read_text() == "once\n"


@pytest.mark.parametrize(
    ("pip", "message"),
    [
        ("exit 3", "pip could not install into venv (exit status 3); the message of pip is above."),
        (
            "exec tail -f /dev/null",
            "The installation into venv did not finish within 0.2 s and was stopped; try again.",
        ),
    ],
    ids=["fails", "hangs"],
)
def test_an_installation_that_fails_is_repeated(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pip: str, message: str
) -> None:
    monkeypatch.setattr(environment, "PIP_SECONDS", 0.2)
    install(clone / "venv", pip)
    (clone / "some.lock").write_text("some")
    assert environment.main(Path("venv"), [Path("some.lock")]) == 1
    assert capsys.readouterr().err == f"{message}\n"
    assert (clone / "venv" / environment.INSTALLING).exists()  # so the next run creates the environment again
    assert not (clone / "venv" / environment.INSTALLED / "some.lock").exists()


@pytest.mark.usefixtures("clone")
def test_two_installations_at_the_same_time(capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive(".venv", "it"):
        assert environment.main(Path(".venv"), []) == 1
    assert capsys.readouterr().err.startswith("Another process still works on the environment .venv ")
    assert not Path(".venv").exists()
