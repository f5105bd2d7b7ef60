# What every script begins with: who is there, as whom to run, the nonce.
#
# Written for any POSIX sh; tried with dash, bash and busybox. The scripts are put on one line between single quotes for
# whatever login shell there is, so they have no single quote, no exclamation mark but before a space, no doubled backslash, no
# here-document, and comments only on lines of their own. Every name begins with p_, so that none is exported by accident.
unset p_edge p_token p_user p_nonce p_nl p_config
p_say() { printf "%s%s %s%s" "$p_edge" "$p_nonce" "$*" "$p_edge"; }
case $# in
0)
read -r p_edge p_token p_user || exit 0
case $p_user in
"") printf "%s%s hello%s" "$p_edge" "$p_token" "$p_edge" ;;
*)
# sudo asks with a mark, so that its password is sent when it is wanted and not before. The script itself follows as the
# first line of the input: sudo logs its command line.
exec sudo -H -S -p "$p_edge$p_token password$p_edge" -u "$p_user" -- /bin/sh -c "cd || cd /; printf \"%s%s hello%s\" \"\$1\" \"\$2\" \"\$1\"; IFS= read -r p_script && eval \"\$p_script\"" pogo "$p_edge" "$p_token"
;;
esac
;;
*) p_edge=$1; unset p_script ;;
esac
read -r p_nonce || exit 0
