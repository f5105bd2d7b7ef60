# The listener: starts the keeper and passes on what the client says.

# Tells the keeper, until it has heard.
p_tell() {
kill "-$1" "$p_k"
{ trap "" HUP
while sleep 1; do
[ -e "$p_f.$1" ] && exit
kill "-$1" "$p_k" || exit
done; } </dev/null 8>&- 9>&- &
}
case $p_lean in
"") exec 9<>"$p_f.a" ;;
esac
# What is sent before the keeper can hear it must not end it; it is sent again.
trap "" USR1 USR2 TTOU ALRM
p_keep &
p_k=$!
trap - EXIT HUP TERM
exec >/dev/null 2>&1
case $p_lean in
"")
exec 8<>"$p_f.g"
# Who has no /proc is told its number.
printf "%s\n" "$p_k" >&9
;;
esac
unset p_went
while read -r p_word; do
case $p_word in
go) p_went=USR1; printf "go\n" >&8 ;;
stop) p_tell "${p_went:-TTOU}" ;;
ack) printf "ack\n" >&9; wait "$p_k"; exit 0 ;;
esac
done
case $p_went in
"")
# By a file too: a shell that finds two signals at once takes the one with the lower number first.
printf "" >|"$p_f.never"
p_tell TTOU
;;
esac
printf "lost\n" >&9
p_tell USR2
exit 0
