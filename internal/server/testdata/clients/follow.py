# paho-mqtt, the client library of Python: signs in as a user over TLS, follows a
# printer and asks it for everything. Prints the first full report.
import json
import os
import sys
import threading

import paho.mqtt.client as mqtt

host, port, ca, username, serial, version = sys.argv[1:]
protocol = {"3": mqtt.MQTTv31, "4": mqtt.MQTTv311, "5": mqtt.MQTTv5}[version]
done = threading.Event()
problems = []


def connected(client, userdata, flags, reason, properties=None):
    if reason != 0:
        problems.append(f"not let in: {reason}")
        return done.set()
    client.subscribe(f"device/{serial}/report", 1)


def subscribed(client, userdata, mid, codes, properties=None):
    codes = [getattr(c, "value", c) for c in codes]
    if any(c > 2 for c in codes):
        problems.append(f"the subscription was refused: {codes}")
        return done.set()
    request = {"pushing": {"sequence_id": "1", "command": "pushall"}}
    client.publish(f"device/{serial}/request", json.dumps(request), 1)


def said(client, userdata, message):
    report = json.loads(message.payload).get("print", {})
    if report.get("command") == "push_status" and "gcode_state" in report:
        print(message.topic, report["gcode_state"])
        done.set()


arguments = {"client_id": f"paho-{version}", "protocol": protocol}
if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
    arguments["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
client = mqtt.Client(**arguments)
client.username_pw_set(username, os.environ["TOKEN"])
client.tls_set(ca_certs=ca)
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, said
client.connect(host, int(port), 60)
client.loop_start()
if not done.wait(30):
    problems.append("no full report came")
client.disconnect()
client.loop_stop()
sys.exit("\n".join(problems) or None)
