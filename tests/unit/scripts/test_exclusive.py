# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only one process of a clone holds a lock; its temporary files are inside the clone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts import exclusive as locking
from scripts.exclusive import exclusive


def test_files_of_a_killed_process_are_deleted(clone: Path) -> None:
    with exclusive("work", "the work") as lock:
        (lock.temporary / "pip-unpack-1").mkdir()
    with exclusive("work", "the work") as lock:
        assert lock.temporary == clone / ".cache" / "tmp" / "work"
        assert list(lock.temporary.iterdir()) == []


@pytest.mark.usefixtures("clone")
def test_a_second_process_gives_up_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive("work", "the work") as lock:
        (lock.temporary / "in-use").touch()
        with (
            pytest.raises(TimeoutError, match=r"^Another process still works on the work after 0 s: .+$"),
            exclusive("work", "the work"),
        ):
            pass
        assert (lock.temporary / "in-use").exists()
        with exclusive("other", "other work"):
            pass
    assert capsys.readouterr().out == ""  # it did not wait at all


@pytest.mark.usefixtures("clone")
def test_a_waiting_process_continues_when_the_other_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locking, "WAIT_SECONDS", 60)
    with exclusive("work", "the work") as first:
        flock = locking.fcntl.flock
        monkeypatch.setattr(locking.time, "sleep", lambda _seconds: flock(first.descriptor, locking.fcntl.LOCK_UN))
        with exclusive("work", "the work"):
            pass
    assert capsys.readouterr().out == "Waiting until another process has finished the work (60 s at most)\n"


@pytest.mark.usefixtures("clone")
def test_a_child_that_outlives_its_parent_holds_the_lock() -> None:
    with exclusive("work", "the work") as lock:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,))
    with pytest.raises(TimeoutError), exclusive("work", "the work"):
        pass
    child.communicate()
    with exclusive("work", "the work"):
        pass
