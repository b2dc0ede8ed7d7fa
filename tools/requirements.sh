#!/bin/sh
# Lock the dependencies of pyproject.toml into requirements/*.txt and the broker's jars into consumer/demo/jars.txt.
#
# Takes uv's options (--upgrade, --upgrade-package NAME). Existing pins are kept unless told otherwise. uv itself is
# got into an environment of its own, with pip's settings, and is told to use the same index as pip.
set -eu

cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

"$python" -m venv "$work/uv"
PIP_DISABLE_PIP_VERSION_CHECK=1 "$work/uv/bin/python" -m pip install --quiet 'uv>=0.9'

pip_setting() {
    "$python" -m pip config get ":env:.$1" 2>/dev/null || "$python" -m pip config get "global.$1" 2>/dev/null || true
}
index=$(pip_setting index-url)
certificates=$(pip_setting cert)
if [ -n "$index" ]; then
    export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
fi
if [ -n "$certificates" ]; then
    export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificates}"
fi

lock() {
    name=$1
    shift
    "$work/uv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --custom-compile-command 'make requirements' --output-file "requirements/$name.txt" "$@"
}

lock dev pyproject.toml --extra demo --group dev "$@"
# The smaller sets are cut from the largest, so that one environment can hold any of them.
lock run pyproject.toml --constraint requirements/dev.txt
lock demo pyproject.toml --extra demo --constraint requirements/dev.txt
lock build --group build --constraint requirements/dev.txt
"$python" tools/lock_jars.py
