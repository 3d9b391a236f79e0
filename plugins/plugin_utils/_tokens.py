# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens shared by the forked workers of a play: in anonymous memory, never on disk.

Ansible runs each task in a fork. Memory that is mapped before the forks is the same for all of them, so what one worker
has fetched serves the next. A lock keeps two workers from fetching the same token.
"""

from __future__ import annotations

import json
import mmap
import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from ..module_utils._core.auth import Token

# Bytes of shared memory; a token has 2 to 4 KiB.
SIZE = 256 * 1024
_LENGTH = 8
# Seconds before its end at which a token counts as used up.
MARGIN = 300
# Seconds to wait for another worker that is fetching a token, before fetching one's own.
PATIENCE = 60.0


class SharedTokens:
    """A mapping from key to token in shared memory."""

    def __init__(self, memory: mmap.mmap, lock: Any, now: Callable[[], float] = time.time) -> None:
        self._memory = memory
        self._lock = lock
        self._now = now

    def remember(self, key: str, fetch: Callable[[], Token]) -> Token:
        """The token of the key if it is good for a while, else a fetched one, which is kept."""
        locked = self._lock.acquire(timeout=PATIENCE)
        try:
            found = self._read().get(key)
            if found is not None and found[1] - MARGIN > self._now():
                return Token(*found)
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
            found: dict[str, list[Any]] = json.loads(self._memory[_LENGTH : _LENGTH + length])
        except ValueError:
            # A worker was killed while it wrote.
            return {}
        return found

    def _write(self, tokens: dict[str, list[Any]]) -> None:
        good = {key: token for key, token in tokens.items() if token[1] - MARGIN > self._now()}
        content = json.dumps(good).encode()
        if len(content) + _LENGTH > SIZE:
            return
        self._memory[:_LENGTH] = (0).to_bytes(_LENGTH, "big")
        self._memory[_LENGTH : _LENGTH + len(content)] = content
        self._memory[:_LENGTH] = len(content).to_bytes(_LENGTH, "big")


class _OwnTokens:
    """Where shared memory or its lock cannot be had: each worker fetches for itself."""

    def remember(self, _key: str, fetch: Callable[[], Token]) -> Token:
        return fetch()


def _shared() -> SharedTokens | _OwnTokens:
    try:
        return SharedTokens(mmap.mmap(-1, SIZE), multiprocessing.get_context("fork").Lock())
    except (OSError, ValueError, ImportError):
        return _OwnTokens()


# Made when Ansible loads the first action plugin, which is before it forks.
TOKENS = _shared()
