# ccops probe. POSIX sh; nothing is written on the node. Settings stand before it: RES MINOR MOUNT DEVICE PEER SELF
# UNITS PIDS SUDO HALOG KERNLOG and, for each log, INODE_ha OFFSET_ha INODE_kern OFFSET_kern (where reading goes on).
# A line on stdin asks for one sample; the end of stdin ends everything. Every line printed begins with its kind:
#   H version pid host cpus     hello                  B n / E n uptime load…   one sample begins, ends
#   X name, then D text…   a section that changed       T seconds zone           this node's clock
#   w name text, W name rc what a command printed       K worker                 all its commands are still as told
#   O log inode offset path    a log is followed from here (no inode: it can't be read)
#   L log inode offset text    a line of it, and where it ends (of history, before the O: no offset)
#   G log                  lines may be missing         Q reason                 start me again
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; export PATH
R=${CCOPS_ROOT-}
IFS='
'
nl=$IFS
set -f

as() { if [ -n "$SUDO" ]; then sudo -n "$@"; else "$@"; fi; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- one sample: builtins only, but for the addresses

section() {
    eval "sent=\${sent_$1-never}"
    [ "$2" = "$sent" ] && return
    eval "sent_$1=\$2"
    printf 'X %s\n%s' "$1" "$2"
}

read_file() {
    v=
    [ -r "$1" ] || return
    while read -r l || [ -n "$l" ]; do v="${v}D $l$nl"; done <"$1"
}

read_mounts() {
    v=
    [ -r "$R/proc/mounts" ] || return
    while read -r l; do
        case $l in /dev/drbd*|"$DEVICE "*|*" $MOUNT "*) v="${v}D $l$nl" ;; esac
    done <"$R/proc/mounts"
}

# A pid file whose process lives and has the right name: running; one whose process is gone: dead; else: none.
read_pids() {
    v=
    for entry in $PIDS; do
        name=${entry%%=*} rest=${entry#*=} state=none
        path=${rest%%=*} comm=${rest#*=}
        if [ -r "$R$path" ]; then
            p= state=dead
            read -r p <"$R$path"
            p=${p#"${p%%[! ]*}"} p=${p%%[!0-9]*}
            if [ -n "$p" ] && [ -r "$R/proc/$p/stat" ]; then
                s=
                read -r s <"$R/proc/$p/stat"
                case $s in *"($comm"*") Z"*) ;; *"($comm"*) state=running ;; esac
            fi
        elif [ -e "$R$path" ]; then state=hidden
        fi
        v="${v}D $name $state$nl"
    done
}

read_addresses() {
    v=
    if [ -n "$ip" ]; then o=$("$ip" -o addr show 2>&1); else o=$(ifconfig 2>&1); fi
    for l in $o; do v="${v}D $l$nl"; done
}

sample() {
    printf 'B %s\n' "$1"
    read_file "$R/proc/drbd"
    [ -e "$R/proc/drbd" ] || v="D cat: /proc/drbd: No such file or directory$nl"
    section drbd "$v"
    read_addresses; section addresses "$v"
    read_mounts; section mounts "$v"
    read_pids; section pids "$v"
    up= load=
    [ -r "$R/proc/uptime" ] && read -r up <"$R/proc/uptime"
    [ -r "$R/proc/loadavg" ] && read -r load <"$R/proc/loadavg"
    printf 'E %s %s %s\n' "$1" "${up%% *}" "$load"
}

# --- commands that may hang: each worker has one in flight, and only that worker waits for it

tell() {
    key=$1 label=$2
    shift 2
    o=$("$@" 2>&1 </dev/null)
    c=$?
    eval "was=\${was_$key-never}"
    [ "$c $o" = "$was" ] && return
    eval "was_$key=\"\$c \$o\""
    t=
    for l in $o; do t="${t}w $label $l$nl"; done
    printf '%sW %s %s\n' "$t" "$label" "$c"
}

watch_heartbeat() {
    have cl_status || { printf 'w hbstatus cl_status is not installed\nW hbstatus 127\nK heartbeat\n'; return; }
    n=0
    while :; do
        if [ $((n % 5)) = 0 ]; then
            tell hb hbstatus as cl_status hbstatus
            tell self "node:$SELF" as cl_status nodestatus "$SELF"
            links=$(as cl_status listhblinks "$PEER" 2>/dev/null </dev/null)
            i=0
            for l in $links; do
                i=$((i + 1)) l=${l##*[[:space:]]}
                case $l in *[!A-Za-z0-9_./:-]*) continue ;; esac
                tell "link$i" "link:$l" as cl_status hblinkstatus "$PEER" "$l"
            done
        fi
        tell rsc rscstatus as cl_status rscstatus
        tell peer "node:$PEER" as cl_status nodestatus "$PEER"
        case ${DRBD9-} in ?*) tell drbd9 drbd9 as drbdsetup status "$RES" --json ;; esac
        printf 'K heartbeat\n'
        n=$((n + 1))
        sleep "$PACE"
    done
}

# One word a unit where systemd answers; else a line a unit: name, exit code, what its init script or a look at the
# processes says (systemd answers nobody but root where there is no D-Bus).
unit_states() {
    o=
    have systemctl && o=$(systemctl is-active $UNITS 2>/dev/null)
    [ -n "$o" ] && { echo "$o"; return; }
    for u in $UNITS; do
        c= t=
        if [ -x "$R/etc/init.d/$u" ] && ! have systemctl; then t=$("$R/etc/init.d/$u" status 2>&1 | head -n 1)
        else
            case $u in mysql*|mariadb*) p='mysqld
mariadbd' ;; *) p=$u ;; esac
            if pidof $p >/dev/null 2>&1; then c=0 t="$u is running"; else c=3 t="$u is stopped"; fi
        fi
        echo "$u $c $t"
    done
}

heartbeat_version() {
    for d in /usr/lib/heartbeat /usr/libexec/heartbeat /usr/lib64/heartbeat /usr/lib/x86_64-linux-gnu/heartbeat; do
        [ -x "$R$d/heartbeat" ] && { "$R$d/heartbeat" -V; return; }
    done
    return 127
}

watch_host() {
    have asterisk && tell asterisk version:asterisk asterisk -V
    if have mysqld; then tell mysqld version:mysqld mysqld --version
    elif [ -x "$R/usr/libexec/mysqld" ]; then tell mysqld version:mysqld "$R/usr/libexec/mysqld" --version; fi
    tell hbversion version:heartbeat heartbeat_version
    while :; do
        tell units units unit_states
        tell df df df -P -k "$MOUNT"
        have drbdadm && tell gi gi as drbdadm get-gi "$RES"
        printf 'K host\n'
        sleep 5
    done
}

# --- logs: followed by inode, so that rotation neither loses nor repeats a line

lines_of() {
    off=$3
    while read -r l; do
        off=$((off + ${#l} + 1))
        case $1$l in ha*|kern*drbd*|kern*DRBD*) printf 'L %s %s %s %s\n' "$1" "$2" "$off" "$l" ;; esac
    done
}

# History, in one go: a shell reads a pipe byte by byte. The last line may still lack its end.
past() { { cat; echo; } | sed -n "/./s/^/L $1 $2 0 /p"; }

follow() {
    log=$1 fd=$2 from=$3
    { tail -c +$((from + 1)) $often -f "/proc/$$/fd/$fd" 2>/dev/null | lines_of "$log" "$inode" "$from"; } &
}

stat_fd() {
    set -- $(IFS=' '; for w in $(ls -Lin "/proc/$$/fd/$1"); do echo "$w"; done)
    inode=$1 size=$6
}

# The rest of a log that was rotated while nobody followed it: the file with the inode that was read last.
finish_rotated() {
    set +f
    for f in "$2".1 "$2".0 "$2"-*; do
        set -f
        [ -f "$f" ] || continue
        o=$(ls -i "$f")
        o=${o#"${o%%[! ]*}"}
        [ "${o%% *}" = "$3" ] || continue
        tail -c +$(($4 + 1)) "$f" 2>/dev/null | lines_of "$1" "$3" "$4"
        return
    done
    set -f
    printf 'G %s\n' "$1"
}

open_log() {
    log=$1 fd=$2 path=$3 last=$4 at=$5
    [ -n "$path" ] && [ -r "$path" ] || { printf 'O %s - 0 %s\n' "$log" "$path"; return 1; }
    case $fd in 5) exec 5<"$path" ;; *) exec 6<"$path" ;; esac
    stat_fd "$fd"
    from=$size
    if [ "$last" = "$inode" ] && [ "$at" -le "$size" ]; then from=$at
    elif [ "$last" = "$inode" ]; then printf 'G %s\n' "$log"; from=0
    elif [ -n "$last" ]; then finish_rotated "$log" "$path" "$last" "$at"; from=0
    else
        back=$((size > 4194304 ? size - 4194304 : 0))
        tail -c +$((back + 1)) "/proc/$$/fd/$fd" | head -c $((size - back)) |
            case $log in kern) grep -a -i drbd ;; *) cat ;; esac | tail -n 400 | past "$log" "$inode"
    fi
    printf 'O %s %s %s %s\n' "$log" "$inode" "$from" "$path"
    follow "$log" "$fd" "$from"
}

# True when another file stands at the log's path: it is followed from its start, beside the old one.
rotated() {
    [ -n "$2" ] && [ -r "$2" ] || return 1
    [ "$2" -ef "/proc/$$/fd/$3" ] && return 1
    case $3 in 5) exec 5<"$2" ;; *) exec 6<"$2" ;; esac
    stat_fd "$3"
    printf 'O %s %s 0 %s\n' "$1" "$inode" "$2"
    follow "$1" "$3" 0
}

# --- the whole

trap 'trap "" TERM; kill 0' 0
trap 'exit 0' HUP INT TERM
ip=$(command -v ip)
# tail does not use inotify on an open descriptor's path; looking 30 times a second costs it next to nothing.
often=-s0.03
tail $often -c 0 /dev/null 2>/dev/null || often=
host=
[ -r "$R/proc/sys/kernel/hostname" ] && read -r host <"$R/proc/sys/kernel/hostname"
cpus=0
[ -r "$R/proc/stat" ] && while read -r l; do case $l in cpu[0-9]*) cpus=$((cpus + 1)) ;; esac; done <"$R/proc/stat"
printf 'H 1 %s %s %s\n' "$$" "${host:--}" "$cpus"

kernlog=
case $KERNLOG in
    auto) for f in /var/log/kern.log /var/log/messages; do [ -r "$R$f" ] && { kernlog=$R$f; break; }; done ;;
    ?*) kernlog=$R$KERNLOG ;;
esac
open_log ha 5 "$R$HALOG" "$INODE_ha" "$OFFSET_ha" && ha=$R$HALOG || ha=
open_log kern 6 "$kernlog" "$INODE_kern" "$OFFSET_kern" && kern=$kernlog || kern=

[ -r "$R/proc/drbd" ] && read -r first <"$R/proc/drbd" && case $first in "version: 9"*) DRBD9=1 ;; esac
watch_heartbeat &
watch_host &
# Ends what a dead connection left behind: it hears of every tenth sample, and of none for two minutes means the end.
( trap 'heard=1' USR1; while :; do heard=; sleep 120; [ -n "$heard" ] || kill -TERM 0; done ) &
dog=$!

n=0 gone=0
while read -r ask; do
    sample "$n"
    if [ $((n % 5)) = 0 ]; then printf 'T %s\n' "$(IFS=' '; date '+%s.%N %z')"; fi
    if [ $((n % 10)) = 9 ]; then kill -USR1 "$dog"; fi # never before its trap is set
    if rotated ha "$ha" 5; then gone=$((n + 60)); fi
    if rotated kern "$kern" 6; then gone=$((n + 60)); fi
    if [ "$gone" != 0 ] && [ "$n" -ge "$gone" ]; then printf 'Q rotated\n'; break; fi
    n=$((n + 1))
done
