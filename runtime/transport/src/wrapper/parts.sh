# Sent with a job of more than a command: the parts in their order, and what is left of their time.

# Milliseconds of some clock that only goes forward, in p_now.
p_now() {
if { read -r p_up p_line </proc/uptime; } 2>/dev/null; then
p_up=${p_up%.*}${p_up#*.}0
p_now=${p_up#"${p_up%%[1-9]*}"}
p_now=${p_now:-0}
else
p_now=$(date +%s)000
fi
}
p_has() { case " $p_blobs" in *" $1:"*) ;; *) return 1 ;; esac; }
# A phase on the attempt's own time. False: it is over, as p_kind says.
p_timed() {
p_has "$1" || return 0
p_now
p_began=$p_now
p_do "$1" "$p_time"
p_now
p_time=$((p_time - p_now + p_began))
[ "$p_time" -gt 0 ] || p_time=1
p_judge
}
# A job that has one brings it, in verify.sh.
p_verify() { :; }
# What `finally` has at least, after a deadline or a stop.
p_last_words=10000
p_attempt() {
p_time=$p_timeout
p_timed prehook && p_timed command && p_verify && p_timed posthook && p_kind=succeeded
p_settle
case $p_kind in
unknown|unreachable) return ;;
esac
p_has finally || return
p_cause=
p_over=1
p_earlier=$p_kind
p_earlier_status=$p_status
p_earlier_where=$p_where
[ "$p_time" -ge "$p_last_words" ] || p_time=$p_last_words
p_timed finally && p_kind=$p_earlier
case $p_kind$p_earlier in
unknown*|*succeeded) return ;;
esac
p_kind=$p_earlier
p_status=$p_earlier_status
p_where=$p_earlier_where
}
