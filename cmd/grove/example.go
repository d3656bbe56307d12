package main

import (
	"fmt"

	"github.com/grovecloud/grove/internal/server"
)

// pythonExample does what the Cloud API documentation's own MQTT example does, and
// waits for the printer's answers to show that it worked.
func pythonExample(host, port, ca string, d *server.DemoInfo) string {
	return fmt.Sprintf(`import json
import paho.mqtt.client as mqtt

# Connection details
BROKER = %q
PORT = %s
DEVICE_ID = %q
ACCESS_CODE = %q

# What to send: pause, which an idle printer refuses, and a temperature
COMMANDS = [{"command": "pause"}, {"command": "set_nozzle_temp", "param": "220"}]
answers = {}

def connected(client, userdata, flags, rc):
    if rc != 0:
        raise SystemExit(mqtt.connack_string(rc))
    client.subscribe(f"device/{DEVICE_ID}/report")

def subscribed(client, userdata, mid, granted):
    for command in COMMANDS:
        client.publish(f"device/{DEVICE_ID}/request", json.dumps({"print": command}))

def reported(client, userdata, message):
    answer = json.loads(message.payload).get("print", {})
    if answer.get("command") in [c["command"] for c in COMMANDS] and "result" in answer:
        answers[answer["command"]] = answer["result"]
        print(answer["command"], answer["result"], answer.get("reason", ""))
    if len(answers) == len(COMMANDS):
        client.disconnect()

client = mqtt.Client()
client.username_pw_set(username="bblp", password=ACCESS_CODE)
client.tls_set(ca_certs=%q)
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, reported
client.connect(BROKER, PORT, 60)
client.loop_forever()
`, host, port, d.Serial, d.AccessCode, ca)
}
