#!/bin/sh
# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Write the lock file of each release from its .in file, with the hashes of all files of all platforms.
#   docker/mlflow_client/lock.sh [options of `uv pip compile`, for example --upgrade]
# Requires uv (`pip install uv`). The environment variable UV sets its command.
set -eu
cd "$(dirname "$0")"
UV=${UV:-uv}
for input in requirements-*.in; do
  $UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
    --no-emit-index-url --no-emit-find-links --output-file "${input%.in}.lock" "$@" "$input"
done
