#!/usr/bin/env bash
# The whole main job with curl and Python, against a cloud and a simulated
# printer of its own. Takes about half a minute and leaves nothing behind.
#
#   examples/journey.sh                              on SQLite
#   examples/journey.sh --database postgres://…      on an empty PostgreSQL database
#
# Needs go, curl and Debian's python3-paho-mqtt.
set -euo pipefail
cd "$(dirname "$0")/.."

database=()
case "${1:-}" in
"") ;;
--database)
	[ $# -eq 2 ] || { echo "usage: examples/journey.sh [--database postgres://…]" >&2; exit 2; }
	database=(--database "$2")
	;;
*)
	echo "usage: examples/journey.sh [--database postgres://…]" >&2
	exit 2
	;;
esac

python=/usr/bin/python3 # Debian's, which has python3-paho-mqtt
work=$(mktemp -d)
children=()
now="start"

finish() {
	local status=$?
	trap - EXIT INT TERM
	for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
	for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
	if [ "$status" -ne 0 ]; then
		printf '\nthe journey failed at: %s\nthe last lines of the logs:\n' "$now" >&2
		tail -n 20 "$work"/*.log >&2 || true
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() {
	now=$*
	printf '\n-- %s\n' "$now"
}

# ask METHOD PATH [JSON] prints the answer, or on standard error why there is none.
ask() {
	local answer args=(-X "$1" "$url$2" -H "Authorization: Bearer ${token:-}")
	[ $# -lt 3 ] || args+=(-H 'Content-Type: application/json' -d "$3")
	if ! answer=$(curl -sS --fail-with-body --max-time 30 "${args[@]}"); then
		echo "$1 $2 was refused: $answer" >&2
		return 1
	fi
	printf '%s\n' "$answer"
}

# field A.0.B reads a value out of JSON on standard input.
field() {
	"$python" -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$1"
}

# await WHAT COMMAND… tries the command until it succeeds, 20 seconds at most.
await() {
	local what=$1
	shift
	for _ in {1..100}; do
		"$@" && return
		sleep 0.2
	done
	echo "waited in vain: $what" >&2
	return 1
}

# watch KEY VALUE SECONDS follows the printer over MQTT until a report says so.
watch() {
	"$python" -W ignore examples/watch.py "${mqtt%:*}" "${mqtt##*:}" "$ca" "u_$uid" "$token" "$serial" "$@"
}

is_complete() { [ "$(ask GET "/v1/grove-service/printers/$serial" 2>/dev/null | field data.complete 2>/dev/null)" = True ]; }
was_told() { grep -qs "^good .*\"$1\".*\"job_id\":\"$job\"" "$work/events"; }

step "build grove and start an empty cloud"
go build -o "$work/grove" ./cmd/grove
"$work/grove" serve --data "$work/data" --http 127.0.0.1:0 --mqtts 127.0.0.1:0 --webhooks-to-loopback \
	--ready-file "$work/ready.json" "${database[@]}" >"$work/serve.out" 2>"$work/serve.log" &
children+=($!)
await "the cloud is ready" test -s "$work/ready.json"
url=$(field http <"$work/ready.json")
mqtt=$(field mqtts <"$work/ready.json")
ca=$(field ca_file <"$work/ready.json")
echo "  HTTP $url, MQTT $mqtt"

step "make the first owner with the setup code that the cloud printed"
code=$(sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$work/serve.out")
password='correct horse battery'
ask POST /v1/grove-service/setup "{\"code\":\"$code\",\"email\":\"you@example.org\",\"password\":\"$password\",\"name\":\"You\"}" |
	field data.email | sed 's/^/  /'

step "sign in"
token=$(ask POST /v1/user-service/user/login "{\"account\":\"you@example.org\",\"password\":\"$password\"}" | field accessToken)
uid=$(ask GET /v1/design-user-service/my/preference | field uid)
echo "  the MQTT user name is u_$uid"

step "switch on a simulated P1S, 60 times as fast as a real one, which binds itself to the account"
serial=01P00A000000001
GROVE_PASSWORD=$password "$work/grove" login --token-file "$work/token.json" --url "$url" --mqtt "$mqtt" --ca "$ca" you@example.org 2>"$work/login.log"
"$work/grove" sim --token-file "$work/token.json" --model P1S --speed 60 --ledger "$work/ledger" >"$work/sim.out" 2>"$work/sim.log" &
children+=($!)
await "the printer has said how it is" is_complete

step "list the printers"
ask GET /v1/iot-service/api/user/bind >"$work/bind.json"
echo "  $(field devices.0.dev_id <"$work/bind.json") $(field devices.0.name <"$work/bind.json") $(field devices.0.print_status <"$work/bind.json")"
access_code=$(field devices.0.dev_access_code <"$work/bind.json")

step "have events sent to a small receiver, which verifies their signatures"
"$python" examples/receiver.py "$work/secret" "$work/events" >"$work/port" 2>"$work/receiver.log" &
children+=($!)
await "the receiver listens" test -s "$work/port"
ask POST /v1/grove-service/webhooks "{\"url\":\"http://127.0.0.1:$(cat "$work/port")/\",\"events\":[\"print.started\",\"print.completed\"]}" |
	field data.secret >"$work/secret"

step "upload a print file: ask for a link, put the bytes there, confirm"
ask POST /v1/iot-service/api/user/upload '{"filename":"cube.gcode.3mf"}' >"$work/upload.json"
curl -sS --fail-with-body --max-time 60 -X PUT -H 'Content-Type: application/octet-stream' \
	--data-binary @examples/cube.gcode.3mf "$(field upload_url <"$work/upload.json")" >/dev/null
file=$(field file_id <"$work/upload.json")
ask POST /v1/iot-service/api/user/upload/confirm "{\"file_id\":\"$file\"}" >/dev/null
echo "  $(ask GET "/v1/grove-service/files/$file" | field data.plates.0.estimate_seconds) s estimated"

step "print it"
job=$(ask POST /v1/iot-service/api/user/print "{\"device_id\":\"$serial\",\"file_id\":\"$file\"}" | field job_id)
echo "  job $job"
watch gcode_state RUNNING 60

step "run the documentation's Python example: it pauses the print and heats the nozzle"
sed -e "s|us.mqtt.bambulab.com|${mqtt%:*}|" -e "s|8883|${mqtt##*:}|" -e "s|your_device_id|$serial|" \
	-e "s|your_access_code|$access_code|" examples/mqtt_example.py >"$work/mqtt_example.py"
SSL_CERT_FILE=$ca "$python" -W ignore "$work/mqtt_example.py"
watch gcode_state PAUSE 30
watch nozzle_target_temper 220 30

step "resume, and watch the print to its end over MQTT"
[ "$(ask POST "/v1/grove-service/printers/$serial/commands" '{"print":{"command":"resume"}}' | field data.outcome)" = accepted ]
watch gcode_state FINISH 60

step "the receiver was told of the beginning and the end, and every signature was good"
await "print.started arrived" was_told print.started
await "print.completed arrived" was_told print.completed
cut -c1-150 "$work/events" | sed 's/^/  /'
if grep -q '^BAD' "$work/events"; then
	echo "a signature was not good" >&2
	exit 1
fi

step "the job is finished, and the printer's own ledger shows one start"
[ "$(ask GET "/v1/grove-service/jobs/$job" | field data.state)" = finished ]
[ "$(grep -c "\"task_id\":\"$job\"" "$work/ledger")" = 1 ]

step "done"
