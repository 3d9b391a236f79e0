#!/bin/sh
# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes the lock of each release's environment anew from its .in file, every file of every platform by hash.
#   docker/mlflow_client/lock.sh [further options of `uv pip compile`, for instance --upgrade]
# Needs uv (`pip install uv`). UV is the command that runs it.
set -eu
cd "$(dirname "$0")"
UV=${UV:-uv}
for input in requirements-*.in; do
  $UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
    --no-emit-index-url --no-emit-find-links --output-file "${input%.in}.lock" "$@" "$input"
done
