# Ends what is left of an attempt. Input: boot id, group, its start, keeper, its start.
read -r p_b p_g p_gs p_k p_ks || exit 0
p_boot_id
case $p_boot in
"$p_b") ;;
*) p_say killed rebooted; exit 0 ;;
esac
# The keeper first: it would start `finally`, and in its group there may be more than itself.
p_start_of "$p_k"
case $p_start in
"$p_ks")
# With it go its timer and its pipes: all of its session that descend from it.
p_found=
[ -r /proc/self/stat ] && p_found=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v k="$p_k" "{ pid = \$1; s = \$0; if (sub(/^.*[)] /, \"\", s) == 0) next; split(s, f, \" \"); up[pid] = f[2]; in_[pid] = f[4] } END { for (pid in up) if (in_[pid] == in_[k] && (up[pid] == k || up[up[pid]] == k)) print pid }")
kill -KILL "$p_k" 2>/dev/null
for p_x in $p_found; do kill -KILL "$p_x" 2>/dev/null; done
;;
esac
p_n=0
while :; do
p_start_of "$p_g"
case $p_start in
"$p_gs"|"") ;;
# The number is somebody else's by now: a group keeps its number from being used again.
*) p_say killed gone; exit 0 ;;
esac
p_is_left "$p_g" || { p_say killed gone; exit 0; }
case $p_start in
"")
# Its leader is gone. Who is left is ours only in the session that the leader made.
for p_x in $p_found; do
case $p_x in
*":$p_g"|*::) ;;
*) p_say killed left; exit 0 ;;
esac
done
;;
esac
p_n=$((p_n + 1))
case $p_n in
40) p_say killed left; exit 0 ;;
esac
kill -KILL "-$p_g" 2>/dev/null
sleep 0.1 2>/dev/null || sleep 1
done
