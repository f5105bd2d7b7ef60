# Who is on this host.

# What stands behind the name in the line p_line of /proc, in p_stat. The name in parentheses may hold anything, even `) `; but dash
# takes 0.2 ms to look for the last one of them from the end.
p_behind_name() {
p_stat=${p_line#*) }
while :; do
case $p_stat in
*") "*) p_stat=${p_stat#*) } ;;
*) return ;;
esac
done
}
# When a process started, in p_start: with its number it names one process. Empty: there is no such process. Its parent, where
# that can be had without another process, in p_parent.
p_start_of() {
p_start=
p_parent=
if [ -r /proc/self/stat ]; then
{ read -r p_line <"/proc/$1/stat"; } 2>/dev/null || return 0
p_behind_name
set -- $p_stat
case $1 in
# Dead, and nobody has waited for it.
Z|X|x) ;;
*) p_start=${20}; p_parent=$2 ;;
esac
else
p_start=$(ps -o lstart= -p "$1" 2>/dev/null | tr -cs "0-9A-Za-z:\n" "_")
fi
}
p_boot_id() {
p_boot=-
{ read -r p_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null && return 0
p_boot=$(sysctl -n kern.bootsessionuuid 2>/dev/null || sysctl -n kern.boottime 2>/dev/null)
p_boot=$(printf "%s" "$p_boot" | tr -cs "0-9A-Za-z:-" "_")
p_boot=${p_boot:--}
}
# The living members of the group $1 in p_found, each as number:start:session. The dead whom nobody has waited for do not
# count: in a container nobody may ever. $2 are processes that do not count, nor do those who descend from them, but the
# process $3 and its descendants do: from each member awk climbs to its ancestors, which are never 64. `at-but` is zero where
# they are the same.
p_members() {
if [ -r /proc/self/stat ]; then
p_by="cat /proc/[0-9]*/stat"
p_ps=
else
p_by="ps -A -o stat= -o ppid= -o pgid= -o pid="
p_ps=1
fi
p_found=$($p_by 2>/dev/null | awk -v ps="$p_ps" -v g="$1" -v no=" $2 " -v but="${3:--}" "{p=\$1;s=\$0;if(ps)p=\$4;else if(sub(/^.*[)] /,\"\",s)==0)next;split(s,f,\" \");if(ps)f[4]=\"\";up[p]=f[2];if(f[3]==g&&f[1]~/^[^ZXx]/)is[p]=p\":\"f[20]\":\"f[4]}END{for(p in is){at=p;for(n=0;n<64&&at>1&&at-but;n++)at=index(no,\" \"at\" \")?-1:up[at];if(at>=0)print is[p]}}")
}
# No `--` before a group's negative number: dash and busybox take it for a number.
# Whether somebody is left in the group $1. Without a list of processes the kernel is asked, who counts the dead too.
p_is_left() {
p_members "$1"
[ "$p_found" ] && return 0
# If there is a list, everybody there is dead.
kill -0 "-$1" 2>/dev/null && ! [ -r /proc/self/stat ]
}
# Whether the folder $1 is ours and no link.
p_is_ours() {
[ -h "$1" ] && return 1
[ -d "$1" ] && [ -O "$1" ] && [ -w "$1" ]
}
# Where records are kept, if there are such places, and where they are when neither takes one.
p_places() {
p_list=${HOME:+$HOME/.cache/pogo}
p_other=${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/pogo}
}
p_third_place() { p_last_resort=/tmp/.pogo-$(id -u); }
# Removes what nobody asked for in seven days: nobody will. Where there are no records it costs no process. The last resort is
# looked at only if it is known: nobody looks for it, because the folder that it is in may be full.
p_prune() {
p_places
for p_d in "$p_list" "$p_other" "$p_last_resort"; do
p_is_ours "$p_d" || continue
for p_x in "$p_d"/*; do
[ -f "$p_x" ] && find "$p_d" -type f -mtime +6 -exec rm -f {} \; 2>/dev/null
break
done
done
}
