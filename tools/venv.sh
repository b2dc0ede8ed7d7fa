#!/bin/sh
# Make or refresh the virtual environment: venv.sh FOLDER demo|dev
#
# pip's own settings (index, certificates, proxies) apply. What is installed already is not asked for again, so a
# refresh without new pins needs no network. PYTHON names the interpreter; else the newest usable one is taken.
set -eu

venv=$1
kind=$2
usable='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'

has_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    found=
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        version=$("$candidate" -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue
        if ! "$candidate" -c "$usable"; then
            found="$found $candidate is $version."
        elif ! has_venv "$candidate"; then
            found="$found $candidate ($version) lacks the venv module."
        else
            python=$candidate
            return
        fi
    done
    echo "Python 3.11 to 3.14 with the venv module is needed.${found:- None was found.}" >&2
    echo "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13)," >&2
    echo "or name one: make PYTHON=/path/to/python3.13 ..." >&2
    exit 1
}

if [ "$(cat "$venv/.made-in" 2>/dev/null)" != "$PWD" ] || ! "$venv/bin/python" -c "$usable" 2>/dev/null ||
    [ -n "${PYTHON:-}" ]; then
    find_python
    echo "making $venv with $python" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv"
    echo "$PWD" >"$venv/.made-in"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
case $kind in
demo) set -- -r requirements/build.txt -r requirements/demo.txt ;;
dev) set -- -r requirements/dev.txt ;;
esac
echo "installing the pinned requirements ($kind)" >&2
"$venv/bin/python" -m pip install --quiet --require-hashes "$@"
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
if [ "$kind" = dev ]; then
    touch "$venv/.demo-ready"
fi
touch "$venv/.$kind-ready"
