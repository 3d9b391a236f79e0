# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background tasks of the sandbox's server."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sandbox.host.background import BackgroundTasks

LOG = logging.getLogger("tests.background")


def test_a_failed_task_is_logged_with_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("broken")

    async def run() -> None:
        task = BackgroundTasks(LOG, "a task failed").start(fail())
        await asyncio.wait([task])

    asyncio.run(run())
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("tests.background", "a task failed")
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "broken"


def test_cancel_waits_for_the_cleanup_of_each_task(caplog: pytest.LogCaptureFixture) -> None:
    cleaned: list[str] = []

    async def work(name: str, started: asyncio.Event) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # a cleanup that yields to the loop
            cleaned.append(name)

    async def run() -> None:
        tasks = BackgroundTasks(LOG, "a task failed")
        events = {name: asyncio.Event() for name in ("first", "second")}
        for name, event in events.items():
            tasks.start(work(name, event))
        await asyncio.gather(*(event.wait() for event in events.values()))
        await tasks.cancel()

    asyncio.run(run())
    assert sorted(cleaned) == ["first", "second"]
    assert caplog.records == []
