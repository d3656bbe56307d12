// Changing a job while it waits.
import { html, useState } from "../lib.js";
import { get } from "../api.js";
import { grams, span } from "../format.js";
import { everyone } from "../live.js";
import { ask, Dialog, Fetched, Field, Form, useFetched } from "../ui.js";
import { again as optionsOf } from "./job.js";
import { t } from "../words.js";

/** Opens the form; again is called when the job was changed. */
export const edit = (j, again) => ask(Edit, { job: j }).then((answer) => answer && again());

const switches = ["use_ams", "bed_leveling", "flow_cali", "vibration_cali", "layer_inspect", "timelapse"];

// An input of this kind takes local time without a zone.
function local(at) {
  if (!at || new Date(at) < Date.now()) return "";
  const d = new Date(at);
  return new Date(d - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Edit({ job: j, close }) {
  const file = useFetched(() => get(`/files/${j.file_id}`));
  return html`<${Dialog} title=${t("edit.title", { name: j.file_name })} onClose=${() => close()}>
    <${Fetched} of=${file}>${(f) => html`<${EditForm} job=${j} file=${f} close=${close} />`}<//>
  <//>`;
}

function EditForm({ job: j, file, close }) {
  const [serial, choose] = useState(j.any ? "" : j.device_id);
  const known = everyone.value.some((p) => p.serial === j.device_id);
  const body = (v) => {
    const plate = Number(v.plate);
    const out = { plate };
    if (v.not_before !== local(j.not_before)) out.not_before = new Date(v.not_before || 0).toISOString();
    const options = optionsOf(j);
    for (const name of switches) options[name] = name in v;
    // Trays belong to one plate on one printer.
    if (v.device_id !== j.device_id || plate !== j.plate || !options.use_ams) delete options.ams_mapping;
    out.options = options;
    if (v.device_id === "") out.any = { ...j.any, material: "material" in v, color: "color" in v, tags: v.tags.split(",").map((w) => w.trim()).filter(Boolean) };
    else if (j.any || v.device_id !== j.device_id) out.device_id = v.device_id;
    return out;
  };
  return html`<${Form} yes=${t("edit.yes")} cancel=${() => close()} done=${close} send=${(v) => ["PATCH", `/jobs/${j.id}`, body(v)]}>
    <${Field} label=${t("job.plate_label")}>${(props) => html`<select ...${props} name="plate">${file.plates.map((p) => html`<option key=${p.index} value=${p.index} selected=${p.index === j.plate}>${[t("job.plate", { n: p.index }), p.name, p.estimate_seconds && span(p.estimate_seconds), p.weight_grams && grams(p.weight_grams)].filter(Boolean).join(" · ")}</option>`)}</select>`}<//>
    <${Field} label=${t("printer")}>${(props) => html`<select ...${props} name="device_id" onChange=${(e) => choose(e.target.value)}>
      <option value="" selected=${!serial}>${t("job.any")}</option>
      ${!known && j.device_id && html`<option value=${j.device_id} selected>${j.device_id}</option>`}
      ${everyone.value.map((p) => html`<option key=${p.serial} value=${p.serial} selected=${p.serial === serial}>${p.name}</option>`)}
    </select>`}<//>
    ${serial === "" &&
    html`<fieldset><legend>${t("edit.any")}</legend>
      <label class="check"><input type="checkbox" name="material" checked=${j.any?.material ?? true} />${t("edit.material")}</label>
      <label class="check"><input type="checkbox" name="color" checked=${j.any?.color} />${t("edit.color")}</label>
      <${Field} label=${t("edit.tags")} hint=${t("edit.tags_hint")} name="tags" value=${(j.any?.tags || []).join(", ")} />
    </fieldset>`}
    <${Field} label=${t("edit.when")} hint=${t("edit.when_hint")} name="not_before" type="datetime-local" value=${local(j.not_before)} />
    <fieldset class="switches"><legend>${t("edit.options")}</legend>
      ${switches.map((name) => html`<label key=${name} class="check"><input type="checkbox" name=${name} checked=${j.options[name]} />${t(`option.${name}`)}</label>`)}
    </fieldset>
  <//>`;
}
