# Files of the call centre that lie on the volume: whether they can be read now, and why not. POSIX sh (also bash 3.2,
# dash, busybox); for scripts that are sent to `/bin/sh -s`. Before it stand MOUNT and MINOR; whoever uses `folder` or
# `missing` sets M to yes or no (`mounted`) and V to the mount point with links resolved.
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin; export PATH
R=${CCOPS_ROOT-}

mtime() { stat -c %Y "$1" 2>/dev/null || date -r "$1" +%s 2>/dev/null; }

# I/O frozen by DRBD (the first flag is s): whoever reads then waits for ever.
frozen() {
    [ -r "$R/proc/drbd" ] || return 1
    while read -r l; do
        case $l in "$MINOR: cs:"*" s"[r-][-a-z][-a-z]*) return 0 ;; esac
    done <"$R/proc/drbd"
    return 1
}

mounted() {
    while read -r device point rest; do
        case $device in /dev/drbd*) [ "$point" = "$MOUNT" ] && return 0 ;; esac
    done <"$R/proc/mounts"
    return 1
}

# Whether a folder above that path is one that may not be entered.
barred() {
    a=$1
    while [ -n "$a" ]; do
        a=${a%/*}
        [ -d "${a:-/}" ] && [ ! -x "${a:-/}" ] && return 0
    done
    return 1
}

# Why that path is not there: a folder above it, or above what a link names, may not be entered, or the link leads into
# the volume that is not mounted.
missing() {
    why='not there' p=$1
    if barred "$p"; then why='not readable'; return; fi
    while [ "${#p}" -gt "${#R}" ]; do
        if [ -h "$p" ] && [ ! -e "$p" ]; then
            if [ "$M" = no ]; then why='not mounted here'; return; fi
            t=$(readlink "$p")
            case $t in /*) t=$R$t ;; *) t=${p%/*}/$t ;; esac
            if barred "$t"; then why='not readable'; fi
        fi
        p=${p%/*}
    done
}

# The folder with links resolved in d; or why it cannot be read. What lies below the mount point while nothing is
# mounted there is no part of the volume.
folder() {
    if [ ! -d "$1" ]; then missing "$1"; return 1; fi
    d=$(cd -P "$1" 2>/dev/null && pwd -P)
    if [ -z "$d" ]; then why='not readable'; return 1; fi
    case $d/ in "$V"/*) if [ "$M" = no ]; then why='not mounted here'; return 1; fi ;; esac
}

file() {
    if [ ! -f "$1" ]; then missing "$1"; return 1; fi
    if [ ! -r "$1" ]; then why='not readable'; return 1; fi
    if [ ! -s "$1" ]; then why='empty'; return 1; fi
}
