# Runs a throwaway PostgreSQL until standard input ends, which it does when the
# test binary is gone, however it went. Prints "ready DIR" once it answers on the
# socket in DIR.
bin=$1
cd /
umask 077
dir=$(mktemp -d /tmp/grove-postgres-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
trap : HUP INT TERM
"$bin/initdb" --pgdata="$dir/data" --username=grove --auth=trust --encoding=UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c full_page_writes=off -c autovacuum=off \
	-c max_connections=400 -c shared_buffers=32MB -c log_min_messages=fatal >>"$dir/log" 2>&1 </dev/null &
server=$!
until "$bin/pg_isready" -q -h "$dir"; do
	kill -0 "$server" 2>/dev/null || {
		cat "$dir/log"
		exit 1
	}
	sleep 0.05
done
echo "ready $dir"
read -r _
kill -QUIT "$server"
wait "$server" 2>/dev/null
