# Looks at one server and changes nothing. POSIX sh; sed, awk, ls of CentOS 5 or busybox are enough.
# Sent to `/bin/sh -s`; prints sections:   #begin NAME / |line of content … / #end EXIT
# Every line of content begins with "|", so nothing that a file contains can be taken for a frame.
# EXIT of a file is 0: read, 1: not there, 2: there or hidden, not readable; of a command its own, 127: not there.
# Secrets never leave the server: of files that hold any, only named keys are printed.

main() {
  root=${CCOPS_ROOT-}
  LC_ALL=C; export LC_ALL
  folders="$root/usr/local/sbin $root/usr/local/bin $root/usr/sbin $root/usr/bin $root/sbin $root/bin"

  command_section uname.n uname -n
  command_section uname.sr uname -sr
  command_section user id -un
  command_section uid id -u
  command_section groups id -Gn
  section groups.known group_names
  section distribution distribution
  section programs program_paths
  section services service_places
  section resource.d names "$root/etc/ha.d/resource.d"

  for file in "$root"/etc/drbd.conf "$root"/etc/drbd.d/*.conf "$root"/etc/drbd.d/*.res; do
    file_section "drbd:" "$file" without_drbd_secrets
  done
  file_section "" "$root/proc/drbd" cat
  file_section "" "$root/etc/ha.d/ha.cf" without_stonith
  file_section "" "$root/etc/ha.d/haresources" without_comments
  section authkeys authkeys_mode
  for file in manager.conf manager_additional.conf manager_custom.conf; do
    file_section "manager:" "$root/etc/asterisk/$file" manager_keys
  done
  for file in "$root"/etc/asterisk/manager.d/*.conf; do
    file_section "manager:" "$file" manager_keys
  done
  for file in "$root"/etc/my.cnf "$root"/etc/mysql/my.cnf "$root"/etc/my.cnf.d/*.cnf "$root"/etc/mysql/conf.d/*.cnf \
    "$root"/etc/mysql/mysql.conf.d/*.cnf "$root"/etc/mysql/mariadb.conf.d/*.cnf; do
    file_section "mysql:" "$file" mysql_keys
  done
  section mysql.sockets sockets
  section call_center call_center_folder
  section freepbx freepbx_files
  section logs readable_logs

  command_section version.drbdadm drbdadm --version
  section version.heartbeat heartbeat_version
  command_section version.asterisk asterisk -V
  section version.mysql mysql_version
  command_section version.sudo sudo -V
  section cl_status.mode mode_of cl_status
  command_section cl_status cl_status hbstatus
  section journal journal
  command_section sudo sudo -n -l
  section complete true
}

section() { # NAME FUNCTION [ARGUMENT…]
  printf '\n#begin %s\n' "$1"; shift
  output=$("$@" 2>&1 </dev/null); code=$?
  [ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/|/'
  printf '#end %s\n' "$code"
}

command_section() { # NAME COMMAND [ARGUMENT…]
  name=$1; shift
  section "$name" run "$@"
}

file_section() { # PREFIX FILE FILTER
  case $2 in *'*'*) return;; esac
  section "$1${2#"$root"}" filtered "$2" "$3"
}

filtered() { # FILE FILTER
  if [ -f "$1" ] && [ -r "$1" ]; then "$2" "$1"; return 0; fi
  [ -e "$1" ] || [ -L "$1" ] && return 2
  folder=${1%/*}
  [ ! -e "$folder" ] || [ -x "$folder" ] || return 2
  return 1
}

find_program() {
  for folder in $folders; do
    if [ -f "$folder/$1" ] && [ -x "$folder/$1" ]; then printf '%s\n' "$folder/$1"; return 0; fi
  done
  case $1 in uname|id) command -v "$1"; return;; esac
  return 1
}

run() {
  program=$(find_program "$1") || return 127
  shift
  "$program" "$@"
}

group_names() {
  [ -r "$root/etc/group" ] || return 2
  for group in haclient adm systemd-journal asterisk mysql root; do
    sed -n "s/^\($group\):.*/\1/p" "$root/etc/group"
  done
}

distribution() {
  for file in os-release redhat-release debian_version elastix-release issabel-release; do
    [ -r "$root/etc/$file" ] || continue
    case $file in
      os-release) sed -n 's/^PRETTY_NAME=//p' "$root/etc/$file" | sed 's/"//g';;
      *) printf '%s: ' "$file"; sed 1q "$root/etc/$file";;
    esac
  done
}

program_paths() {
  for name in cl_status drbdadm drbdsetup sudo systemctl journalctl service asterisk tail visudo \
    fuser mount umount ip php fwconsole amportal; do
    found=$(find_program "$name") && printf '%s %s\n' "$name" "${found#"$root"}"
  done
  for folder in /usr/share/heartbeat /usr/lib/heartbeat /usr/lib64/heartbeat; do
    for name in hb_standby hb_takeover; do
      [ -f "$root$folder/$name" ] && printf '%s %s\n' "$name" "$folder/$name"
    done
  done
  return 0
}

service_places() { # NAME KIND PATH [REAL NAME]
  for name in asterisk mysqld mariadb mysql heartbeat drbd; do
    for folder in /etc/init.d /etc/rc.d/init.d; do
      [ -f "$root$folder/$name" ] && printf '%s script %s\n' "$name" "$folder/$name"
    done
    for folder in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
      file=$root$folder/$name.service
      if [ -L "$file" ]; then
        printf '%s unit %s %s\n' "$name" "$folder/$name.service" "$(readlink "$file" | sed 's|.*/||')"
      elif [ -f "$file" ]; then
        printf '%s unit %s\n' "$name" "$folder/$name.service"
      fi
    done
  done
}

names() {
  [ -d "$1" ] || return 1
  [ -r "$1" ] || return 2
  ls "$1"
}

# Comments go first (a secret may be commented out); then whatever follows shared-secret up to its semicolon.
without_drbd_secrets() {
  awk '
    { line = ""; quoted = 0
      for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        if (quoted && c == "\\") { line = line c substr($0, i + 1, 1); i++; continue }
        if (c == "\"") quoted = !quoted
        if (c == "#" && !quoted) break
        line = line c
      }
      text = text line "\n"
    }
    END {
      while ((at = index(text, "shared-secret")) > 0) {
        printf "%s \"***\"", substr(text, 1, at + 12)
        text = substr(text, at + 13); quoted = 0
        for (i = 1; i <= length(text); i++) {
          c = substr(text, i, 1)
          if (quoted && c == "\\") { i++; continue }
          if (c == "\"") quoted = !quoted
          if (c == ";" && !quoted) break
        }
        text = substr(text, i)
      }
      printf "%s", text
    }' "$1"
}

without_comments() { sed 's/#.*//' "$1"; } # their lines stay, so that lines can be counted

# The parameters of stonith devices are log-ins and passwords.
without_stonith() {
  without_comments "$1" | sed 's/^\([[:space:]]*[Ss][Tt][Oo][Nn][Ii][Tt][Hh][A-Za-z_]*\).*/\1 ***/'
}

authkeys_mode() {
  [ -e "$root/etc/ha.d/authkeys" ] || return 1
  ls -ldL "$root/etc/ha.d/authkeys" | awk '{ print $1, $3, $4 }'
}

# Only these keys are printed; of a secret, that there is one.
manager_keys() {
  awk '
    hidden { if (/--;/) hidden = 0; next }
    /;--([^-]|$)/ { if (!/--;/) hidden = 1; next }
    { sub(/;.*/, "") }
    /^[ \t]*\[/ { sub(/^[ \t]*/, ""); sub(/\].*/, "]"); print; next }
    /^[ \t]*#(try)?include[ \t]/ { sub(/^[ \t]*/, ""); print; next }
    {
      at = index($0, "="); if (!at) next
      key = tolower(substr($0, 1, at - 1)); gsub(/[ \t]/, "", key)
      if (key == "secret" || key == "md5secret") print key " = ***"
      else if (key ~ /^(enabled|port|bindaddr|read|write|permit|deny|writetimeout)$/) {
        value = substr($0, at + 1); sub(/^>/, "", value); gsub(/^[ \t]+|[ \t\r]+$/, "", value)
        print key " = " value
      }
    }' "$1"
}

mysql_keys() {
  sed 's/[#;].*//' "$1" | awk '
    /^[ \t]*\[/ { sub(/^[ \t]*/, ""); sub(/\].*/, "]"); print; next }
    {
      at = index($0, "="); if (!at) next
      key = tolower(substr($0, 1, at - 1)); gsub(/[ \t]/, "", key); gsub(/_/, "-", key)
      if (key !~ /^(datadir|socket|port|bind-address|skip-networking)$/) next
      value = substr($0, at + 1); gsub(/^[ \t"]+|[ \t\r"]+$/, "", value)
      print key " = " value
    }'
}

sockets() {
  for file in /var/lib/mysql/mysql.sock /var/run/mysqld/mysqld.sock /run/mysqld/mysqld.sock /tmp/mysql.sock; do
    [ -S "$root$file" ] && printf '%s\n' "$file"
  done
  return 0
}

call_center_folder() { # FOLDER yes|no|hidden
  data=$(cat "$root"/etc/my.cnf "$root"/etc/mysql/my.cnf "$root"/etc/mysql/mariadb.conf.d/*.cnf 2>/dev/null |
    sed -n 's/^[[:space:]]*datadir[[:space:]]*=[[:space:]]*\([^[:space:]#;]*\).*/\1/p' | sed -n '$p')
  for folder in $data /var/lib/mysql /data/mysql/data; do
    [ -e "$root$folder" ] || continue
    if [ -d "$root$folder/call_center" ]; then answer=yes
    elif [ -x "$root$folder" ]; then answer=no
    else answer=hidden; fi
    printf '%s %s\n' "$folder" "$answer"
  done
}

# What brings FreePBX' functions up; they hold its passwords, so that only their names are printed.
freepbx_files() { # PATH readable|hidden
  for file in freepbx.conf asterisk/freepbx.conf issabelpbx.conf asterisk/issabelpbx.conf amportal.conf; do
    [ -e "$root/etc/$file" ] || continue
    if [ -r "$root/etc/$file" ]; then state=readable; else state=hidden; fi
    printf '%s %s\n' "/etc/$file" "$state"
  done
}

readable_logs() { # KIND PATH readable|unreadable|missing
  configured=$(sed 's/#.*//' "$root/etc/ha.d/ha.cf" 2>/dev/null |
    sed -n 's/^[[:space:]]*[Ll]ogfile[[:space:]][[:space:]]*\([^[:space:]]*\).*/\1/p' | sed -n '$p')
  logd=$(sed 's/#.*//' "$root/etc/logd.cf" 2>/dev/null |
    sed -n 's/^[[:space:]]*logfile[[:space:]][[:space:]]*\([^[:space:]]*\).*/\1/p' | sed -n '$p')
  for file in $configured; do log_state heartbeat "$file"; done
  for file in $logd; do log_state logd "$file"; done
  log_state usual /var/log/ha-log
  for file in /var/log/kern.log /var/log/messages /var/log/syslog; do log_state kernel "$file"; done
}

log_state() {
  if [ -r "$root$2" ]; then state=readable; elif [ -e "$root$2" ]; then state=unreadable; else state=missing; fi
  printf '%s %s %s\n' "$1" "$2" "$state"
}

heartbeat_version() {
  for file in "$root/usr/lib/heartbeat/heartbeat" "$root/usr/lib64/heartbeat/heartbeat"; do
    [ -x "$file" ] && "$file" -V && return 0
  done
  run rpm -q --qf '%{VERSION}\n' heartbeat && return 0
  run dpkg-query -W -f '${Version}\n' heartbeat
}

mysql_version() {
  for name in mysqld mariadbd mysql; do
    run "$name" --version && return 0
  done
  [ -x "$root/usr/libexec/mysqld" ] || return 127
  "$root/usr/libexec/mysqld" --version
}

mode_of() {
  program=$(find_program "$1") || return 127
  ls -ldL "$program" | awk '{ print $1, $3, $4 }'
}

journal() {
  run journalctl -k -n 1 -q --no-pager >/dev/null
}

main
