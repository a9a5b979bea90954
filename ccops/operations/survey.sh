# What an operation must know of a node beside what is watched; nothing is written there. POSIX sh, for `/bin/sh -s`;
# after files.sh. Settings stand before it: MOUNT MINOR SERVICES (names in haresources). Prints frames (see files.sh).
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

# PID WHAT ANCESTORS of every process that has something of the volume open: the nearest ancestor first, itself before
# it. 2 when processes of others could not be looked at.
holders() {
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
            }' |
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
            [ -n "$chain" ] && printf '%s %s %s\n' "$pid" "$chain" "${line#* }"
        done
    [ "$(id -u)" = 0 ] || [ -n "$R" ] || return 2
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
