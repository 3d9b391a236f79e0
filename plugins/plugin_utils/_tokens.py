# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Token cache of the forked workers of a play. It is in anonymous memory, never on disk.

Ansible runs each task in a fork. All forks share memory that was mapped before, so a token that one worker has acquired
serves the next. A lock prevents that two workers acquire the same token.
"""

from __future__ import annotations

import json
import mmap
import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from ..module_utils._core.auth import Token

# Size of the shared memory in bytes. A token has 2 to 4 KiB.
SIZE = 256 * 1024
_LENGTH = 8
# Seconds before its expiration at which a token is no longer used.
MARGIN = 300
# Seconds to wait for another worker that acquires a token.
PATIENCE = 60.0


class SharedTokens:
    """A mapping from key to token in shared memory."""

    def __init__(self, memory: mmap.mmap, lock: Any, now: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._lock = lock
        self._now = now

    def remember(self, key: str, fetch: Callable[[], Token]) -> Token:
        """Return the cached token of the key if it does not expire soon, else fetch a token and cache it."""
        locked = self._lock.acquire(timeout=PATIENCE)
        try:
            cached = self._read().get(key)
            if cached is not None and cached[1] - MARGIN > self._now():
                return Token(*cached)
            token = fetch()
            self._write({**self._read(), key: list(token)})
            return token
        finally:
            if locked:
                self._lock.release()

    def _read(self) -> dict[str, list[Any]]:
        length = int.from_bytes(self._memory[:_LENGTH], "big")
        if not length:
            return {}
        try:
            tokens: dict[str, list[Any]] = json.loads(self._memory[_LENGTH : _LENGTH + length])
        except ValueError:
            # A worker was killed during a write.
            return {}
        return tokens

    def _write(self, tokens: dict[str, list[Any]]) -> None:
        valid = {key: token for key, token in tokens.items() if token[1] - MARGIN > self._now()}
        content = json.dumps(valid).encode()
        if len(content) + _LENGTH > SIZE:
            return
        self._memory[:_LENGTH] = (0).to_bytes(_LENGTH, "big")
        self._memory[_LENGTH : _LENGTH + len(content)] = content
        self._memory[:_LENGTH] = len(content).to_bytes(_LENGTH, "big")


class _Uncached:
    """Replacement for the cache on a system without shared memory or locks: each worker acquires its own tokens."""

    def remember(self, _key: str, fetch: Callable[[], Token]) -> Token:
        return fetch()


def _shared() -> SharedTokens | _Uncached:
    try:
        return SharedTokens(mmap.mmap(-1, SIZE), multiprocessing.get_context("fork").Lock())
    except (OSError, ValueError, ImportError):
        return _Uncached()


# Created with the first action plugin, before Ansible forks.
TOKENS = _shared()
