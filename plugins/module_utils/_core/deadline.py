# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time by which a task must end."""

from __future__ import annotations

import time
from collections.abc import Callable


class DeadlineExceeded(Exception):
    """C(wait_timeout) has passed."""


class Deadline:
    """The end of a task. seconds: from now on. monotonic, sleep: the clock, which tests replace."""

    def __init__(
        self,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._end = monotonic() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds, never below 0."""
        return max(0.0, self._end - self._monotonic())

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the deadline. Raise DeadlineExceeded when no time remains."""
        remaining = self.remaining()
        if remaining <= 0:
            raise DeadlineExceeded(f"{self.seconds:g} seconds are over")
        self._sleep(min(seconds, remaining))

    def backoff(self, first: float, longest: float) -> Backoff:
        """Return growing pauses before this deadline, in seconds."""
        return Backoff(self, first, longest)


class Backoff:
    """Pauses before a deadline, each twice as long as the one before. seconds: the next pause. longest: the maximum."""

    def __init__(self, deadline: Deadline, first: float, longest: float) -> None:
        self.seconds = first
        self._deadline = deadline
        self._longest = longest

    def pause(self) -> None:
        """Sleep, but not past the deadline. Raise DeadlineExceeded when no time remains."""
        self._deadline.pause(self.seconds)
        self.seconds = min(self.seconds * 2, self._longest)
