# paho-mqtt as home automation and libraries for one printer use it: the user bblp,
# the printer's access code, a short keep-alive, the name of the printer in the TLS
# handshake, any certificate. Asks what they ask after connecting, in their order,
# and prints one word for each answer.
import json
import os
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

host, port, ca, serial = sys.argv[1:]
answers, problems = {}, []
changed = threading.Condition()


class Named(mqtt.Client):
    """Sends the serial as the server's name, as ha-bambulab does."""

    def _ssl_wrap_socket(self, sock):
        return self._ssl_context.wrap_socket(sock, server_hostname=serial, do_handshake_on_connect=True)


def connected(client, userdata, flags, reason):
    if reason != 0:
        problems.append(f"not let in: {reason}")
    client.subscribe("#" if userdata == "all" else f"device/{serial}/report")


def subscribed(client, userdata, mid, codes):
    note((userdata, "subscribed"), all(c <= 2 for c in codes))


def note(what, value):
    with changed:
        answers[what] = value
        changed.notify_all()


def said(client, userdata, message):
    text = message.payload.decode()
    for name, body in json.loads(text).items():
        indented = text.startswith('{\n    "%s": {\n        "' % name)
        note((userdata, name, body.get("command"), str(body.get("sequence_id"))), (indented, body))
        if body.get("command") == "push_status" and {"gcode_state", "sdcard", "home_flag"} <= body.keys():
            note((userdata, "full"), (indented, body))


def waits(*what):
    with changed:
        if not changed.wait_for(lambda: what in answers, 30):
            sys.exit(f"nothing came of {what}; heard {sorted(map(str, answers))}")
        return answers[what]


def client(name):
    kwargs = {"client_id": name, "userdata": name, "protocol": mqtt.MQTTv311}
    if hasattr(mqtt, "CallbackAPIVersion"):  # paho 2
        kwargs["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
    c = Named(**kwargs)
    c.username_pw_set("bblp", os.environ["CODE"])
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    c.tls_set_context(context)
    c.on_connect, c.on_subscribe, c.on_message = connected, subscribed, said
    c.connect(host, int(port), keepalive=5)
    c.loop_start()
    return c


one, all_ = client("one"), client("all")
waits("one", "subscribed"), waits("all", "subscribed")


def ask(qos, request, end=""):
    one.publish(f"device/{serial}/request", json.dumps(request) + end, qos)


ask(0, {"info": {"sequence_id": "0", "command": "get_version"}})
ask(0, {"pushing": {"sequence_id": "0", "command": "pushall"}})
ask(1, {"pushing": {"sequence_id": "20002", "command": "start"}})
ask(1, {"system": {"sequence_id": "20003", "command": "get_accessories", "accessory_type": "none"}}, "\0")
ask(1, {"print": {"sequence_id": 20004, "command": "pause", "param": ""}})
ask(1, {"print": {"sequence_id": "20005", "command": "gcode_line", "param": "M106 P1 S77\n", "user_id": "1"}, "user_id": "1"})

for viewer in ("one", "all"):
    for name, indented, body in (
        ("state", *waits(viewer, "full")),
        ("versions", *waits(viewer, "info", "get_version", "0")),
        ("accessories", *waits(viewer, "system", "get_accessories", "20003")),
        ("pause", *waits(viewer, "print", "pause", "20004")),
        ("gcode", *waits(viewer, "print", "gcode_line", "20005")),
    ):
        if not indented:
            problems.append(f"{name} is not indented")
        if name == "state":
            print(body["gcode_state"], body["sdcard"], body["home_flag"])
        if name == "versions" and not any(m["name"] == "ota" for m in body["module"]):
            problems.append("no versions")
        if name == "pause" and (str(body["result"]).lower() != "success" or body["sequence_id"] != 20004):
            problems.append(f"pause is answered {body}")
for c in (one, all_):
    c.disconnect()
    c.loop_stop()
sys.exit("\n".join(problems) or None)
