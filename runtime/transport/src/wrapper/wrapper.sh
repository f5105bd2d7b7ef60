# The wrapper: one attempt, from its configuration to the acknowledgement of its end.
#
# Two processes. The one that the server started (and knows) listens to standard input, and can leave at any time without
# anybody missing it. Its child, the keeper, runs the parts of the attempt, each in a process group of its own, and owns
# their time. They talk by signals, and the work is done in the handlers, so that none comes too early or is lost:
#   TTOU never go   USR1 stop   USR2 the input has ended   TTIN the end is on record   ALRM a timer is over
# The first part waits at a gate until the client says that it knows of the start: else a command could have run of which
# nobody ever heard.
# Output goes through two named pipes that the keeper holds open: whoever reads them can be replaced while a command runs.
# The keeper says its marks into the same pipes, so that they stand behind what was written before.
#
# Besides sh it needs: awk cat dd id kill mkdir mkfifo mv rm sleep tee, and setsid where it exists.

p_refuse() {
p_say "end unreachable 0 - $*"
p_say end >&2
exit 0
}

# --- the configuration: so many lines of assignments, then texts and script, then the nonce once more ---

# The default of IFS ends with a newline; there is no other way to have one on one line without a process.
p_nl=${IFS#??}
read -r p_count || exit 0
p_config=
while [ "$p_count" -gt 0 ]; do
IFS= read -r p_line || exit 0
p_config=$p_config$p_line$p_nl
p_count=$((p_count - 1))
done
read -r p_line || exit 0
[ "$p_line" = "$p_nonce" ] || p_refuse "the input of the session is damaged"
eval "$p_config"
p_dir=
for p_d in "${TMPDIR:-/tmp}" /tmp /var/tmp "${HOME:-/}"; do
if mkdir -m 700 "$p_d/pogo-$p_tag" 2>/dev/null; then
p_dir=$p_d/pogo-$p_tag
if mkfifo "$p_dir/o" "$p_dir/e" "$p_dir/g" "$p_dir/r" 2>/dev/null; then
break
fi
rmdir "$p_dir"
p_dir=
fi
done
case $p_dir in
"") p_refuse "cannot make a folder for the attempt in ${TMPDIR:-/tmp}, /tmp, /var/tmp or the home: full or read-only" ;;
esac
trap "rm -rf \"\$p_dir\"" EXIT
trap "exit 1" HUP TERM PIPE

# Small texts line by line, without a process; large or binary ones by length. A dd that does not know fullblock refuses it
# before it reads anything.
for p_blob in $p_blobs; do
p_count=${p_blob##*:}
p_file=$p_dir/${p_blob%%:*}
case $p_blob in
*:lines:*)
while [ "$p_count" -gt 0 ]; do
IFS= read -r p_line || exit 0
printf "%s\n" "$p_line" || exit 0
p_count=$((p_count - 1))
done >"$p_file"
;;
*)
dd iflag=fullblock bs="$p_count" count=1 >"$p_file" 2>/dev/null || dd ibs=1 obs=65536 count="$p_count" >"$p_file" 2>/dev/null
;;
esac || p_refuse "cannot write the command to $p_dir: full"
done
read -r p_line || exit 0
[ "$p_line" = "$p_nonce" ] || p_refuse "the command did not reach $p_dir as it was: full?"
case $p_script in
"") ;;
*)
mkdir "$p_dir/s" && mv "$p_dir/script" "$p_dir/s/$p_script" && chmod 700 "$p_dir/s/$p_script" || p_refuse "cannot write the script to $p_dir"
;;
esac
p_setsid=
command -v setsid >/dev/null 2>&1 && p_setsid=setsid

# --- the keeper ---

p_now() {
if { read -r p_up p_line </proc/uptime; } 2>/dev/null; then
p_up=${p_up%.*}${p_up#*.}0
p_now=${p_up#"${p_up%%[1-9]*}"}
p_now=${p_now:-0}
else
p_now=$(date +%s)000
fi
}
# A timer is a shell that waits for a sleep: it ends that too when it is ended. Not every sleep knows fractions.
p_timer() {
{ p_z=
trap "kill \$p_z; exit" TERM
p_s=$(($1 / 1000))
p_f=$((1000 + $1 % 1000))
case $p_f in
1000) p_f=$p_s ;;
*) p_f=$p_s.${p_f#1} ;;
esac
sleep "$p_f" &
p_z=$!
wait "$p_z" || { sleep $((p_s + 1)) & p_z=$! ; wait "$p_z"; }
# Again until it is heard: bash may miss a signal just before it waits.
while kill -ALRM "$p_k"; do sleep 1; done; } 7>&- 8>&- &
p_t=$!
}
p_untimer() {
case $p_t in
?*) kill "$p_t"; wait "$p_t"; p_t= ;;
esac
}
# A rest that a stop ends.
p_rest() {
sleep "$1" 7>&- 8>&- &
p_nap=$!
case $p_cause in
"") wait "$p_nap" ;;
*) kill "$p_nap" ;;
esac
case $? in
1|2) sleep 1 7>&- 8>&- ;;
esac
p_nap=
}
# Sends $1 to everybody of the attempt. With setsid each part has its group. Without it all of them are in ours, which the
# server made for this session: then everybody there but us is meant.
p_signal() {
case $p_setsid in
?*)
# A child that has not become a leader yet is reached by its own number.
case $p_g in
?*) kill "-$1" "-$p_g" || { [ "$p_child" ] && kill "-$1" "$p_child"; } ;;
esac
for p_x in $p_old; do
p_still_ours "$p_x" && kill "-$1" "-${p_x%%/*}"
done
;;
*)
p_others
for p_x in $p_found; do
kill "-$1" "${p_x%%:*}"
done
;;
esac
}
# Our own processes descend from the keeper, but so does the leader.
p_others() { p_members "$p_own" "$$ $PPID $p_k" "$p_g"; }
# What an earlier part left behind: GROUP/number:start:session,… Its leader is gone, and so the number is only known to be
# ours as long as one of those seen then is there.
p_still_ours() {
p_rest_of=${1#*/},
while [ "$p_rest_of" ]; do
p_one=${p_rest_of%%,*}
p_rest_of=${p_rest_of#*,}
p_at=${p_one#*:}
p_start_of "${p_one%%:*}"
[ "$p_start" ] && [ "$p_start" = "${p_at%%:*}" ] && return 0
done
return 1
}
p_anybody() {
case $p_setsid in
"") p_others; [ "$p_found" ]; return ;;
esac
[ "$p_g" ] && p_is_left "$p_g" && return 0
p_kept=
for p_x in $p_old; do
p_is_left "${p_x%%/*}" || continue
p_kept="$p_kept $p_x"
done
p_old=$p_kept
[ "$p_old" ]
}
# Before the child is there only the cause is noted: whoever starts it looks at that afterwards.
p_end_for() {
case $p_over$p_cause in
"") p_cause=$1 ;;
*) return ;;
esac
case $p_running in
1) p_stop_for "$1" ;;
esac
}
p_on_stop() {
p_sig=1
p_end_for stopped
}
p_on_never() {
p_sig=1
p_end_for unreachable
}
p_on_time() {
p_sig=1
case $p_t in
?*) kill "$p_t" ;;
esac
case $p_running$p_stage in
10) p_stop_for timed_out ;;
11) p_stage=2; p_signal KILL ;;
esac
}
p_on_ack() {
p_sig=1
p_acked=1
case $p_t in
?*) kill "$p_t" ;;
esac
}
p_on_lost() {
p_sig=1
p_lost=1
kill "$p_out" "$p_err"
cat <"$p_dir/o" >/dev/null 7>&- 8>&- &
p_out=$!
cat <"$p_dir/e" >/dev/null 7>&- 8>&- &
p_err=$!
case $p_saying$p_cause in
1*) kill "$p_t" ;;
unreachable) ;;
*) p_report "running 0 - $p_boot $p_group $p_k $p_ks" ;;
esac
}
p_stop_for() {
p_cause=$1
p_stage=1
p_signal TERM
case $p_nap in
?*) kill "$p_nap" ;;
esac
# Not waited for: this may run inside a wait, and bash hangs in a second one.
case $p_t in
?*) kill "$p_t" ;;
esac
p_timer "$p_grace"
}
# Waits for the leader, whatever handlers run meanwhile.
p_wait() {
while :; do
p_sig=
wait "$p_g"
p_st=$?
case $p_sig in
"") p_child=; return ;;
esac
kill -0 "$p_g" && continue
p_child=
# It has been waited for: now, or while a handler ran.
wait "$p_g"
p_n=$?
case $p_n in
127) ;;
*) p_st=$p_n ;;
esac
return
done
}
# Runs the phase $1 for at most $2 milliseconds: $3… Its status is in p_st, what ended it early in p_cause.
p_run() {
p_phase=$1
p_ms=$2
shift 2
p_stage=0
case $p_cause in
?*) return ;;
esac
{ trap - HUP USR1 USR2 TTIN TTOU ALRM EXIT
case $p_gate in
1) read -r p_line <"$p_dir/g" || exit 126 ;;
esac
eval "$p_env"
exec $p_setsid "$@"; } </dev/null >"$p_dir/o" 2>"$p_dir/e" 7>&- 8>&- &
p_g=$!
p_child=$p_g
p_running=1
case $p_cause in
?*) p_stop_for "$p_cause" ;;
esac
p_start_of "$p_g"
p_gs=${p_start:--}
case $p_setsid in
"") p_group="$p_own $p_own_start" ;;
*) p_group="$p_g $p_gs" ;;
esac
case $p_lost in
"") p_say "phase $p_phase $p_boot $p_group $p_k $p_ks" >&7 ;;
esac
case $p_cause in
"") p_timer "$p_ms" ;;
esac
p_wait
p_gate=
case $p_cause in
"")
p_running=0
p_untimer
case $p_setsid in
?*)
if kill -0 "-$p_g"; then
p_members "$p_g"
p_seen=
for p_x in $p_found; do p_seen=$p_seen,$p_x; done
case $p_seen in
?*) p_old="$p_old $p_g/${p_seen#,}" ;;
esac
fi
;;
esac
;;
*) p_clear ;;
esac
p_g=
}
# After TERM: until nobody is left, with KILL after the grace time. Who does not go even then is in an uninterruptible wait.
p_clear() {
p_n=0
while p_anybody; do
case $p_stage in
2)
p_n=$((p_n + 1))
case $p_n in
40) p_cause=unknown; break ;;
esac
p_signal KILL
;;
esac
sleep 0.1 7>&- 8>&- || sleep 1
done
p_running=0
p_untimer
p_old=
}
p_has() { case " $p_parts " in *" $1 "*) return 0 ;; esac; return 1; }
# A phase on the attempt's own time. False: it is over, as p_kind says.
p_timed() {
p_has "$1" || return 0
p_now
p_began=$p_now
case $1$p_script in
command?*)
eval "set -- command $p_args"
shift
p_run command "$p_time" "$p_dir/s/$p_script" "$@"
set -- command
;;
*) p_run "$1" "$p_time" $p_shell "$p_dir/$1" ;;
esac
p_now
p_time=$((p_time - p_now + p_began))
[ "$p_time" -gt 0 ] || p_time=1
p_judge "$1"
}
p_judge() {
case $p_cause in
?*) p_kind=$p_cause; return 1 ;;
esac
case $p_st in
0) return 0 ;;
esac
p_kind=failed
p_status=$p_st
p_where=$1
return 1
}
# So many successes in a row. Out of time it has failed as the last try did that ended.
p_verify() {
p_has verify || return 0
p_in_a_row=0
p_last=
p_now
p_until=$((p_now + p_verify_timeout))
while :; do
p_now
p_ms=$((p_until - p_now))
[ "$p_ms" -gt 0 ] || p_ms=1
p_run verify "$p_ms" $p_shell "$p_dir/verify"
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
p_running=1
p_stage=3
p_rest "$p_verify_rest"
p_running=0
case $p_cause in
?*) p_clear; p_kind=$p_cause; return 1 ;;
esac
done
case $p_last in
"") p_kind=timed_out ;;
*) p_kind=failed; p_status=$p_last; p_where=verify ;;
esac
return 1
}
p_attempt() {
p_timed prehook && p_timed command && p_verify && p_timed posthook && p_kind=succeeded
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
# Keeps the text $1 on the host, for its owner only.
p_report() {
p_places
for p_d in "$p_list" "$p_other" "$p_last_resort"; do
( umask 077
mkdir -p "${p_d%/*}"
mkdir "$p_d"
p_is_ours "$p_d" || exit 1
printf "pogo 1 %s\n" "$1" >"$p_d/.$p_id.$p_k" && mv -f "$p_d/.$p_id.$p_k" "$p_d/$p_id" ) 7>&- 8>&- && return
done
}
p_keep() {
trap "" HUP
trap p_on_stop USR1
trap p_on_lost USR2
trap p_on_time ALRM
trap p_on_ack TTIN
trap p_on_never TTOU
# Left as it is: it ends the children that have just been forked, and in them a handler of ours would lose it.
trap - TERM
trap p_bye EXIT
p_t=
p_nap=
p_g=
p_old=
p_cause=
p_stage=0
p_running=0
p_gate=
p_child=
p_saying=
p_group="0 -"
p_over=
p_lost=
p_acked=
p_kind=unreachable
p_status=0
p_where=-
p_time=$p_timeout
exec 7<>"$p_dir/o" 8<>"$p_dir/e"
# tee goes on reading when nobody wants what it writes; cat would not.
{ trap "" PIPE; exec tee /dev/null; } <"$p_dir/o" 2>/dev/null 7>&- 8>&- & p_out=$!
{ trap "" PIPE; exec tee /dev/null; } <"$p_dir/e" >&2 2>/dev/null 7>&- 8>&- & p_err=$!
exec >/dev/null 2>&1
p_boot_id
# From here on the listener may send signals.
read -r p_k <"$p_dir/r"
p_start_of "$p_k"
p_ks=${p_start:--}
case $p_setsid in
"")
p_own=$$
if { read -r p_line <"/proc/$$/stat"; }; then
p_stat=${p_line##*) }
set -- $p_stat
p_own=$3
else
p_own=$(ps -o pgid= -p "$$" | tr -d " ")
fi
p_start_of "$p_own"
p_own_start=${p_start:--}
;;
esac
p_gate=1
p_attempt
p_over=1
p_running=0
p_end="$p_kind $p_status $p_where"
case $p_lost in
"")
p_say "end $p_end" >&7
p_say end >&8
p_saying=1
p_timer 5000
case $p_acked$p_lost in
"") wait "$p_t" ;;
esac
;;
esac
case $p_acked in
"") p_report "$p_end" ;;
esac
p_leave
}
# A keeper that its shell ends: no more processes, no more memory. Some shells run this in a child that is ended before it
# has dropped it.
p_bye() {
p_line=
read -r p_line p_stat </proc/self/stat
case $p_line in
"$p_k") ;;
*) return ;;
esac
p_end="unknown 0 - the shell on the host could not go on"
case $p_gate$p_running in
10) p_end="unreachable 0 - the shell on the host could not start a process" ;;
esac
p_say "end $p_end" >&7
p_say end >&8
p_report "$p_end"
sleep 1
p_leave
}
# The last of the keeper. What the command left behind may go on writing for as long as it lives.
p_leave() {
trap - EXIT
p_untimer
case $p_old in
?*)
cat <"$p_dir/o" >/dev/null 7>&- 8>&- &
cat <"$p_dir/e" >/dev/null 7>&- 8>&- &
;;
esac
kill "$p_out" "$p_err"
case $p_acked$p_lost in
"") kill "$$" ;;
esac
exec rm -rf "$p_dir"
}

# --- the listener ---

p_keep &
p_k=$!
trap - EXIT HUP TERM
exec >/dev/null 2>&1
printf "%s\n" "$p_k" >"$p_dir/r"
p_went=
while read -r p_word; do
case $p_word in
go) p_went=1; printf "go\n" >"$p_dir/g" ;;
stop)
case $p_went in
"") kill -TTOU "$p_k" ;;
*) kill -USR1 "$p_k" ;;
esac
;;
ack) kill -TTIN "$p_k"; wait "$p_k"; exit 0 ;;
esac
done
case $p_went in
"") kill -TTOU "$p_k" ;;
esac
kill -USR2 "$p_k"
exit 0
