"""Watches a printer as any MQTT client of the account does, until a report shows
what is waited for: watch.py HOST PORT CA USER TOKEN SERIAL KEY VALUE [SECONDS]"""
import json
import sys
import threading

import paho.mqtt.client as mqtt

host, port, ca, user, token, serial, key, value = sys.argv[1:9]
seconds = float(sys.argv[9]) if len(sys.argv) > 9 else 60
seen = threading.Event()


def connected(client, *_):
    client.subscribe(f"device/{serial}/report")
    client.publish(f"device/{serial}/request", json.dumps({"pushing": {"command": "pushall", "sequence_id": "1"}}))


def report(_client, _data, message):
    said = json.loads(message.payload).get("print", {})
    if key in said:
        print(f"  {serial}: {key} = {said[key]}", flush=True)
        if str(said[key]).split(".")[0] == value:
            seen.set()


client = mqtt.Client(client_id="watch-example")
client.username_pw_set(user, token)
client.tls_set(ca)
client.on_connect = connected
client.on_message = report
client.connect(host, int(port), 60)
client.loop_start()
arrived = seen.wait(seconds)
client.loop_stop()
client.disconnect()
if not arrived:
    sys.exit(f"{key} did not become {value} within {seconds:.0f} s")
