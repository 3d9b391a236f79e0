#!/bin/sh
# Copyright (c) 2026, mlops.mlflow_azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes requirements.lock and build.lock anew from their .in files: newest versions, every file of every platform by hash;
# and sbom.cdx.json, the image's bill of materials, from requirements.lock.
#   docker/mlflow/lock.sh [further options of `uv pip compile`, for instance --upgrade]
# Needs uv (`pip install uv`). Without --upgrade what is locked stays and only what changed in the .in files moves.
set -eu
cd "$(dirname "$0")"
UV=${UV:-uv}

# mlflow-skinny and mlflow-tracing are part of the mlflow wheel, file by file: their dependencies are
# locked, they themselves are not installed a second time.
$UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
  --no-emit-index-url --no-emit-find-links --override requirements.exclude \
  --no-emit-package mlflow-skinny --no-emit-package mlflow-tracing \
  --output-file requirements.lock "$@" requirements.in
$UV pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
  --no-emit-index-url --no-emit-find-links \
  --output-file build.lock "$@" build.in
$UV tool run --quiet --from 'cyclonedx-bom>=7,<8' cyclonedx-py requirements --output-reproducible --short-PURLs \
  --output-file sbom.cdx.json requirements.lock
