// FDM Monster's own client for these printers, as it comes in its package, on the
// printer itself: lists, uploads and fetches files, and follows a print. Prints what
// it saw. It publishes its own requests where no printer listens, on the report
// topic, so MQTT.js asks for reports and starts the print.
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const [packages, host, mqtts, ftps, serial, file, fetched] = process.argv.slice(2);
const code = process.env.CODE;

// Both ports are built into it; one of them takes rights that a test has not.
const led = { 8883: Number(mqtts), 990: Number(ftps) };
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof options === "object") options.port = led[options.port] ?? options.port;
  return connect.apply(this, args);
};

const at = packages + "/node_modules/@fdm-monster/server/dist/services/bambu/";
const { BambuFtpAdapter } = await import(pathToFileURL(at + "bambu-ftp.adapter.js"));
const { BambuClient } = await import(pathToFileURL(at + "bambu.client.js"));
const { BambuMqttAdapter } = await import(pathToFileURL(at + "bambu-mqtt.adapter.js"));
const mqtt = createRequire(packages + "/node_modules/")("mqtt");

const said = [];
const log = (...words) => said.push(words.join(" "));
const loggers = () => ({ log, debug: log, warn: log, error: log });
const settings = { getTimeoutSettings: () => ({ apiTimeout: 10000 }) };
const events = new EventEmitter();
events.emitAsync = async (...event) => events.emit(...event);
const login = { printerURL: "http://" + host, username: serial, password: code };
setTimeout(() => {
  console.error("it did not come to its end\n" + said.join("\n"));
  process.exit(1);
}, 50000);

const drive = new BambuClient(settings, loggers, events, new BambuFtpAdapter(settings, loggers, events));
await drive.connect(login);
await drive.ftp.uploadFile(Readable.from(readFileSync(file)), "cube.gcode.3mf");
const listed = (await drive.ftp.listFiles("/")).find((f) => f.name === "cube.gcode.3mf");
await drive.ftp.downloadFile("/cube.gcode.3mf", fetched);
await drive.disconnect();
console.log("uploaded", listed.size);

const started = mqtt.connect("mqtts://" + host + ":8883", { username: "bblp", password: code, rejectUnauthorized: false });
const request = (payload) => started.publish("device/" + serial + "/request", JSON.stringify(payload));
started.on("connect", () => request({ pushing: { command: "pushall", sequence_id: "0" } }));
const seen = new Set();
events.on("bambu.current", async ({ payload }) => {
  const state = payload.print.gcode_state;
  if (state === undefined) return;
  if (seen.size === 0) {
    const print = { command: "project_file", sequence_id: "1", param: "Metadata/plate_1.gcode", url: "ftp://cube.gcode.3mf", file: "cube.gcode.3mf", subtask_name: "cube", task_id: "7", subtask_id: "7", project_id: "7", profile_id: "7" };
    request({ print });
  }
  if (!seen.has(state)) console.log("state", state, payload.progress.completion);
  seen.add(state);
  if (state !== "FINISH") return;
  await adapter.disconnect();
  started.end();
  process.exit(0);
});
const adapter = new BambuMqttAdapter(settings, loggers, events);
adapter.registerCredentials({ printerId: 1, loginDto: login });
await adapter.setupSocketSession();
adapter.open();
