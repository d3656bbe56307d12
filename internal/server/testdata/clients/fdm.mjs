// FDM Monster's own client for these printers, as it comes in its package: signs in
// with a printer's access code at port 8883 and follows it. Prints the state it
// shows.
import { EventEmitter } from "node:events";
import { pathToFileURL } from "node:url";

const [packages, host, serial] = process.argv.slice(2);
const at = packages + "/node_modules/@fdm-monster/server/dist/services/bambu/bambu-mqtt.adapter.js";
const { BambuMqttAdapter } = await import(pathToFileURL(at));

const said = [];
const log = (...words) => said.push(words.join(" "));
const events = new EventEmitter();
events.emitAsync = async (...event) => events.emit(...event);
const adapter = new BambuMqttAdapter(
  { getTimeoutSettings: () => ({ apiTimeout: 10000 }) },
  () => ({ log, debug: log, warn: log, error: log }),
  events,
);
setTimeout(() => {
  console.error("it shows no state\n" + said.join("\n"));
  process.exit(1);
}, 30000);
events.on("bambu.current", async ({ payload }) => {
  if (payload.print.gcode_state === undefined) return;
  console.log(payload.state.text, payload.print.gcode_state);
  await adapter.disconnect();
  process.exit(0);
});
adapter.registerCredentials({ printerId: 1, loginDto: { printerURL: "http://" + host, username: serial, password: process.env.CODE } });
await adapter.setupSocketSession();
adapter.open();
