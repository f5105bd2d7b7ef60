# Sent with a job that has `verify`, after parts.sh.

# A rest that a stop ends.
p_rest() {
sleep "$1" 7>&- 8>&- 9>&- &
p_nap=$!
# Only now, so that no handler starts a child before this one has its name.
p_running=1
case $p_cause in
"") wait "$p_nap" ;;
*) kill "$p_nap" ;;
esac
case $? in
1|2) sleep 1 7>&- 8>&- 9>&- ;;
esac
p_nap=
}
# So many successes in a row. Out of time it has failed as the last try did that ended.
p_verify() {
p_in_a_row=0
p_last=
p_now
p_until=$((p_now + p_verify_timeout))
while :; do
p_now
p_ms=$((p_until - p_now))
[ "$p_ms" -gt 0 ] || p_ms=1
p_do verify "$p_ms"
case $p_cause in
timed_out) break ;;
?*) p_kind=$p_cause; return 1 ;;
esac
case $p_st in
0)
p_in_a_row=$((p_in_a_row + 1))
[ "$p_in_a_row" -ge "$p_verify_successes" ] && return 0
;;
*) p_in_a_row=0; p_last=$p_st ;;
esac
p_now
[ $((p_now + p_verify_interval)) -ge "$p_until" ] && break
p_untimer
p_stage=3
p_rest "$p_verify_rest"
p_running=0
case $p_cause in
?*)
# What came before the rest was only noted.
case $p_stage in
3) p_running=1; p_stop_for "$p_cause" ;;
esac
p_clear
p_kind=$p_cause
return 1
;;
esac
done
case $p_last in
"") p_kind=timed_out ;;
*) p_kind=failed; p_status=$p_last; p_where=verify ;;
esac
return 1
}
