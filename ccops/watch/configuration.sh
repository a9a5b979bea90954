# One node's configuration, without its secrets; nothing is written there. POSIX sh, for `/bin/sh -s`; after files.sh.
# Settings stand before it: DEVICE MOUNT UNITS SALT. Prints frames, each a bundle's file:
#   ##### NAME / what was read, no line of which begins so / ##### rc=N
# N of a file is 0: read, 1: not there, 2: not readable; of a command its own, 127: not there.
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; export PATH
R=${CCOPS_ROOT-}
IFS='
'

configuration() {
    frame uname_n.txt uname -n
    file_frame ha.cf.txt /etc/ha.d/ha.cf without_stonith
    file_frame haresources.txt /etc/ha.d/haresources without_comments
    frame authkeys_mode.txt mode_of /etc/ha.d/authkeys
    file_frame authkeys.txt /etc/ha.d/authkeys without_keys
    frame authkeys_fingerprint.txt fingerprint /etc/ha.d/authkeys

    frame drbd_files.txt drbd_files
    for f in $(drbd_files); do file_frame "$(frame_name "$f")" "$f" without_drbd_secrets; done
    frame partitions.txt cat "$R/proc/partitions"
    frame devices.txt devices

    for f in $(mysql_files); do file_frame "$(frame_name "$f")" "$f" mysql_keys; done
    file_frame asterisk.conf.txt /etc/asterisk/asterisk.conf asterisk_folders
    frame places.txt places
    frame init.txt init
    file_frame fstab.txt /etc/fstab of_the_volume

    frame drbd_version.txt sed -n 1p "$R/proc/drbd"
    frame heartbeat_version.txt heartbeat_version
    frame asterisk_version.txt asterisk -V
    frame mysql_version.txt mysql_version
}

mode_of() {
    [ -e "$R$1" ] || { filtered "$R$1" true; return; }
    ls -lnLd "$R$1"
}

# Tells whether two nodes have the same keys, and gives them away to nobody: four digits of a salted sum.
fingerprint() {
    filtered "$R$1" true || return
    have sha1sum && [ -n "$SALT" ] || return 127
    { printf '%s\n' "$SALT"; awk '$1 ~ /^[0-9]+$/ { print $1, tolower($2), $3 }' "$R$1" | sort; } | sha1sum | cut -c1-4
}

# The disks below DRBD and those of its meta-data: PATH and how ls -lLn lists the device.
devices() {
    for f in $(drbd_files); do filtered "$R$f" without_drbd_secrets; done | tr ';{}' '\n\n\n' |
        sed -n 's/^[[:space:]]*\(flexible-\)\{0,1\}\(meta-\)\{0,1\}disk[[:space:]]\{1,\}"\{0,1\}\(\/dev\/[A-Za-z0-9_.:\/+-]*\).*/\3/p' |
        sort -u |
        while read -r d; do
            if [ -e "$R$d" ]; then printf '%s %s\n' "$d" "$(ls -lLnd "$R$d")"; else printf '%s missing\n' "$d"; fi
        done
}

mysql_files() {
    for f in "$R"/etc/my.cnf "$R"/etc/mysql/my.cnf "$R"/etc/my.cnf.d/*.cnf "$R"/etc/mysql/conf.d/*.cnf \
        "$R"/etc/mysql/mysql.conf.d/*.cnf "$R"/etc/mysql/mariadb.conf.d/*.cnf; do
        [ -f "$f" ] && printf '%s\n' "${f#"$R"}"
    done
}

# Where the data of MySQL and Asterisk really are: PATH -> TARGET of every link on the way, and at its end PATH and
# what it is; then what DRBD's devices are mounted on.
places() {
    {
        for p in etc/asterisk var/lib/mysql var/lib/asterisk var/spool/asterisk var/log/asterisk; do echo "/$p"; done
        for f in $(mysql_files); do
            [ -r "$R$f" ] && mysql_keys "$R$f" | sed -n 's/^datadir = \(\/.*\)/\1/p'
        done
        filtered "$R/etc/asterisk/asterisk.conf" asterisk_folders 2>/dev/null |
            sed -n 's/^[[:space:]]*ast[a-z]*dir[[:space:]]*=>\{0,1\}[[:space:]]*\(\/[^[:space:]]*\).*/\1/p'
    } | sort -u | while read -r p; do walk "$p" 0; done
    sed -n 's/^\(\/dev\/drbd[^ ]*\) \([^ ]*\) .*/mounted \1 \2/p' "$R/proc/mounts"
}

walk() { # PATH DEPTH
    rest=${1#/} at=
    while :; do
        part=${rest%%/*}
        at=$at${part:+/$part}
        if [ -L "$R$at" ] && have readlink && [ "$2" -lt 8 ]; then
            target=$(readlink "$R$at")
            printf '%s -> %s\n' "$at" "$target"
            case $target in /*) ;; *) target=${at%/*}/$target ;; esac
            case $rest in */*) target=$target/${rest#*/} ;; esac
            walk "$target" $(($2 + 1))
            return
        fi
        case $rest in */*) rest=${rest#*/} ;; *) break ;; esac
        [ ! -d "$R$at" ] || [ -x "$R$at" ] || { printf '%s hidden\n' "${1%/}"; return; }
    done
    if [ -d "$R$at" ]; then kind=directory; elif [ -e "$R$at" ]; then kind=file; else kind=missing; fi
    printf '%s %s\n' "$at" "$kind"
}

# Each service of the pair and what init does with it: systemd's word, else whether a link starts it (linked, unlinked).
init() {
    {
        echo "$UNITS"
        filtered "$R/etc/ha.d/haresources" without_comments 2>/dev/null
    } | tr ' \t' '\n\n' | sed -n '/^[A-Za-z][A-Za-z0-9@._-]*$/p' | sort -u | while read -r s; do
        state=$(systemctl is-enabled "$s" 2>/dev/null | sed -n 1p)
        if [ -z "$state" ] && [ -d "$R/etc/rc3.d" ]; then
            state=unlinked
            for l in "$R"/etc/rc[2345].d/S[0-9][0-9]"$s"; do
                if [ -L "$l" ] || [ -e "$l" ]; then state=linked; fi
            done
        fi
        printf '%s %s\n' "$s" "${state:-?}"
    done
}

# fstab: the lines of the volume.
of_the_volume() {
    awk -v device="$DEVICE" -v point="$MOUNT" '
        $1 !~ /^#/ && ($1 == device || $2 == point || $1 ~ /^\/dev\/drbd/) { print; next }
        { print "" }' "$1"
}

heartbeat_version() {
    for d in /usr/lib/heartbeat /usr/libexec/heartbeat /usr/lib64/heartbeat /usr/lib/x86_64-linux-gnu/heartbeat; do
        [ -x "$R$d/heartbeat" ] && { "$R$d/heartbeat" -V; return; }
    done
    return 127
}

mysql_version() {
    for n in mysqld mariadbd; do have $n && { $n --version; return; }; done
    [ -x "$R/usr/libexec/mysqld" ] || return 127
    "$R/usr/libexec/mysqld" --version
}

configuration
