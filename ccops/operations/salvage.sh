# What a victim's volume has that its peer lacks, as a tar archive on standard output; what it holds on standard error.
# POSIX sh, for `/bin/sh -c`. Settings stand before it: MOUNT SINCE (seconds since the epoch, by this node's clock)
# RAW (1: MySQL's own files too, where no server runs to ask) LIST (1: only tell how large it will be, in KiB).
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin; export PATH
R=${CCOPS_ROOT-}
now=$(date +%s)
age=$(((now - SINCE) / 60 + 2))
[ "$age" -gt 0 ] || age=1
V=$(cd -P "$R$MOUNT" 2>/dev/null && pwd -P)

# The folder with links resolved, if it lies on the volume.
on_volume() {
    d=$(cd -P "$R$1" 2>/dev/null && pwd -P) || return 1
    case $d/ in "$V"/*) [ -n "$V" ] ;; *) return 1 ;; esac
}

wanted() {
    if on_volume /var/log/asterisk; then
        find "$d" -type f \( -name 'queue_log*' -o -name '*.csv' \) -mmin -$age -print
    fi
    for p in /var/spool/asterisk/monitor /var/spool/asterisk/voicemail /var/spool/asterisk/fax; do
        on_volume "$p" && find "$d" -type f -mmin -$age -print
    done
    if [ "$RAW" = 1 ]; then
        find "$V" -maxdepth 5 -type d -name call_center -print 2>/dev/null | sed -n 1p | while read -r d; do
            for n in call_center asteriskcdrdb; do
                [ -d "${d%/*}/$n" ] && find "${d%/*}/$n" -type f -print
            done
            find "${d%/*}" -maxdepth 1 -type f \( -name 'ibdata*' -o -name 'ib_logfile*' -o -name 'aria_log*' \) -print
        done
    fi
}

# Names with a line break in them cannot be told from two names: they are left out, and there are none.
listed() { wanted | while IFS= read -r f; do [ -f "$f" ] && printf '%s\n' "${f#"$V"/}"; done | sort -u; }

{ [ -n "$V" ] && cd "$V" 2>/dev/null; } || { echo "the volume cannot be entered at $MOUNT" >&2; exit 2; }
if [ "$LIST" = 1 ]; then
    listed | while IFS= read -r f; do du -k "$f" 2>/dev/null; done | awk '{ n++; k += $1 } END { print n + 0, k + 0 }'
    exit 0
fi
listed | tar cf - -T -
