# What an edit of Asterisk's extensions and trunks must know of the node that serves. FOLDER is that of its settings.
# CCOPS_ROOT is that of a simulated node, which must not look at the files of the machine that it runs on.
# Of files that are not ccops' own only section heads and instructions are sent, other lines as `=`.

R=${CCOPS_ROOT-}
FOLDER=$R$FOLDER

skeleton() {
    for f in "$@"; do
        [ -r "$FOLDER/$f" ] || continue
        printf 'file %s\n' "$f"
        awk '{ sub(/\r$/, "") } /^[ \t]*(;|$)/ { next } /^[ \t]*[[#]/ { print; next } { print "=" }' "$FOLDER/$f"
    done
    return 0
}
digest() { md5sum <"$1" | cut -d' ' -f1; }
owned() { [ -f "$1" ] || return 1; cat "$1" && printf .; }
folder() { (cd "$FOLDER" && p=$(pwd -P) && printf '%s\n' "${p#"$R"}"); }
console() { asterisk -rx "$1"; }

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
frame folder.txt folder
frame version.txt console 'core show version'
frame dialplan.txt console 'dialplan show'
frame queues.txt console 'queue show'
driver() {
    frame "$1.module.txt" console "module show like chan_$1.so"
    frame "$1.skeleton.txt" skeleton "$2.conf" "${2}_custom.conf" "${2}_custom_post.conf" \
        "$2.endpoint_custom_post.conf"
    frame "$1.owned.txt" owned "$FOLDER/${2}_ccops.conf"
    [ ! -f "$FOLDER/${2}_ccops.conf" ] || frame "$1.digest.txt" digest "$FOLDER/${2}_ccops.conf"
}
driver sip sip
driver pjsip pjsip
driver iax2 iax
frame sip.peers.txt console 'sip show peers'
frame pjsip.peers.txt console 'pjsip show endpoints'
frame iax2.peers.txt console 'iax2 show peers'
