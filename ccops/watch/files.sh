# Files of a node without their secrets: what is cut here is never sent. Functions only, for scripts that are sent to
# `/bin/sh -s`. POSIX sh; sed and awk of CentOS 5 or busybox are enough. Lines stay where they are in the file, so that
# they can be counted.

filtered() { # FILE FILTER; 0: read, 1: not there, 2: there or hidden, not readable
  if [ -f "$1" ] && [ -r "$1" ]; then "$2" "$1"; return 0; fi
  [ -e "$1" ] && return 2
  folder=${1%/*}
  [ ! -e "$folder" ] || [ -x "$folder" ] || return 2
  return 1
}

without_comments() { sed 's/#.*//' "$1"; }

# The parameters of stonith devices are log-ins and passwords.
without_stonith() {
  without_comments "$1" | sed 's/^\([[:space:]]*[Ss][Tt][Oo][Nn][Ii][Tt][Hh][A-Za-z_]*\).*/\1 ***/'
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
          if (c == "\n") printf "\n"
          if (quoted && c == "\\") { i++; continue }
          if (c == "\"") quoted = !quoted
          if (c == ";" && !quoted) break
        }
        text = substr(text, i)
      }
      printf "%s", text
    }' "$1"
}

# authkeys: which index signs, and index and method of each key. A word that could be a key is not printed.
without_keys() {
  awk '
    function known(word, pattern) { return tolower(word) ~ pattern ? word : "***" }
    /^[ \t]*#/ || NF == 0 { print ""; next }
    tolower($1) == "auth" { print "auth", known($2, "^[0-9][0-9]?$"); next }
    { print known($1, "^[0-9][0-9]?$"), known($2, "^(sha1|md5|crc)$") (NF > 2 ? " ***" : "") }' "$1"
}

# Option files of MySQL: only these keys.
mysql_keys() {
  sed 's/[#;].*//' "$1" | awk '
    /^[ \t]*\[/ { sub(/^[ \t]*/, ""); sub(/\].*/, "]"); print; next }
    {
      at = index($0, "=")
      key = tolower(substr($0, 1, at ? at - 1 : 0)); gsub(/[ \t]/, "", key); gsub(/_/, "-", key)
      if (key !~ /^(datadir|socket|port|bind-address|skip-networking)$/) { print ""; next }
      value = substr($0, at + 1); gsub(/^[ \t"]+|[ \t\r"]+$/, "", value)
      print key " = " value
    }'
}

# asterisk.conf: only its folders.
asterisk_folders() {
  awk '
    { sub(/;.*/, ""); sub(/\r$/, "") }
    /^[ \t]*\[/ || /^[ \t]*ast[a-z]*dir[ \t]*=/ { print; next }
    { print "" }' "$1"
}

# What was read, in frames: ##### NAME / text, no line of which begins so / ##### rc=N. $R stands before every path.
frame() { # NAME COMMAND [ARGUMENT…]
    name=$1; shift
    printed=$("$@" 2>&1 </dev/null); code=$?
    printf '##### %s\n' "$name"
    [ -z "$printed" ] || printf '%s\n' "$printed" | sed 's/^#####/ &/'
    printf '\n##### rc=%s\n' "$code"
}

file_frame() { # NAME PATH FILTER
    frame "$1" filtered "$R$2" "$3"
}

frame_name() { # of a file in /etc: drbd.d_data.res.txt
    n=$(printf '%s' "${1#/etc/}" | sed 's/[^A-Za-z0-9._-]/_/g' | cut -c1-60)
    printf '%s.txt\n' "$n"
}

have() { command -v "$1" >/dev/null 2>&1; }

# drbd.conf and the files that it includes.
drbd_files() {
    echo /etc/drbd.conf
    filtered "$R/etc/drbd.conf" without_comments 2>/dev/null | tr ';' '\n' |
        sed -n 's/^[[:space:]]*include[[:space:]]*"\{0,1\}\([][A-Za-z0-9_.*?\/+-]*\).*/\1/p' |
        while read -r pattern; do
            case $pattern in /*) ;; *) pattern=/etc/$pattern ;; esac
            for f in $R$pattern; do [ -f "$f" ] && printf '%s\n' "${f#"$R"}"; done
        done
    return 0
}
