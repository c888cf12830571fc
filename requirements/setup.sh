#!/bin/sh
# Makes a virtual environment from a lock file: pip installs uv, uv installs the rest, all by hash.
# setup.sh .venv, or setup.sh .venv-peers peers for the libraries that the benchmarks compare with.
set -eu

venv=$1
lock=${2:-dev}
root=$(pwd -P)

fail() {
    echo "set-up: $1" >&2
    exit 1
}

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} is none; name one with: make PYTHON=/path/to/python"
}

# pip's own settings (environment or configuration file) hold for uv too.
pip_setting() {
    "$venv/bin/pip" config list 2>/dev/null | sed -n "s/^[^.]*\.$1='\(.*\)'\$/\1/p" | tail -n 1
}

pass_on() {
    value=$(pip_setting "$2")
    if [ -n "$value" ] && [ -z "$(printenv "$1" || true)" ]; then
        export "$1=$value"
    fi
}

python=$(find_python)
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module; install it (Debian and Ubuntu: apt install python3-venv)"

echo "set-up: making $venv with $("$python" --version)"
"$python" -m venv --clear "$venv"
pass_on UV_DEFAULT_INDEX index-url
pass_on UV_INDEX extra-index-url
pass_on UV_FIND_LINKS find-links
pass_on UV_INSECURE_HOST trusted-host
pass_on UV_HTTP_TIMEOUT timeout
pass_on SSL_CERT_FILE cert

"$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r requirements/bootstrap.txt
VIRTUAL_ENV="$root/$venv" "$venv/bin/uv" pip install --quiet --only-binary :all: --require-hashes \
    -r "requirements/$lock.txt"
# All but the large packages of which nothing is imported; whatever else doesn't compile is compiled when it is.
"$venv/bin/python" -m compileall -q -j 0 -x '/(mypy|mypyc|numpy|pandas|pip|pkg_resources|pyarrow|setuptools)/' \
    "$venv"/lib/python*/site-packages || true

"$venv/bin/python" -c 'import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "orderstream.pth").write_text(sys.argv[1] + "\n")' "$root"
if [ "$lock" = dev ]; then
    cat >"$venv/bin/oms" <<'SCRIPT'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -m oms "$@"
SCRIPT
    chmod 755 "$venv/bin/oms"
fi
touch "$venv/.ready"
echo "set-up: done"
