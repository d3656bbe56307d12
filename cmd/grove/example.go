package main

import (
	"fmt"

	"github.com/grovecloud/grove/internal/server"
)

// pythonExample is the Cloud API documentation's own MQTT example; only host,
// port, CA file, printer and access code are this server's, and the last line says
// what to look for, since the example itself says nothing.
func pythonExample(host, port, ca string, d *server.DemoInfo) string {
	return fmt.Sprintf(`import json
import paho.mqtt.client as mqtt

# Connection details
BROKER = %q
PORT = %s
DEVICE_ID = %q
ACCESS_CODE = %q

# Create MQTT client
client = mqtt.Client()
client.username_pw_set(username="bblp", password=ACCESS_CODE)
client.tls_set(ca_certs=%q)

# Connect to broker
client.connect(BROKER, PORT, 60)

# Send pause command
topic = f"device/{DEVICE_ID}/request"
command = {"print": {"command": "pause"}}
client.publish(topic, json.dumps(command))

# Send temperature command
command = {"print": {"command": "set_nozzle_temp", "param": "220"}}
client.publish(topic, json.dumps(command))

client.disconnect()
print("Sent to", DEVICE_ID + ": pause, and heat the nozzle to 220 degrees. Watch it with the third snippet.")
`, host, port, d.Serial, d.AccessCode, ca)
}
