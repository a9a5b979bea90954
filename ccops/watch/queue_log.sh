# ccops queue_log: the lines of some days, of queue_log and what it was rotated into. POSIX sh (also bash 3.2, dash,
# busybox) and CentOS 5's tools; it only reads. Before it stand MOUNT, MINOR, volume.sh, and in seconds since the epoch:
# LOGINS (from when on lines about agents are wanted), CALLS (from when on all are), END (up to when), AFTER (up to when
# the ends of calls are); LIMIT (bytes that are printed at most). Of a large file the place where LOGINS lies is searched
# by blocks, so that the years before are not read. Beside lines of queue_log it prints:
#   ##### from seconds     the oldest line that is there
#   ##### none reason      nothing can be read, and why
#   ##### packed name      a file that cannot be unpacked here
#   ##### cut              there is more than LIMIT
#   ##### end              all was told
BLOCK=65536

told() { printf '##### %s\n' "$*"; }

# The date of the first whole line with one, in t; none among the first few hundred lines is none.
first_date() {
    t=$(awk -F'|' '
        $1 ~ /^[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]+/ && NF > 4 { sub(/[^0-9].*/, "", $1); print $1; exit }
        NR > 500 { exit }')
}

size_of() { ls -lnL "$1" 2>/dev/null | awk '{ print $5; exit }'; }

# In block: where to begin, so that no line of LOGINS or later is missed (the lines of a log are in order).
search() {
    size=$(size_of "$1")
    low=0 high=$(( ${size:-0} / BLOCK ))
    while [ "$low" -lt "$high" ]; do
        middle=$(( (low + high + 1) / 2 ))
        t=$(dd if="$1" bs=$BLOCK skip=$middle count=1 2>/dev/null | sed 1d | { first_date; echo "$t"; })
        if [ -n "$t" ] && [ "$t" -lt "$LOGINS" ]; then low=$middle; else high=$(( middle - 1 )); fi
    done
    block=$low
}

unpacked() {
    case $1 in
    *.gz) gzip -dc "$1" 2>/dev/null ;;
    *.bz2) bzip2 -dc "$1" 2>/dev/null ;;
    *.xz) xz -dc "$1" 2>/dev/null ;;
    *)
        search "$1"
        dd if="$1" bs=$BLOCK skip=$block 2>/dev/null
        ;;
    esac
}

can_unpack() {
    case $1 in
    *.gz) command -v gzip ;;
    *.bz2) command -v bzip2 ;;
    *.xz) command -v xz ;;
    *) true ;;
    esac >/dev/null 2>&1
}

# The files that were written to since LOGINS, the oldest first.
wanted() {
    ls -tr "$d"/queue_log "$d"/queue_log[.-][0-9]* 2>/dev/null | while IFS= read -r f; do
        if [ -f "$f" ] && [ -r "$f" ]; then
            m=$(mtime "$f")
            if [ "${m:-0}" -ge "$LOGINS" ]; then printf '%s\n' "$f"; fi
        fi
    done
}

lines() {
    begun=no
    wanted | while IFS= read -r f; do
        if ! can_unpack "$f"; then told "packed ${f##*/}"; continue; fi
        if [ $begun = no ]; then
            case $f in
            *.gz | *.bz2 | *.xz) t=$(unpacked "$f" | { first_date; echo "$t"; }) ;;
            *) t=$(dd if="$f" bs=$BLOCK count=1 2>/dev/null | { first_date; echo "$t"; }) ;;
            esac
            if [ -n "$t" ]; then told "from $t"; begun=yes; fi
        fi
        unpacked "$f"
        # A file that was cut off in a line must not join it with the next one's first.
        echo
    done
}

filtered() {
    awk -F'|' -v logins="$LOGINS" -v calls="$CALLS" -v end="$END" -v after="$AFTER" -v limit="$LIMIT" '
        BEGIN {
            n = split("AGENTLOGIN AGENTCALLBACKLOGIN AGENTLOGOFF AGENTCALLBACKLOGOFF ADDMEMBER REMOVEMEMBER " \
                "PAUSE UNPAUSE PAUSEALL UNPAUSEALL QUEUESTART", names, " ")
            for (i = 1; i <= n; i++) agents[names[i]] = 1
            n = split("CONNECT COMPLETEAGENT COMPLETECALLER TRANSFER BLINDTRANSFER ATTENDEDTRANSFER ABANDON " \
                "EXITEMPTY EXITWITHTIMEOUT EXITWITHKEY", names, " ")
            for (i = 1; i <= n; i++) ends[names[i]] = 1
        }
        /^##### / { print; next }
        $1 !~ /^[0-9]+(\.[0-9]+)?$/ || NF < 5 { next }
        {
            t = $1 + 0
            if (t > after + 86400) exit
            if (t < logins || t > after) next
            e = $5
            sub(/\r$/, "", e)
            if (t < calls) { if (!(e in agents)) next }
            else if (t > end) { if (!(e in ends)) next }
            else if (!(e in agents) && !(e in ends) && e != "ENTERQUEUE") next
            printed += length($0) + 1
            if (printed > limit) { print "##### cut"; exit }
            print
        }'
}

if frozen; then told none 'I/O on the volume is frozen'
elif [ ! -r "$R/proc/mounts" ]; then told none 'what is mounted cannot be read'
else
    if mounted; then M=yes; else M=no; fi
    V=$(cd -P "$R$MOUNT" 2>/dev/null && pwd -P)
    V=${V:-$R$MOUNT}
    if ! folder "$R/var/log/asterisk"; then told none "$why"
    elif [ -z "$(ls -d "$d"/queue_log "$d"/queue_log[.-][0-9]* 2>/dev/null)" ]; then told none 'not there'
    elif [ -f "$d/queue_log" ] && [ ! -r "$d/queue_log" ]; then told none 'not readable'
    else lines | filtered
    fi
fi
told end
