# One operation a pair at a time: holds a lock on this node for as long as whoever asked for it is there.
# Settings stand before it: LOCK (a file), MARK (resource:node), WHO, PATIENCE (seconds). Reads lines:
#   take   tries to take the lock; prints `H` (held), `B WHO` (busy), `N WHY` (cannot be had here)
#   .      the holder is alive; without one for PATIENCE seconds, or at the end of input, it is over
# The lock is the kernel's (flock), so it ends with this process however that ends. Who holds it stands in the
# command line of a child, so nothing but the empty file is ever written. POSIX sh; flock is util-linux' or busybox'.
LC_ALL=C; export LC_ALL
f=${CCOPS_ROOT-}$LOCK
# Put together here, so that this script's own command line does not have it; the pattern does not match itself.
m=ccops-ho; pattern="${m}[l]ds:$MARK:$f:"; m="${m}lds:$MARK:$f:"
guard= name=ccops-waits

watch() {
    before=$guard
    # Its name tells others who holds the lock; one is there at any time. USR1 ends it, as this shell has no trap of
    # its own for that: a signal that this shell traps is lost on a child that has just been forked, and then a
    # guard that was thought gone would end a holder who lives.
    sh -c 'trap "kill \$s 2>/dev/null; exit" USR1; sleep "$1" & s=$!; wait $s
        read -r pid name state parent rest </proc/$$/stat; [ "$parent" != "$2" ] || kill -9 "$2"' \
        "$name" "$PATIENCE" "$$" "$WHO" 9<&- </dev/null >/dev/null 2>&1 &
    guard=$!
    [ -z "$before" ] || kill -USR1 "$before" 2>/dev/null
}

holder() {
    for try in 1 2 3; do
        p=$(grep -la "$pattern" /proc/[0-9]*/cmdline 2>/dev/null | head -n 1)
        who=$({ tr '\0' '\n' <"$p" | sed -n '$p'; } 2>/dev/null)
        # One that has just taken the other's place is there at the next look.
        if [ -n "$who" ]; then printf '%s\n' "$who"; return; fi
        sleep 1
    done
}

over() {
    [ -z "$guard" ] || kill -USR1 "$guard" 2>/dev/null
    exit 0
}
trap over HUP INT TERM PIPE

if command -v flock >/dev/null 2>&1; then
    (umask 0; set -C; : >"$f") 2>/dev/null
    { exec 9<"$f"; } 2>/dev/null || { echo "N $LOCK cannot be opened"; exit 1; }
else
    echo "N the node has no flock command (util-linux)"
    exit 1
fi
watch
while read -r word; do
    case $word in
    take)
        if flock -n 9; then name=$m; watch; echo H; else echo "B $(holder)"; fi ;;
    .) watch ;;
    esac
done
over
