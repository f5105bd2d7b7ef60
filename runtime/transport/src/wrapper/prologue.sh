# What every script begins with: who is there, as whom to run, the nonce.
#
# Written for any POSIX sh; tried with dash, bash and busybox. The scripts are put on one line between single quotes for
# whatever login shell there is, so they have no single quote, no exclamation mark but before a space, no doubled backslash, no
# here-document, and comments only on lines of their own. Every name begins with p_, so that none is exported by accident;
# what the host sees are shorter names, as text.rs makes them.
unset p_edge p_user p_nonce p_nl p_text
p_say() { printf "%s%s %s%s" "$p_edge" "$p_nonce" "$*" "$p_edge"; }
case $# in
0)
read -r p_edge p_nonce p_user
# A login shell may have swallowed some of it.
case ${#p_edge}:${#p_nonce} in
1:32) ;;
*) exit 0 ;;
esac
case $p_user in
?*)
# sudo asks with a mark, so that its password is sent when it is wanted and not before: everybody can see that one, so what is
# called the nonce here is only a token. The script itself follows as the first line of the input: sudo logs its command line.
exec sudo -H -S -p "$p_edge$p_nonce password$p_edge" -u "$p_user" -- /bin/sh -c "cd || cd /; printf \"%s%s hello%s\" \"\$1\" \"\$2\" \"\$1\"; IFS= read -r p_script && eval \"\$p_script\"" pogo "$p_edge" "$p_nonce"
;;
esac
;;
*)
p_edge=$1
unset p_script
read -r p_nonce || exit 0
;;
esac
