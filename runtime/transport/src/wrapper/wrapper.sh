# The wrapper: one attempt, from its configuration to the acknowledgement of its end.
#
# Two processes. The one that the server started (and knows) listens to standard input, and can leave at any time without
# anybody missing it. Its child, the keeper, runs the parts of the attempt, each in a process group of its own, and owns
# their time. While a part runs they talk by signals, and the work is done in the handlers:
#   TTOU never go   USR1 stop   USR2 the input has ended   ALRM a timer is over
# A shell may overlook one that comes just before it waits, until that wait is over: so each is sent once a second until the
# keeper says by a file that it has heard it. Everything else goes through the named pipe `a`, where nothing can be lost.
# The first part waits at a gate until the client says that it knows of the start: else a command could have run of which
# nobody ever heard.
# The keeper says its marks into the pipes of the output, so that they stand behind what was written before.
#
# Where the output of the session is two pipes that can be opened again (Linux and OpenSSH, as their user), the keeper holds
# them open and the command writes into them: when the client goes, nobody dies of a broken pipe, and the keeper has them
# read by others. The gate and the inbox of the keeper are the pipes of empty here-documents. An attempt then costs four
# processes besides its first shell and its command: the keeper, a timer, its sleep, and setsid; and no file, unless its
# texts are long. Elsewhere, as under sudo, there are four named pipes and a tee for each stream, which can be replaced while
# a command runs: five processes more. bash needs one more for each part, which waits for it. Fewer cannot be had safely:
# sh cannot read with a limit of time. A script costs two more: mkdir and chmod.
#
# Besides sh it needs: awk cat chmod dd find id kill mkdir mkfifo mv rm sleep tee, and setsid where it exists.

p_refuse() {
p_say "end unreachable 0 - $*"
p_say end >&2
exit 0
}

# Files have names that nobody can guess, are for our eyes only, and are in no folder of their own, which would be one more
# process. $1 may be `exec`.
p_sweep() {
p_x=$1
set -- "$p_s"
for p_y in "" .u .o .e .g .a .prehook .command .verify .posthook .finally .is .st .USR1 .USR2 .TTOU .never; do
set -- "$@" "$p_f$p_y"
done
$p_x rm -rf "$@"
}
# Where files can be made. The umask is the command's; asked for through a file or a pipe it costs no process.
p_base() {
for p_d in "${TMPDIR:-/tmp}" /tmp /var/tmp "${HOME:-/}"; do
p_f=$p_d/pogo-$p_tag
p_s=$p_f
if { umask >"$p_f.u"; } 2>/dev/null; then
if read -r p_x <"$p_f.u" && { [ "$1" ] || ( umask 077; exec mkfifo "$p_f.o" "$p_f.e" "$p_f.g" "$p_f.a" ) 2>/dev/null; }; then
p_umask=${p_umask:-$p_x}
p_made=1
trap p_sweep EXIT
trap "exit 1" HUP TERM PIPE
return
fi
p_sweep
fi
p_f=
done
p_refuse "cannot make files for the attempt in ${TMPDIR:-/tmp}, /tmp, /var/tmp or the home: full or read-only"
}
p_can_lean() {
for p_x in 1 2; do
[ -p "$p_fd/$p_x" ] && [ -r "$p_fd/$p_x" ] && [ -w "$p_fd/$p_x" ] || return 1
done
# What is not allowed ends a shell if exec tries it. The two are of the same making.
{ { :; } <>"$p_fd/1"; } 2>/dev/null
}
# The file for the text p_name, in p_file.
p_file_for() {
[ "$p_made" ] || p_base 1
p_file=$p_f.$p_name
}
# Reads p_count lines into p_text.
p_lines() {
p_text=
while [ "$p_count" -gt 0 ]; do
IFS= read -r p_line || exit 0
p_text=$p_text$p_line$p_nl
p_count=$((p_count - 1))
done
}

# --- a head; so many lines of configuration; texts. What is cut short does not start, because a read fails ---

# What the configuration does not say has its default here. It comes after all functions but the listener's: a job of more
# than a short command brings some of its own, from parts.sh, verify.sh, bytes.sh and script.sh.

# The default of IFS ends with a newline; there is no other way to have one on one line without a process.
p_nl=${IFS#??}
p_shell="sh -e"
p_fd=/proc/self/fd
p_grace=5000
unset p_slot p_note p_umask p_made p_lean p_short p_setsid
read -r p_count p_job p_host p_number p_tag p_timeout p_blobs || exit 0
# Lines that a login shell has swallowed would be missed here at the latest.
case $p_blobs in
"") p_refuse "the input of the session is damaged" ;;
esac
p_id=$p_job-$p_host-$p_number
p_lines
eval "$p_text"
set -C
if p_can_lean; then
# 5 is the gate, 9 the inbox.
eval "exec 5<<\"E\" 9<<\"E\"${p_nl}E${p_nl}E$p_nl"
if [ -p "$p_fd/5" ] && [ -p "$p_fd/9" ]; then
p_lean=1
exec 8>"$p_fd/5" 9<>"$p_fd/9"
p_out_path=$p_fd/7
p_err_path=$p_fd/8
p_gate_path=$p_fd/5
umask >&9
read -r p_umask <&9
# For the words that a stop leaves there: nothing hangs on it.
p_f=${TMPDIR:-/tmp}/pogo-$p_tag
p_s=$p_f
case ${BASH_VERSION:-} in
?*) p_base 1 ;;
esac
else
exec 5<&- 9<&-
fi
fi
case $p_lean in
"")
p_base ""
p_out_path=$p_f.o
p_err_path=$p_f.e
p_gate_path=$p_f.g
;;
esac
umask 077

# Short texts are kept, and handed to their shell through a pipe. Longer ones go into a file, without a process; what is large
# or binary is read by length, as bytes.sh has it.
for p_blob in $p_blobs; do
p_name=${p_blob%%:*}
p_count=${p_blob#*:?}
case $p_blob in
*:b*) p_bytes; continue ;;
esac
p_lines
case ${BASH_VERSION:+has files}$p_lean$p_blob in
1*:s*)
p_short="$p_short $p_name "
eval "p_text_$p_name=\$p_text"
;;
*)
p_file_for
printf "%s" "$p_text" >"$p_file" || p_refuse "cannot write the command to $p_f: full"
;;
esac
done
command -v setsid >/dev/null 2>&1 && p_setsid=setsid
