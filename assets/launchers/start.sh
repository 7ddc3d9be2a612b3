#!/bin/sh
# Linux and macOS: finds a Python from 3.10 to 3.13, or fetches one with uv, and starts app.py with it.
# Everything else is decided by app.py. Arguments are passed on: start.sh --desktop
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(dirname -- "$(dirname -- "$here")")

stop() {
    printf '\n%s\n' "$1" >&2
    wait_for_enter
    exit 1
}

# A window that was opened for us closes with us: let its words be read first.
wait_for_enter() {
    if [ -t 0 ] && [ -t 2 ]; then
        printf 'Press Enter to close. ' >&2
        read -r _ || true
    fi
}

fits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for name in python3.12 python3.11 python3.13 python3.10 python3 python; do
        if path=$(command -v "$name") && fits "$path"; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

find_uv() {
    for path in "$root/.uv/uv" "$(command -v uv || true)" "${HOME:-}/.local/bin/uv"; do
        if [ -x "$path" ]; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

fetch_uv() {
    printf 'No Python from 3.10 to 3.13 is here: fetching one (about 50 MB), into %s only.\n' "$root/.uv" >&2
    script=$(mktemp)
    if command -v curl >/dev/null; then
        curl -LsSf https://astral.sh/uv/install.sh -o "$script" || return 1
    elif command -v wget >/dev/null; then
        wget -qO "$script" https://astral.sh/uv/install.sh || return 1
    else
        return 1
    fi
    UV_UNMANAGED_INSTALL="$root/.uv" sh "$script" >&2 || return 1
    rm -f "$script"
}

fetch_python() {
    uv=$(find_uv) || { fetch_uv && uv=$(find_uv); } || return 1
    UV_PYTHON_INSTALL_DIR="$root/.uv/python"
    export UV_PYTHON_INSTALL_DIR
    "$uv" python install 3.12 >&2 || return 1
    "$uv" python find --managed-python 3.12
}

[ -f "$root/app.py" ] || stop "app.py is not where it should be ($root): leave this file in assets/launchers and start it there."
python=$(find_python) || python=$(fetch_python) ||
    stop "There is no Python from 3.10 to 3.13, and none could be fetched: check the network (HTTPS_PROXY), or install Python 3.12 from python.org, then start this again."

PATH="$root/.uv:$PATH"
export PATH
code=0
"$python" "$root/app.py" "$@" || code=$?
if [ "$code" -ne 0 ] && [ "$code" -ne 130 ]; then
    wait_for_enter
fi
exit "$code"
