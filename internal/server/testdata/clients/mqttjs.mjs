// MQTT.js, the client library of JavaScript: signs in as a user over TLS, follows
// a printer and asks it for everything. Prints the first full report.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, url, ca, username, serial, version] = process.argv.slice(2);
const mqtt = createRequire(packages + "/")("mqtt");

const client = mqtt.connect(url, {
  ca: readFileSync(ca),
  username,
  password: process.env.TOKEN,
  protocolVersion: Number(version),
  protocolId: version === "3" ? "MQIsdp" : "MQTT",
  reconnectPeriod: 0,
  connectTimeout: 10000,
});
const fail = (why) => {
  console.error(String(why));
  process.exit(1);
};
setTimeout(() => fail("no full report came"), 30000);
client.on("error", fail);
client.on("close", () => fail("the connection was closed"));
client.on("connect", async () => {
  const granted = await client.subscribeAsync(`device/${serial}/report`, { qos: 1 });
  if (granted[0].qos > 2) fail("the subscription was refused");
  await client.publishAsync(
    `device/${serial}/request`,
    JSON.stringify({ pushing: { sequence_id: "1", command: "pushall" } }),
    { qos: 1 },
  );
});
client.on("message", async (topic, payload) => {
  const { print } = JSON.parse(payload.toString());
  if (print?.command !== "push_status" || print.gcode_state === undefined) return;
  console.log(topic, print.gcode_state);
  client.removeAllListeners("close");
  await client.endAsync();
  process.exit(0);
});
