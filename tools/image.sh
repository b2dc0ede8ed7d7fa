#!/bin/sh
# The steps of the image: image.sh STEP FOLDER [WHEELS]
#
# The Dockerfile runs them one after the other, and tests/packaging runs the same without Docker. Run in the project's
# folder. PYTHON is the interpreter that has pip; it stays behind in the builder stage.
set -eu

step=$1
folder=$2
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

case $step in
environment)
    # Without pip: nothing can be installed into the image later.
    "$python" -m venv --without-pip "$folder"
    ;;
dependencies)
    "$python" -m pip --python "$folder/bin/python" install --quiet --no-compile --no-deps --require-hashes \
        -r requirements/run.txt
    ;;
backend)
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --no-deps --require-hashes -r requirements/build.txt
    ;;
wheel)
    "$python" -m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir "$folder" .
    ;;
package)
    "$python" -m pip --python "$folder/bin/python" install --quiet --no-compile --no-deps --no-index "$3"/*.whl
    ;;
compile)
    # By hash, unchecked: the files cannot change, and the bytecode is the same in every build.
    "$folder/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$folder/lib"
    ;;
*)
    echo "image.sh: no such step: $step" >&2
    exit 2
    ;;
esac
