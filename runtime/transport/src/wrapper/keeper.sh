# The keeper: runs the parts of the attempt, owns their time, and reports.

# Sleeps so many milliseconds; TERM ends it. Not every sleep knows fractions.
p_doze() {
p_s=$(($1 / 1000))
p_n=$((1000 + $1 % 1000))
case $p_n in
1000) p_n=$p_s ;;
*) p_n=$p_s.${p_n#1} ;;
esac
p_nap_of "$p_n" || p_nap_of $((p_s + 1))
}
# TERM may come at any time: before the sleep, between it and its number, or while it is waited for. A child that has just
# been forked still has our handler and would lose a TERM; KILL it cannot lose.
p_nap_of() {
sleep "$1" &
p_z=$!
case $p_done in
"") wait "$p_z" ;;
*) kill -KILL "$p_z" ;;
esac
p_x=$?
p_z=
case $p_done in
?*) exit ;;
esac
return "$p_x"
}
# A timer is a shell that waits for a sleep: it ends that too when it is ended. One is enough for the deadline and for the
# acknowledgement that follows: after five seconds it says `tick`, whatever it is for.
p_timer() {
p_tn=$((p_tn + 1))
{ p_z=
p_done=
trap "p_done=1; kill -KILL \$p_z" TERM
if [ "$1" -gt 5000 ]; then
p_doze 5000
printf "tick %s\n" "$p_tn" >&9
p_doze $(($1 - 5000))
else
p_doze "$1"
printf "tick %s\n" "$p_tn" >&9
fi
# Again until it is heard. A timer that was forgotten must not ring for a stranger who has the keeper's number by now.
while p_start_of "$p_k"; [ "${p_start:--}" = "$p_ks" ] && kill -ALRM "$p_k"; do p_doze 1000; done; } 7>&- 8>&- &
p_t=$!
}
# Again until it is gone, because bash may overlook it; what it would have rung for later must not meet another part.
p_untimer() {
for p_t in $p_past $p_t; do
p_n=0
# One that was told to end a while ago may be gone, and its number another's.
while { [ -z "$p_past" ] || p_is_child; } && kill "$p_t"; do
# Who is dead has no program. To look at that is much less than to read what state it is in.
[ -e /proc/self/exe ] && ! [ -e "/proc/$p_t/exe" ] && break
p_start_of "$p_t"
[ "$p_start" ] || break
p_n=$((p_n + 1))
[ "$p_n" -lt 100 ] || sleep 0.1
done
wait "$p_t"
done
p_t=
p_past=
}
p_is_child() {
p_start_of "$p_t"
[ "$p_start" ] && [ "${p_parent:-$p_k}" = "$p_k" ]
}
# Sends $1 to everybody of the attempt. With setsid each part has its group. Without it all of them are in ours, which the
# server made for this session: then everybody there but us is meant.
p_signal() {
case $p_setsid in
?*)
# A child that has not become a leader yet is reached by its own number.
[ "$p_g" ] && { kill "-$1" "-$p_g" || { [ "$p_child" ] && kill "-$1" "$p_child"; }; }
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
[ "$p_setsid" ] || { p_others; [ "$p_found" ]; return; }
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
[ "$p_over$p_cause" ] && return
p_cause=$1
[ "$p_running" = 1 ] && p_stop_for "$1"
}
# That it was heard.
p_heard() {
p_sig=1
p_made=1
printf "" >"$p_f.$1"
}
p_on_time() {
p_sig=1
case $p_running$p_stage in
10) p_stop_for timed_out ;;
11) p_stage=2; kill "$p_t"; p_signal KILL ;;
esac
}
p_on_lost() {
p_sig=1
[ "$p_lost" ] && return
p_lost=1
p_heard USR2
p_no_readers
# No children of ours, so that the number of the last child stays what it is for whoever has just started one and has not asked
# for its number yet.
p_out=$(cat <"$p_out_path" >/dev/null 7>&- 8>&- 9>&- & printf "%s" $! )
p_err=$(cat <"$p_err_path" >/dev/null 7>&- 8>&- 9>&- & printf "%s" $! )
case $p_saying$p_cause in
1*|unreachable) ;;
*) [ -e "$p_f.never" ] || p_report "running 0 - $p_boot $p_group $p_k $p_ks" ;;
esac
}
p_stop_for() {
p_cause=$1
p_stage=1
p_signal TERM
[ "$p_nap" ] && kill "$p_nap"
# Not waited for, but later: this may run inside a wait, and bash hangs in a second one.
[ "$p_t" ] && kill "$p_t"
p_past="$p_past $p_t"
p_timer "$p_grace"
}
# bash leaves a wait for a handler by a jump, and may lose the end of the child with it: there the wait is the work of one
# more process, which has no handlers, and the keeper reads. A read that a handler ends may have taken half a line, so what
# was said is in a file as well.
p_by_runner() {
p_pn=$((p_pn + 1))
{ trap - HUP INT QUIT USR1 USR2 TTOU ALRM EXIT
p_child_of "$@" 7>&- 8>&- 9>&- &
p_x=$!
exec 5<&-
printf "%s %s\n" "$p_pn" "$p_x" >|"$p_f.is"
printf "is\n" >&9
wait "$p_x"
printf "%s %s\n" "$p_pn" "$?" >|"$p_f.st"
printf "done\n" >&9; } </dev/null >"$p_out_path" 2>"$p_err_path" 7>&- 8>&- &
p_runner=$!
p_told "$p_f.is"
p_g=$p_n
}
# What the runner says in the file $1, in p_n.
p_told() {
p_vain=0
while :; do
p_word=
if [ -e "$1" ]; then
read -r p_word p_n <"$1"
[ "$p_word" = "$p_pn" ] && return
fi
p_word=
read -r p_word p_n <&9 || p_vain=$((p_vain + 1))
[ "$p_word" = tick ] && p_ticked=$p_n
# Nobody there who would say anything.
case $p_vain in
*00) kill -0 "$p_runner" || { p_n=126; return; } ;;
esac
done
}
# Waits for the leader, whatever handlers run meanwhile.
p_wait() {
case $p_runner in
?*)
p_told "$p_f.st"
p_st=$p_n
p_child=
wait "$p_runner"
p_runner=
return
;;
esac
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
# The job's own environment: the configuration of a job that has one defines it anew.
p_env() { :; }
# Becomes the command.
p_child_of() {
trap - HUP INT QUIT USR1 USR2 TTOU ALRM EXIT
case $p_gate in
# Without a word the listener is gone.
1) read -r p_line <"$p_gate_path" || { kill -TTOU "$p_k"; exit 126; } ;;
esac
exec 5<&-
umask "$p_umask"
set +C
case $p_short in
*" $p_phase "*)
# Nobody can guess the word that ends it.
eval "p_text=\$p_text_$p_phase"
eval "exec 6<<\"E$p_nonce\"$p_nl${p_text}E$p_nonce$p_nl"
;;
esac
p_env
export POGO_JOB_ID="$p_job" POGO_HOST="$p_host" POGO_SLOT="$p_slot" POGO_ATTEMPT="$p_number"
exec $p_setsid "$@"
}
# Runs $1… as the phase p_phase for at most p_ms milliseconds. Its status is in p_st, what ended it early in p_cause.
p_run() {
p_stage=0
p_untimer
case $p_cause in
?*) return ;;
esac
case ${BASH_VERSION:-} in
"")
p_child_of "$@" </dev/null >"$p_out_path" 2>"$p_err_path" 7>&- 8>&- 9>&- &
p_g=$!
;;
*) p_by_runner "$@" ;;
esac
p_child=$p_g
p_start_of "$p_g"
p_gs=${p_start:--}
case $p_setsid in
"") p_group="$p_own $p_own_start" ;;
*) p_group="$p_g $p_gs" ;;
esac
# Only now, so that no handler makes another timer meanwhile.
p_timer "$p_ms"
p_running=1
case $p_stage$p_cause in
0?*) p_stop_for "$p_cause" ;;
esac
case $p_lost in
"") p_say "phase $p_phase $p_boot $p_group $p_k $p_ks" >&7 ;;
esac
p_wait
p_gate=
p_running=0
case $p_cause in
"")
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
*)
# What came after the wait was only noted.
case $p_stage in
0) p_running=1; p_stop_for "$p_cause" ;;
esac
p_clear
;;
esac
p_g=
}
# After TERM: until nobody is left, with KILL after the grace time. Who does not go even then is in an uninterruptible wait.
p_clear() {
p_running=1
p_n=0
while p_anybody; do
if [ "$p_stage" = 2 ]; then
p_n=$((p_n + 1))
[ "$p_n" = 40 ] && { p_cause=unknown; break; }
p_signal KILL
fi
sleep 0.1 || sleep 1
done
p_running=0
p_untimer
p_old=
}
# Runs the phase $1 for at most $2 milliseconds.
p_do() {
p_phase=$1
p_ms=$2
p_text_of
}
p_text_of() {
p_file=$p_f.$p_phase
case $p_short in
*" $p_phase "*) p_file=$p_fd/6 ;;
esac
p_run $p_shell "$p_file"
}
# Whether the phase that has just ended did so well. If not, the attempt is over, as p_kind says.
p_judge() {
case $p_cause in
?*) p_kind=$p_cause; return 1 ;;
esac
case $p_st in
0) return 0 ;;
esac
p_kind=failed
p_status=$p_st
p_where=$p_phase
return 1
}
# An attempt that is a command and nothing else. Another one brings its own, in parts.sh.
p_attempt() {
p_do command "$p_timeout"
p_judge && p_kind=succeeded
p_settle
}
# A stop between two parts was only noted.
p_settle() {
case $p_cause$p_old in
?*" "*) p_running=1; p_stop_for "$p_cause"; p_clear ;;
esac
}
# Keeps the text $1 on the host, for its owner only.
p_report() {
p_places
p_third_place
for p_d in "$p_list" "$p_other" "$p_last_resort"; do
( umask 077
mkdir -p "${p_d%/*}"
mkdir "$p_d"
p_is_ours "$p_d" || exit 1
printf "pogo 1 %s\n" "$1" >|"$p_d/.$p_id.$p_k" && mv -f "$p_d/.$p_id.$p_k" "$p_d/$p_id" && exit 0
rm -f "$p_d/.$p_id.$p_k"
exit 1 ) 7>&- 8>&- 9>&- && return
done
}
# Waits for the acknowledgement, five to ten seconds. A handler that runs meanwhile makes some shells read in vain.
p_await() {
p_ticks=0
p_vain=0
case $p_t$p_ticked in
"$p_t$p_tn") p_untimer ;;
esac
case $p_t in
"") p_timer 5000 ;;
esac
while [ "$p_vain" -lt 100 ]; do
case $p_lost in
?*) return ;;
esac
p_word=
read -r p_word p_n <&9 || p_vain=$((p_vain + 1))
case $p_word in
ack) p_acked=1; p_say bye >&7; return ;;
lost) return ;;
tick)
case $p_n$p_ticks in
"${p_tn}0")
p_untimer
p_ticks=1
p_timer 5000
;;
"${p_tn}1") return ;;
esac
;;
esac
done
}
p_keep() {
unset p_t p_past p_runner p_ticked p_nap p_g p_old p_cause p_gate p_child p_saying p_over p_lost p_acked p_out p_err p_k p_last_resort
p_tn=0
p_pn=0
p_stage=0
p_running=0
p_group="0 -"
p_kind=unreachable
p_status=0
p_where=-
# Only now, so that nothing that a handler notes is overwritten.
# What a handler complains of may find nobody who listens.
trap "" HUP PIPE
trap "p_heard USR1; p_end_for stopped" USR1
trap p_on_lost USR2
trap p_on_time ALRM
trap "p_heard TTOU; p_end_for unreachable" TTOU
# Left as it is: it ends the children that have just been forked, and in them a handler of ours would lose it.
trap - TERM
trap p_bye EXIT
case $p_lean in
1) exec 7<>"$p_fd/1" 8<>"$p_fd/2" ;;
*)
exec 7<>"$p_f.o" 8<>"$p_f.e"
# tee goes on reading when nobody wants what it writes; cat would not.
{ trap "" PIPE; exec tee /dev/null; } <"$p_f.o" 2>/dev/null 7>&- 8>&- 9>&- & p_out=$!
{ trap "" PIPE; exec tee /dev/null; } <"$p_f.e" >&2 2>/dev/null 7>&- 8>&- 9>&- & p_err=$!
;;
esac
exec >/dev/null 2>&1
trap - PIPE
p_boot_id
# Asked of itself: the listener may have left by now, and a read from it may be ended by a handler.
if { read -r p_line </proc/self/stat; }; then
p_k=${p_line%% *}
p_behind_name
set -- $p_stat
p_own=$3
p_ks=${20}
else
while [ -z "$p_k" ]; do read -r p_k <&9; done
p_own=$(ps -o pgid= -p "$p_k" | tr -d " ")
p_start_of "$p_k"
p_ks=${p_start:--}
fi
case $p_setsid in
"")
p_start_of "$p_own"
p_own_start=${p_start:--}
;;
esac
p_gate=1
p_attempt
p_over=1
p_running=0
p_end="$p_kind $p_status $p_where${p_note:+ $p_note}"
case $p_lost in
"")
p_say_end
p_saying=1
p_await
;;
esac
case $p_acked in
"") p_report "$p_end" ;;
esac
p_leave
}
p_say_end() {
p_say "end $p_end" >&7
p_say end >&8
}
# A keeper that its shell ends: no more processes, no more memory. Some shells run this in a child that is ended before it
# has dropped it.
p_bye() {
p_line=
read -r p_line p_stat </proc/self/stat
[ "$p_line" = "$p_k" ] || return
p_end="unknown 0 - the shell on the host could not go on"
[ "$p_gate$p_running" = 10 ] && p_end="unreachable 0 - the shell on the host could not start a process"
p_say_end
p_report "$p_end"
sleep 1
p_leave
}
# The last of the keeper. What the command left behind may go on writing for as long as it lives.
p_leave() {
trap - EXIT
trap "" USR1 USR2 TTOU ALRM
# It ends while there is something else to do.
case $p_t in
?*) kill "$p_t" ;;
esac
case $p_old in
?*)
# Opened here: when the readers run, the pipes may have lost their names.
exec 5<"$p_out_path" 6<"$p_err_path"
cat <&5 >/dev/null 5<&- 6<&- 7>&- 8>&- 9>&- &
cat <&6 >/dev/null 5<&- 6<&- 7>&- 8>&- 9>&- &
;;
esac
p_no_readers
case $p_acked$p_lost in
"") kill "$$" ;;
esac
p_prune
p_untimer
case $p_made in
"") exit 0 ;;
esac
p_sweep exec
}
p_no_readers() {
case $p_out in
?*) kill "$p_out" "$p_err" ;;
esac
}

