#!/bin/sh
# Resolves pyproject.toml into the four lock files: every platform, every wheel by its hash, no index named.
set -eu

compile() {
    output=$1
    shift
    "$BIN/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --only-binary :all: \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
        --output-file "requirements/$output" "$@"
}

compile runtime.txt pyproject.toml
compile dev.txt pyproject.toml --group dev --constraint requirements/runtime.txt
compile peers.txt --group peers
compile bootstrap.txt --group bootstrap
