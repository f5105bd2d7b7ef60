# Tells what became of an attempt. Input: its id, then as for a kill.
read -r p_id p_b p_g p_gs p_k p_ks || exit 0
p_boot_id
p_third_place
p_prune
# The record of it that the host has, if it has one.
p_look() {
p_file=
p_kind=
for p_d in "$p_list" "$p_other" "$p_last_resort"; do
p_is_ours "$p_d" || continue
if [ -f "$p_d/$p_id" ] && read -r p_name p_version p_kind p_status p_where p_line <"$p_d/$p_id"; then
p_file=$p_d/$p_id
return
fi
p_kind=
done
}
p_alive() {
p_start_of "$1"
[ "$p_start" ] && [ "$p_start" = "$2" ]
}
p_verdict() {
case $p_kind in
running)
set -- $p_line
p_b=$1
p_g=$2
p_gs=$3
p_k=$4
p_ks=$5
;;
esac
case $p_b in
-) ;;
"$p_boot") ;;
*) p_is=rebooted; return ;;
esac
p_is=running
p_alive "$p_k" "$p_ks" && return
p_alive "$p_g" "$p_gs" && return
[ "$p_g" -gt 1 ] && [ -z "$p_start" ] && p_is_left "$p_g" && return
p_is=gone
}
p_is=ended
p_look
case $p_kind in
""|running)
p_verdict
# Who is not there any more may have left its end since the record was read; it writes nothing after that.
case $p_is in
running) ;;
*) p_look ;;
esac
;;
esac
case $p_is$p_kind in
running*) ;;
*running|rebooted|gone) ;;
*) p_is="ended $p_kind $p_status $p_where" ;;
esac
p_say "probed $p_is"
read -r p_word || exit 0
# Only what was told may go: of one that runs, the record may be its end by now.
case $p_word$p_is in
ackrunning) ;;
ack*) [ "$p_file" ] && rm -f "$p_file" ;;
esac
