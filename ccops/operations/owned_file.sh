# Puts standard input in the place of ccops' own file: whole or not at all, with its owner and mode, and only where it is
# still what it was. Arguments: path, MD5 that it must have, MD5 of what comes.
set -u
set -C
umask 077
f=${CCOPS_ROOT-}$1
t=$f.ccops-new
sum() { md5sum <"$1" | cut -d' ' -f1; }
fail() { rm -f "$t"; echo "$2" >&2; exit "$1"; }
[ -f "$f" ] && [ ! -h "$f" ] || fail 3 "$f is no plain file"
[ "$(sum "$f")" = "$2" ] || fail 4 "$f is another one by now"
rm -f "$t"
cat >"$t" || fail 5 "$t cannot be written"
[ "$(sum "$t")" = "$3" ] || fail 5 "what came is not whole"
chown --reference="$f" "$t" && chmod --reference="$f" "$t" || fail 5 "$t cannot be given the owner and mode of $f"
[ "$(sum "$f")" = "$2" ] || fail 4 "$f is another one by now"
mv -f "$t" "$f" || fail 5 "$f cannot be replaced"
