#!/usr/bin/env bash
# The whole main job with curl and Python, against a cloud and a simulated
# printer of its own: examples/journey.sh [--database postgres://…]
set -euo pipefail
cd "$(dirname "$0")/.."

database=()
[ "${1:-}" = --database ] && database=(--database "$2")
work=$(mktemp -d)
children=()
finish() {
	status=$?
	for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
	for child in "${children[@]}"; do wait "$child" 2>/dev/null || true; done
	if [ $status -ne 0 ]; then
		echo "the journey failed; the cloud's log:" >&2
		tail -n 20 "$work"/*.log >&2 || true
	fi
	rm -rf "$work"
	exit $status
}
trap finish EXIT
step() { printf '\n-- %s\n' "$*"; }
field() { /usr/bin/python3 -c 'import json,sys
v = json.load(sys.stdin)
for k in sys.argv[1].split("."): v = v[int(k)] if isinstance(v, list) else v[k]
print(v)' "$1"; }
await() { # await FILE
	for _ in $(seq 300); do
		[ -s "$1" ] && return
		sleep 0.1
	done
	echo "$1 did not appear" >&2
	return 1
}

step "build and start an empty cloud"
go build -o "$work/grove" ./cmd/grove
"$work/grove" serve --data "$work/data" --http 127.0.0.1:0 --mqtts 127.0.0.1:0 --webhooks-to-loopback \
	--ready-file "$work/ready.json" "${database[@]}" >"$work/serve.out" 2>"$work/serve.log" &
children+=($!)
await "$work/ready.json"
url=$(field http <"$work/ready.json")
mqtt=$(field mqtts <"$work/ready.json")
ca=$(field ca_file <"$work/ready.json")
post() { curl -fsS "$url$1" -H 'Content-Type: application/json' -H "Authorization: Bearer ${token:-}" -d "$2"; }
fetch() { curl -fsS "$url$1" -H "Authorization: Bearer $token"; }

step "make the first owner with the code that the cloud printed"
code=$(sed -n 's/.*"code":"\([^"]*\)".*/\1/p' "$work/serve.out")
post /v1/grove-service/setup "{\"code\":\"$code\",\"email\":\"you@example.org\",\"password\":\"at least 12 characters\",\"name\":\"You\"}" >/dev/null

step "sign in"
token=$(post /v1/user-service/user/login '{"account":"you@example.org","password":"at least 12 characters"}' | field accessToken)
uid=$(fetch /v1/design-user-service/my/preference | field uid)
echo "  signed in as u_$uid"

step "switch on a simulated P1S, bound to the account"
export GROVE_PASSWORD='at least 12 characters'
"$work/grove" login --token-file "$work/token.json" --url "$url" --mqtt "$mqtt" --ca "$ca" you@example.org
"$work/grove" sim --token-file "$work/token.json" --model P1S --speed 60 --ledger "$work/ledger" >"$work/sim.out" 2>"$work/sim.log" &
children+=($!)
serial=01P00A000000001
for _ in $(seq 100); do
	[ "$(fetch "/v1/grove-service/printers" | /usr/bin/python3 -c 'import json,sys
p = json.load(sys.stdin)["data"]
print(bool(p) and p[0]["connected"] and p[0]["complete"])')" = True ] && break
	sleep 0.2
done
fetch /v1/iot-service/api/user/bind | field devices.0.name

step "register a webhook with a small receiver"
/usr/bin/python3 examples/receiver.py "$work/secret" "$work/events" >"$work/port" 2>"$work/receiver.log" &
children+=($!)
await "$work/port"
post /v1/grove-service/webhooks "{\"url\":\"http://127.0.0.1:$(cat "$work/port")/\",\"events\":[\"print.started\",\"print.completed\"]}" | field data.secret >"$work/secret"

step "upload a print file: ask for a link, put the bytes there, confirm"
ticket=$(post /v1/iot-service/api/user/upload '{"filename":"cube.gcode.3mf"}')
curl -fsS -X PUT -H 'Content-Type: application/octet-stream' --data-binary @examples/cube.gcode.3mf "$(field upload_url <<<"$ticket")"
file=$(field file_id <<<"$ticket")
post /v1/iot-service/api/user/upload/confirm "{\"file_id\":\"$file\"}" >/dev/null
fetch "/v1/grove-service/files/$file" | field data.plates.0.estimate_seconds | sed 's/$/ s estimated/; s/^/  /'

step "print it"
job=$(post /v1/iot-service/api/user/print "{\"device_id\":\"$serial\",\"file_id\":\"$file\"}" | field job_id)
echo "  job $job"

step "the documentation's Python example pauses the print and heats the nozzle"
access=$(fetch /v1/iot-service/api/user/bind | field devices.0.dev_access_code)
watch() { /usr/bin/python3 -W ignore examples/watch.py "${mqtt%:*}" "${mqtt##*:}" "$ca" "u_$uid" "$token" "$serial" "$@"; }
watch gcode_state RUNNING 60
sed -e "s|us.mqtt.bambulab.com|${mqtt%:*}|" -e "s|8883|${mqtt##*:}|" -e "s|your_device_id|$serial|" \
	-e "s|your_access_code|$access|" -e "s|CA_FILE = None|CA_FILE = \"$ca\"|" examples/mqtt_example.py >"$work/example.py"
/usr/bin/python3 -W ignore "$work/example.py"
watch gcode_state PAUSE 30
watch nozzle_target_temper 220 30

step "resume, and watch the print to its end over MQTT"
post "/v1/grove-service/printers/$serial/commands" '{"print":{"command":"resume"}}' | field data.outcome
watch gcode_state FINISH 120

step "the receiver was told, and the signatures are good"
for _ in $(seq 100); do
	grep -q '^good .*print.completed' "$work/events" 2>/dev/null && break
	sleep 0.2
done
grep -q "^good .*print.started.*\"job_id\":\"$job\"" "$work/events"
grep -q "^good .*print.completed.*\"job_id\":\"$job\"" "$work/events"
if grep -q ^BAD "$work/events"; then exit 1; fi

step "the job is finished, and the printer started it once"
fetch "/v1/grove-service/jobs/$job" | field data.state
[ "$(fetch "/v1/grove-service/jobs/$job" | field data.state)" = finished ]
[ "$(grep -c "\"task_id\":\"$job\"" "$work/ledger")" = 1 ]

step "done"
