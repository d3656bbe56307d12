// Adds printers: those that the network shows, one by its address, or a file of many.
import { html, useState } from "../lib.js";
import { call, curl } from "../api.js";
import { runs } from "../me.js";
import { model } from "../models.js";
import { Findings, tried } from "../parts/findings.js";
import { link } from "../parts/printer.js";
import { roll } from "../parts/roll.js";
import { Icon } from "../icons.js";
import { said } from "../ui/acts.js";
import { Field, Form } from "../ui/form.js";
import { Line } from "../ui/notes.js";
import { Empty, Head } from "../ui/page.js";
import { t } from "../words.js";

export default function Add() {
  const [chosen, choose] = useState({});
  if (!runs()) return html`<${Head} title=${t("add.title")} back="/" /><${Empty} icon="shield" title=${t("add.only_owners")} />`;
  return html`<${Head} title=${t("add.title")} back="/" />
    <div class="add">
      <div><${Discover} choose=${choose} /><${Many} /></div>
      <${One} key=${chosen.host || ""} of=${chosen} />
    </div>`;
}

/** Looks around, and offers what was found. */
function Discover({ choose }) {
  const [found, tell] = useState(null);
  return html`<section class="panel">
    <h2>${t("add.discover")}</h2>
    <${Form} yes=${t("add.look")} doing=${t("add.looking")} done=${({ data }) => tell(data || [])} send=${(v) => ["POST", "/printers/discover", { wait_seconds: 6, ...(v.subnet && { subnet: v.subnet }) }]}>
      <${Field} label=${t("add.subnet")} name="subnet" placeholder="192.168.1.0/24" hint=${t("add.subnet_hint")} />
    <//>
    <div role="status">${found && (found.length === 0 ? html`<p class="hint">${t("add.none")}</p>` : html`<ul class="found">
      ${found.map((f) => html`<li key=${f.serial || f.host}><div class="grow"><strong>${f.name || f.serial}</strong><small> ${model(f.model)} · ${f.host}</small>${f.connect === "cloud" && html`<p class="hint">${t("add.in_cloud")}</p>`}</div>${f.bound ? html`<span class="quiet">${t("add.bound")}</span>` : html`<button type="button" class="small" onClick=${() => choose({ ...f })}>${t("add.choose")}</button>`}</li>`)}
    </ul>`)}</div>
  </section>`;
}

/** One printer by its address, tried before it is kept. */
function One({ of: f }) {
  const [done, tell] = useState(null);
  const [force, press] = useState(false);
  const body = (v) => {
    const ports = Object.fromEntries(["mqtts_port", "ftps_port", "camera_port", "rtsps_port"].filter((p) => v[p]).map((p) => [p, Number(v[p])]));
    return { host: v.host, access_code: v.access_code, ...(v.name && { name: v.name }), ...(f.serial && { serial: f.serial }), ...(f.model && { model: f.model }), ...ports, ...(v.plate_clear && { plate_clear: true }), ...(force && { force: true }) };
  };
  if (done) {
    return html`<section class="panel" role="status">
      <h2><${Icon} name="check" /> ${t("add.added", { name: done.printer.name })}</h2>
      ${done.test?.findings && html`<${Findings} of=${done.test.findings} />`}
      <p class="bar"><a class="button" href=${link(done.printer)}>${t("add.open")}</a><button type="button" class="quiet" onClick=${() => tell(null)}>${t("add.another")}</button></p>
    </section>`;
  }
  return html`<section class="panel">
    <h2>${t("add.one")}</h2>
    <p class="hint">${t("add.one_text")}</p>
    <${Form} yes=${t(force ? "add.anyway" : "add.try")} send=${(v) => ["POST", "/printers", body(v)]} more=${tried} done=${(a) => tell(a.data)}>
      <${Field} label=${t("add.host")} name="host" required value=${f.host} placeholder="192.168.1.40" autocapitalize="none" spellcheck="false" />
      <${Field} label=${t("add.code")} hint=${t("add.code_hint")} name="access_code" required maxlength="20" autocomplete="off" spellcheck="false" autofocus=${!!f.host} />
      <${Field} label=${t("add.name")} name="name" value=${f.name} maxlength="100" />
      <label class="check"><input type="checkbox" name="plate_clear" />${t("add.plate")}</label>
      <details><summary>${t("add.ports")}</summary>
        <${Field} label="MQTT" name="mqtts_port" type="number" min="1" max="65535" value=${f.mqtts_port} placeholder="8883" />
        <${Field} label="FTPS" name="ftps_port" type="number" min="1" max="65535" value=${f.ftps_port} placeholder="990" />
        <${Field} label=${t("add.camera")} name="camera_port" type="number" min="1" max="65535" value=${f.camera_port} placeholder="6000" />
        <${Field} label=${t("add.video")} name="rtsps_port" type="number" min="1" max="65535" value=${f.rtsps_port} placeholder="322" />
        <label class="check"><input type="checkbox" checked=${force} onChange=${(e) => press(e.target.checked)} />${t("add.force")}</label>
      </details>
    <//>
  </section>`;
}

/** Many printers from a file, each with a result of its own. */
function Many() {
  const [list, tell] = useState([]);
  const [wrong, refuse] = useState("");
  const take = async (e) => {
    const file = e.target.files[0];
    e.target.value = "";
    if (!file) return;
    const { lines = [], wrong: why = "" } = roll(await file.text());
    const every = lines.map((one) => ({ ...one, state: one.wrong ? "bad" : "wait", text: one.wrong }));
    refuse(why);
    tell(every);
    for (const one of every.filter((o) => !o.wrong)) {
      try {
        const answer = await call("POST", "/printers", one.row);
        Object.assign(one, { state: "good", text: t("add.added", { name: answer.data.printer.name }) });
      } catch (refusal) {
        Object.assign(one, { state: "bad", text: said(refusal) });
      }
      one.line = curl("POST", "/printers", one.row);
      tell([...every]);
    }
  };
  return html`<section class="panel">
    <h2>${t("add.many")}</h2>
    <p class="hint">${t("add.many_text")}</p>
    <pre>serial,host,access_code,name,model
01P00A000000001,192.168.1.40,12345678,Bench,P1S</pre>
    <label class="button quiet file-button"><${Icon} name="file" />${t("add.file")}<input type="file" accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values" onChange=${take} /></label>
    <div role="alert">${wrong && html`<div class="banner bad"><${Icon} name="alert" /><div class="grow">${wrong}</div></div>`}</div>
    <ul class="found" role="status">${list.map((one) => html`<li key=${one.number} class=${one.state}><${Icon} name=${{ wait: "clock", good: "check", bad: "cross" }[one.state]} /><div class="grow"><strong>${one.row.name || one.row.serial || one.row.host}</strong> <small>${t("add.csv_line", { number: one.number })}</small><p class="hint">${one.text || t("add.trying")}</p></div>${one.line && html`<${Line} of=${one.line} />`}</li>`)}</ul>
  </section>`;
}
