# SPDX-License-Identifier: Apache-2.0
# Functions that the scripts share. To be sourced: . "$(dirname "$0")/lib.sh"
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The project's own Python environment; scripts/setup makes it. Both are for the sourcing script.
venv=$root/.tools/venv
# shellcheck disable=SC2034
python=$venv/bin/python
# The Liberty file of `logattn synth --target asic`; Debian's package qflow-tech-osu018 has it.
# shellcheck disable=SC2034
osu018=/usr/share/qflow/tech/osu018/osu018_stdcells.lib

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Whether Chromium or Chrome is there and runs: a package of this name may be a stub that does not.
have_chromium() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if have "$name" && "$name" --version >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# step NAME COMMAND...: runs the command, says what it is and how long it took; ends the script
# with the command's status if it fails.
step() {
    local name=$1 begin=$SECONDS status=0
    shift
    say "== $name"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        printf '== %s: FAILED after %d s (exit status %d)\n' "$name" $((SECONDS - begin)) "$status" >&2
        exit "$status"
    fi
    say "== $name: ok, $((SECONDS - begin)) s"
}

# on_generated_folders CHECK ARGUMENT...: runs scripts/CHECK.py, which checks folders that
# `logattn generate` writes. LOGATTN names that program; by default it is built first.
on_generated_folders() {
    local check=$1
    shift
    "$root/scripts/setup"
    if [ -z "${LOGATTN:-}" ]; then
        export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
        cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --package logattn-cli
        export LOGATTN=$CARGO_TARGET_DIR/debug/logattn
    fi
    exec "$python" -B "$root/scripts/$check.py" "$@"
}
