# shellcheck shell=bash
# What every script here shares: where things are, how to speak, who runs what.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"
export VITRINE_STATE=${VITRINE_STATE:-/var/lib/vitrine}
export VITRINE_RUN=${VITRINE_RUN:-/run/vitrine}
export VITRINE_USER=${VITRINE_USER:-vitrine}
# shellcheck disable=SC2034 # used by those who read this file
PYTHON=$ROOT/.venv/bin/python

say() { printf '%5.1f s  %s\n' "$(since_start)" "$*" >&2; }

since_start() {
    local now=${EPOCHREALTIME/[^0-9]/}
    local tenths=$(((now - START) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
START=${EPOCHREALTIME/[^0-9]/}

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

need_root() {
    [ "$(id -u)" = 0 ] || die "needs root, because it makes namespaces and cgroups: sudo script/${0##*/}"
}

# answers PORT: something listens there on this machine.
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Variables that the site reads, and nothing else of root's environment.
site_environment() {
    local name
    for name in $(compgen -e); do
        case $name in
            VITRINE_*|DJANGO_*|DATABASE_URL|REDIS_URL|LANG|LC_ALL|TZ|TERM) printf '%s=%s\0' "$name" "${!name}" ;;
        esac
    done
}

# as_vitrine COMMAND…: replace this shell by the command, run as the site's own user.
#
# The user has no right, not even to read a clone in somebody's home directory, so the clone is
# bound to $VITRINE_RUN/app in a mount namespace of the command's own: the host's mount table
# stays as it was, and the binding is gone with the command.
as_vitrine() {
    local -a environment
    mapfile -d '' -t environment < <(site_environment)
    # shellcheck disable=SC2016
    exec unshare --mount --propagation private bash -c '
        set -e
        mount --bind "$1" "$2"
        cd "$2"
        user=$3
        shift 3
        exec setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all \
            --bounding-set=-all --no-new-privs --pdeathsig TERM -- "$@"
    ' as-vitrine "$ROOT" "$VITRINE_RUN/app" "$VITRINE_USER" \
        env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$VITRINE_STATE" PYTHONUNBUFFERED=1 \
        PYTHONDONTWRITEBYTECODE=1 "${environment[@]}" "$@"
}
