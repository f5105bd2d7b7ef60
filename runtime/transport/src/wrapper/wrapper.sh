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
# Files have names that nobody can guess, are for our eyes only, and are in no folder of their own, which would be one more
# process.
set -C
p_f=
p_s=
p_note=
p_through=
p_sweep="rm -rf \"\$p_s\" \"\$p_f\" \"\$p_f.u\" \"\$p_f.o\" \"\$p_f.e\" \"\$p_f.g\" \"\$p_f.a\" \"\$p_f.prehook\" \"\$p_f.command\" \"\$p_f.verify\" \"\$p_f.posthook\" \"\$p_f.finally\" \"\$p_f.is\" \"\$p_f.st\" \"\$p_f.USR1\" \"\$p_f.USR2\" \"\$p_f.TTOU\" \"\$p_f.never\""
# Where files can be made. The umask is the command's; asked for through a file or a pipe it costs no process.
p_base() {
for p_d in "${TMPDIR:-/tmp}" /tmp /var/tmp "${HOME:-/}"; do
p_f=$p_d/pogo-$p_tag
if { umask >"$p_f.u"; } 2>/dev/null; then
if read -r p_x <"$p_f.u" && { [ "$1" ] || ( umask 077; exec mkfifo "$p_f.o" "$p_f.e" "$p_f.g" "$p_f.a" ) 2>/dev/null; }; then
p_umask=${p_umask:-$p_x}
p_s=$p_f
p_made=1
trap "$p_sweep" EXIT
trap "exit 1" HUP TERM PIPE
return
fi
rm -f "$p_f.u" "$p_f.o" "$p_f.e" "$p_f.g" "$p_f.a"
fi
p_f=
done
p_refuse "cannot make files for the attempt in ${TMPDIR:-/tmp}, /tmp, /var/tmp or the home: full or read-only"
}
p_umask=
p_made=
p_lean=
p_can_lean() {
for p_x in 1 2; do
[ -p "/proc/self/fd/$p_x" ] && [ -r "/proc/self/fd/$p_x" ] && [ -w "/proc/self/fd/$p_x" ] || return 1
done
# What is not allowed ends a shell if exec tries it. The two are of the same making.
{ { :; } <>/proc/self/fd/1; } 2>/dev/null
}
if p_can_lean; then
# 5 is the gate, 9 the inbox.
eval "exec 5<<\"E\" 9<<\"E\"${p_nl}E${p_nl}E$p_nl"
if [ -p /proc/self/fd/5 ] && [ -p /proc/self/fd/9 ]; then
p_lean=1
exec 8>/proc/self/fd/5 9<>/proc/self/fd/9
p_out_path=/proc/self/fd/7
p_err_path=/proc/self/fd/8
p_gate_path=/proc/self/fd/5
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

# Short texts are kept, and handed to their shell through a pipe. Longer ones go line by line into a file, without a process;
# large or binary ones by length. A dd that does not know fullblock refuses it before it reads anything.
p_short=
for p_blob in $p_blobs; do
p_count=${p_blob##*:}
case ${BASH_VERSION:+has files}$p_lean:$p_blob in
1:*:short:*)
p_text=
while [ "$p_count" -gt 0 ]; do
IFS= read -r p_line || exit 0
p_text=$p_text$p_line$p_nl
p_count=$((p_count - 1))
done
p_short="$p_short ${p_blob%%:*} "
eval "p_text_${p_blob%%:*}=\$p_text"
continue
;;
esac
case $p_made in
"") p_base 1 ;;
esac
p_file=$p_f.${p_blob%%:*}
case $p_blob in
script:*)
mkdir "$p_f" || p_refuse "cannot make the folder $p_f"
p_file=$p_f/$p_script
;;
esac
case $p_blob in
*:lines:*|*:short:*)
while [ "$p_count" -gt 0 ]; do
IFS= read -r p_line || exit 0
printf "%s\n" "$p_line" || exit 0
p_count=$((p_count - 1))
done >"$p_file"
;;
*)
# Something must have found room, so that one that wrote nothing has read nothing.
printf x >"$p_file" && { dd iflag=fullblock bs="$p_count" count=1 >|"$p_file" 2>/dev/null || { [ -s "$p_file" ] && p_refuse "cannot write the command to $p_f: full"; dd ibs=1 obs=65536 count="$p_count" >|"$p_file" 2>/dev/null; }; }
;;
esac || p_refuse "cannot write the command to $p_f: full"
done
read -r p_line || exit 0
[ "$p_line" = "$p_nonce" ] || p_refuse "the command did not reach $p_f as it was: full?"

# Whether the file $1 can be executed where it is. busybox looks at its mode only, not at how the file system is mounted.
p_runs() {
[ -x "$1" ] || return 1
[ /proc/self/exe -ef /bin/busybox ] 2>/dev/null
case $? in
1) return 0 ;;
esac
p_at=
p_how=
while read -r p_what p_where p_kind p_opts p_line; do
case $1 in
"${p_where%/}"/*) [ "${#p_where}" -ge "${#p_at}" ] && p_at=$p_where && p_how=$p_opts ;;
esac
done </proc/mounts
case ,$p_how, in
*,noexec,*) return 1 ;;
esac
return 0
}
# A file system that executes nothing: another one, or the interpreter that the script names.
p_place() {
chmod 700 "$p_s/$p_script" || return 1
p_runs "$p_s/$p_script" && return 0
for p_d in /tmp /var/tmp "${HOME:-/}"; do
p_x=$p_d/pogo-$p_tag
mkdir "$p_x" || continue
if printf "" >"$p_x/$p_script" && chmod 700 "$p_x/$p_script" && p_runs "$p_x/$p_script"; then
mv -f "$p_s/$p_script" "$p_x/$p_script" || return 1
p_note="the script was run from $p_d, because ${p_f%/*} is mounted noexec"
p_s=$p_x
return 0
fi
rm -rf "$p_x"
done
read -r p_line <"$p_s/$p_script"
# Alone it would mean something to csh.
p_bang="! "
p_bang=${p_bang% }
case $p_line in
"#$p_bang"*)
p_through=${p_line#??}
p_note="the script was run through its interpreter, because ${p_f%/*} is mounted noexec"
;;
*) p_note="the script cannot be run: ${p_f%/*} is mounted noexec, and it names no interpreter" ;;
esac
return 0
}
case $p_script in
?*) p_place 2>/dev/null || p_refuse "cannot write the script to $p_s" ;;
esac
p_setsid=
command -v setsid >/dev/null 2>&1 && p_setsid=setsid
