# What an operation must know of a node beside what is watched; nothing is written there. POSIX sh, for `/bin/sh -s`;
# after files.sh. Settings stand before it: MOUNT MINOR SERVICES (names in haresources) SUDO (not empty: sudo may be
# asked). Prints frames (see files.sh).
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; export PATH
R=${CCOPS_ROOT-}
IFS='
'

survey() {
    frame tools.txt tools
    file_frame ha.cf.txt /etc/ha.d/ha.cf without_stonith
    file_frame haresources.txt /etc/ha.d/haresources without_comments
    for f in $(drbd_files); do file_frame "$(frame_name "$f")" "$f" without_drbd_secrets; done
    frame holders.txt holders
    frame kernel_holders.txt kernel_holders
    frame missing.txt missing
    frame space.txt space
    frame flock.txt command -v flock
    frame date.txt date +%s
}

# NAME PATH of Heartbeat's commands: distributions keep them in different places.
tools() {
    for n in hb_standby hb_takeover; do
        for d in /usr/share/heartbeat /usr/lib/heartbeat /usr/lib64/heartbeat; do
            if [ -x "$R$d/$n" ]; then echo "$n $d/$n"; break; fi
        done
    done
}

# PID ANCESTORS WHAT of every process that has something of the volume open: its own name before those of the processes
# that started it, the nearest first. 2 when processes of others could not be looked at.
holders() {
    all=; all=$(fuser_holders) && sure=0 || sure=2
    [ "$(id -u)" != 0 ] && [ -z "$R" ] || sure=0
    { own_holders; printf '%s\n' "$all"; } | awk 'NF > 1 && !told[$1]++' |
        while read -r line; do
            pid=${line%% *}
            chain= p=$pid depth=0
            while [ "$p" -gt 1 ] 2>/dev/null && [ $depth -lt 12 ]; do
                { IFS= read -r stat <"$R/proc/$p/stat"; } 2>/dev/null || break
                name=${stat#*\(}; name=${name%)*}
                chain="$chain($name)"
                stat=${stat##*) }; stat=${stat#* }; p=${stat%% *}
                depth=$((depth + 1))
            done
            # One that only fuser sees is told without its name: who it is cannot be known, that it is there can.
            [ -n "$chain" ] || case $line in *" open") chain='(?)' ;; esac
            [ -n "$chain" ] && printf '%s %s %s\n' "$pid" "$chain" "${line#* }"
        done
    return $sure
}

# PID WHAT of those that this user may look at: all of them for root.
own_holders() {
    ls -l "$R"/proc/[0-9]*/cwd "$R"/proc/[0-9]*/root "$R"/proc/[0-9]*/exe "$R"/proc/[0-9]*/fd 2>/dev/null |
        awk -v mount="$MOUNT" -v device="/dev/drbd$MINOR" '
            /:$/ && / -> / == 0 { folder = $0; sub(/:$/, "", folder); next }
            {
                at = index($0, " -> ")
                if (!at) next
                target = substr($0, at + 4)
                if (target != mount && index(target, mount "/") != 1 && target != device) next
                link = substr($0, 1, at - 1); sub(/.* /, "", link)
                path = link ~ /\// ? link : folder "/" link
                sub(/.*\/proc\//, "", path)
                split(path, part, "/")
                if (!(part[1] in told)) { told[part[1]] = 1; print part[1], part[2] ":" target }
            }'
}

# PID `open` of everybody's, by sudo where that is wanted and granted. Only while the volume is mounted: of a folder that
# is none fuser would tell all that is open below /. It says nothing and ends with 1 where nobody has it open.
fuser_holders() {
    [ -n "$SUDO" ] && [ "$(id -u)" != 0 ] || return 2
    awk -v m="$MOUNT" '$2 == m { found = 1 } END { exit !found }' "$R/proc/mounts" 2>/dev/null || return 2
    said=$(sudo -n fuser -m "$MOUNT" 2>&1 >/dev/null)
    pids=$(sudo -n fuser -m "$MOUNT" 2>/dev/null) && code=0 || code=$?
    [ $code = 0 ] || { [ $code = 1 ] && [ -z "$said" ]; } || return 2
    printf '%s\n' "$pids" | tr -cs '0-9' '\n' | sed -n 's/.$/& open/p'
}

# What the kernel itself holds open: devices on top, mounts below, exports, swap.
kernel_holders() {
    for f in "$R/sys/block/drbd$MINOR/holders"/*; do [ -e "$f" ] && printf 'device %s\n' "${f##*/}"; done
    for f in proc/mounts var/lib/nfs/etab proc/swaps; do
        [ -r "$R/$f" ] && sed -n "s|^\([^ ]* \)\{0,1\}\($MOUNT/[^ 	]*\).*|$f \2|p; s|^\($MOUNT\)[ 	].*|$f \1|p" "$R/$f"
    done
    return 0
}

# Services that this node could not start, and why.
missing() {
    echo "$SERVICES" | tr ' ' '\n' | while read -r s; do
        found=
        for d in /etc/ha.d/resource.d /etc/init.d /etc/rc.d/init.d; do
            [ -x "$R$d/$s" ] && { found=1; break; }
        done
        if [ -z "$found" ]; then
            for d in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
                [ -e "$R$d/$s.service" ] && { found=1; break; }
            done
        fi
        [ -n "$found" ] || { echo "$s no script or unit starts it"; continue; }
        case $s in
        asterisk) have asterisk || echo "$s the program asterisk is not installed" ;;
        mysql*|mariadb*)
            have mysqld || have mariadbd || [ -x "$R/usr/libexec/mysqld" ] || echo "$s the program mysqld is not installed" ;;
        esac
    done
}

# MOUNTPOINT KIB that are free where services write.
space() {
    for p in / /var /tmp; do
        df -Pk "$p" 2>/dev/null | awk 'NR > 1 && $4 ~ /^[0-9]+$/ { print $6, $4 }'
    done | sort -u
}

survey
