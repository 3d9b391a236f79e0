#!/bin/sh
# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Write requirements.lock and build.lock from their .in files, with the hashes of all files of all platforms,
# and the image's software bill of materials sbom.cdx.json from requirements.lock.
#   docker/mlflow/lock.sh [options of `uv pip compile`, for example --upgrade]
# Requires uv (`pip install uv`). Without --upgrade locked versions stay, unless the .in files require a change.
set -eu
cd "$(dirname "$0")"
UV=${UV:-uv}

# The mlflow wheel contains all files of mlflow-skinny and mlflow-tracing. Their dependencies are locked, but the packages
# themselves are not installed a second time.
$UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
  --no-emit-index-url --no-emit-find-links --override requirements.exclude \
  --no-emit-package mlflow-skinny --no-emit-package mlflow-tracing \
  --output-file requirements.lock "$@" requirements.in
$UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
  --no-emit-index-url --no-emit-find-links \
  --output-file build.lock "$@" build.in
$UV tool run --quiet --from 'cyclonedx-bom>=7,<8' cyclonedx-py requirements --output-reproducible --short-PURLs \
  --output-file sbom.cdx.json requirements.lock
