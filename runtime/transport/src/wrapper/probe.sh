# Tells what became of an attempt. Input: its id, then as for a kill.
read -r p_id p_b p_g p_gs p_k p_ks || exit 0
p_boot_id
p_places
p_prune
p_file=
for p_d in "$p_list" "$p_other" "$p_last_resort"; do
p_is_ours "$p_d" || continue
if [ -f "$p_d/$p_id" ] && read -r p_name p_version p_kind p_status p_where p_line <"$p_d/$p_id"; then
p_file=$p_d/$p_id
break
fi
done
p_alive() {
p_start_of "$1"
[ "$p_start" ] && [ "$p_start" = "$2" ]
}
p_verdict() {
case $p_b in
-) ;;
"$p_boot") ;;
*) p_say probed rebooted; return ;;
esac
if p_alive "$p_k" "$p_ks" || p_alive "$p_g" "$p_gs"; then
p_say probed running
return
fi
if [ "$p_g" -gt 1 ] && [ -z "$p_start" ] && p_is_left "$p_g"; then
p_say probed running
return
fi
p_say probed gone
}
case $p_file in
"") p_verdict ;;
*)
case $p_kind in
running)
set -- $p_line
p_b=$1
p_g=$2
p_gs=$3
p_k=$4
p_ks=$5
p_verdict
;;
*)
p_say "probed ended $p_kind $p_status $p_where"
;;
esac
;;
esac
read -r p_word || exit 0
case $p_word$p_file in
ack?*)
case $p_kind in
running) p_alive "$p_k" "$p_ks" && exit 0 ;;
esac
rm -f "$p_file"
;;
esac
