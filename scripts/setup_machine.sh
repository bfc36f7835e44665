#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Finds a Python from 3.10 to 3.13, looks for the system packages that pip cannot bring, and makes
# the virtual environment. Root installs what is missing; others are told one apt line.
#   usage: scripts/setup_machine.sh VENV [PYTHON]
set -eu
venv=$1
wanted=${2:-}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

if [ -n "$wanted" ] && ! { command -v "$wanted" >/dev/null 2>&1 && fits "$wanted"; }; then
    echo "PYTHON=$wanted is not a Python from 3.10 to 3.13." >&2
    exit 1
fi

python=
for candidate in $wanted python3 python3.13 python3.12 python3.11 python3.10; do
    if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
        python=$candidate
        break
    fi
done

missing=
if [ -z "$python" ]; then
    if command -v python3 >/dev/null 2>&1; then
        echo "pam_ros needs Python 3.10 to 3.13; found only $(python3 --version)." >&2
        echo "Install one of them and name it: make PYTHON=python3.12 ..." >&2
        exit 1
    fi
    missing="python3 python3-venv python3-dev"
else
    # Debian's packages are named after the version: python3.12-venv, python3.12-dev.
    named=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing $named-venv"
    # evdev, which lerobot 0.4 needs, is compiled during the installation.
    header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    [ -e "$header" ] || missing="$missing $named-dev"
fi
command -v cc >/dev/null 2>&1 || missing="$missing gcc"
[ -e /usr/include/linux/input.h ] || missing="$missing linux-libc-dev libc6-dev"

# MuJoCo draws off-screen through EGL with Mesa's software renderer, or through OSMesa.
has_library() {
    for folder in /usr/lib /usr/lib64 /lib /usr/lib/*-linux-gnu /usr/local/lib; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}
has_egl_driver() {
    for driver in /usr/lib/*-linux-gnu/dri/swrast_dri.so /usr/lib/*-linux-gnu/libgallium*.so \
        /usr/lib/*-linux-gnu/libEGL_nvidia.so.0; do
        [ -e "$driver" ] && return 0
    done
    return 1
}
if ! { has_library libEGL.so.1 && has_egl_driver; } && ! has_library libOSMesa.so.8; then
    missing="$missing libegl1 libgl1-mesa-dri"
fi

# The tests look at pages in a headless Chromium, and skip that where there is none. Ubuntu's package
# of this name only points to a snap, which containers cannot run.
optional=
if ! command -v chromium >/dev/null 2>&1 && grep -qs '^ID=debian' /etc/os-release; then
    optional=chromium
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing system packages:$missing"
        apt-get update -qq
        # Word splitting is meant: one package a word.
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
        [ -n "$python" ] || python=python3
        fits "$python" || { echo "The system's Python is not 3.10 to 3.13." >&2; exit 1; }
    else
        echo "System packages are missing. Install them, then call make again:" >&2
        echo "  sudo apt-get install$missing" >&2
        exit 1
    fi
fi

if [ -n "$optional" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing for the tests: $optional"
        [ -n "$missing" ] || apt-get update -qq || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$optional" ||
            echo "$optional could not be installed; tests that need it are skipped." >&2
    else
        echo "Tests of the report page need it: sudo apt-get install $optional"
    fi
fi

echo "Virtual environment $venv with $("$python" --version)"
"$python" -m venv "$venv"
