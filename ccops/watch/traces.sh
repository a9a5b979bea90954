# ccops traces: when this node's call centre wrote last. POSIX sh (also bash 3.2, dash, busybox); it only reads, and
# only dates leave the node. Before it stand MOUNT, MINOR and volume.sh. Every line printed begins with its kind:
#   T name seconds     name was written last then, by this node's clock (seconds since the epoch)
#   N name reason      there is no date, and why
#   E                  the end: all was told
LARGE=2097152
LAST=2000

told() { printf 'T %s %s\n' "$1" "$2"; }
untold() { printf 'N %s %s\n' "$1" "$2"; }

# The last line about a call, which has a channel's number; a start of Asterisk and agents' doings are no calls.
queue_log() {
    if ! folder "$R/var/log/asterisk"; then untold queue_log "$why"; return; fi
    reason=
    for f in "$d/queue_log" "$d/queue_log.1"; do
        if file "$f"; then
            t=$(tail -n $LAST "$f" 2>/dev/null | awk -F'|' '
                $1 ~ /^[0-9]+$/ && $2 ~ /[0-9]\.[0-9]+$/ && $5 !~ /^AGENTLOG/ { t = $1 } END { print t }')
            if [ -n "$t" ]; then told queue_log "$t"; return; fi
            why="no call in its last $LAST lines"
        fi
        reason=${reason:-$why}
    done
    untold queue_log "$reason"
}

# The dates in its lines have no zone; that of the file is the moment of the last line.
cdr() {
    if folder "$R/var/log/asterisk/cdr-csv" && file "$d/Master.csv"; then
        t=$(mtime "$d/Master.csv")
        if [ -n "$t" ]; then told cdr "$t"; return; fi
        why='not readable'
    fi
    untold cdr "$why"
}

# The date of the newest plain file in a folder, in t. A very large one is not sorted: it would take the disk's time.
newest() {
    t=
    if [ ! -r "$1" ] || [ ! -x "$1" ]; then why='not readable'; return; fi
    size=$(ls -ldn "$1" 2>/dev/null | awk '{ print $5 }')
    if [ "${size:-0}" -gt $LARGE ]; then why='too many files in one folder'; return; fi
    t=$(ls -t "$1" 2>/dev/null | head -n 50 | while IFS= read -r n; do
        if [ -f "$1/$n" ]; then mtime "$1/$n"; break; fi
    done)
}

# Recordings lie in one folder, or in one a day: YEAR/MONTH/DAY.
recording() {
    if ! folder "$R/var/spool/asterisk/monitor"; then untold recording "$why"; return; fi
    why='no recording there'
    newest "$d"
    best=$t day=
    if [ "$why" = 'no recording there' ]; then
        for y in "$d"/[0-9][0-9][0-9][0-9]; do [ -d "$y" ] && day=$y; done
        for part in month day; do
            deeper=
            [ -n "$day" ] && for n in "$day"/[0-9][0-9]; do [ -d "$n" ] && deeper=$n; done
            day=$deeper
        done
        if [ -n "$day" ]; then
            newest "$day"
            if [ -n "$t" ] && [ "$t" -gt "${best:-0}" ]; then best=$t; fi
        fi
    fi
    if [ -n "$best" ]; then told recording "$best"; else untold recording "$why"; fi
}

all() {
    for k in queue_log cdr recording; do untold $k "$1"; done
}

if frozen; then all 'I/O on the volume is frozen'
elif [ ! -r "$R/proc/mounts" ]; then all 'what is mounted cannot be read'
else
    if mounted; then M=yes; else M=no; fi
    V=$(cd -P "$R$MOUNT" 2>/dev/null && pwd -P)
    V=${V:-$R$MOUNT}
    queue_log
    cdr
    recording
fi
echo E
