# Sent with a job of which something is large or binary: that is read by length.

# Nothing but the nonce may follow it. A dd that does not know fullblock refuses it before it reads anything.
p_bytes() {
p_file_for
case $p_name$p_script in
command?*)
mkdir "$p_f" || p_refuse "cannot make the folder $p_f"
p_file=$p_f/$p_script
;;
esac
# Something must have found room, so that one that wrote nothing has read nothing.
printf x >"$p_file" && case $p_count in
0) printf "" >|"$p_file" ;;
*) dd iflag=fullblock bs="$p_count" count=1 >|"$p_file" 2>/dev/null || { [ -s "$p_file" ] && p_refuse "cannot write the command to $p_f: full"; dd ibs=1 obs=65536 count="$p_count" >|"$p_file" 2>/dev/null; } ;;
esac || p_refuse "cannot write the command to $p_f: full"
read -r p_line || exit 0
[ "$p_line" = "$p_nonce" ] || p_refuse "the command did not reach $p_f as it was: full?"
case $p_name$p_script in
command?*) p_place 2>/dev/null || p_refuse "cannot write the script to $p_s" ;;
esac
}
p_script=
