/** Templates: commands that the configuration has ready, by category. */
import { html, useErrorBoundary, useMemo, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { BLANK, filled, shown, templateCommand, toQuery } from "../lib/command.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { href, navigate, setQuery } from "../lib/router.js";
import { Button, Dialog, Icon } from "../parts/controls.js";
import { Empty, Notice, waiting } from "../parts/facts.js";
import { Combo, QueryBox } from "../parts/fields.js";
import { Preview, suggestFor, usePreview } from "../command/ran.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export function Templates({ route }) {
  const { q = "", category = "", open = "" } = route.query;
  const found = useFetched((signal) => get("templates", {}, signal), []);
  const items = found.data?.items ?? [];
  const broken = found.data?.broken ?? [];
  const asked = items.find((one) => one.name === open && one.parameters);
  const categories = useMemo(() => [...new Set(items.flatMap((one) => one.categories ?? []))].sort(), [items]);
  const groups = useMemo(() => grouped(items, q.toLowerCase(), category), [items, q, category]);
  if (!found.data) return waiting(found);
  if (!items.length && !broken.length) return html`<${Empty} icon="template" title=${t("templates.none")}><p>${t("templates.none.text")}</p><//>`;
  return html`
    <div class="toolbar"><${QueryBox} main label=${t("templates.find")} placeholder=${t("templates.find")} value=${q} onChange=${(next) => setQuery({ q: next })} />
      ${categories.length > 1 && html`<div class="row tight" role="group" aria-label=${t("templates.categories")}>${categories.map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${String(one === category)} onClick=${() => setQuery({ category: one === category ? "" : one })}>${one}</button>`)}</div>`}</div>
    ${items.length > 0 && groups.length === 0 && html`<${Empty} icon="search" title=${t("templates.nothing")} />`}
    ${groups.map(([name, list]) => html`<section key=${name} class="stack" aria-label=${name || t("templates.other")}>${groups.length > 1 && html`<h2>${name || t("templates.other")}</h2>`}
      <div class="deck">${list.map((one) => html`<${Card} key=${one.name} template=${one} />`)}</div></section>`)}
    ${broken.length > 0 && html`<div class="deck">${broken.map(({ name, error }) => html`<article class="card" key=${name}><h3>${name}</h3><${Notice} tone="failed">${error}<//></article>`)}</div>`}
    ${asked && html`<${Form} key=${asked.name} template=${asked} close=${() => setQuery({ open: "" })} />`}`;
}

function Card({ template }) {
  const [failed] = useErrorBoundary();
  if (failed) return html`<article class="card"><h3>${String(template.name)}</h3><${Notice} tone="failed">${t("templates.broken")}<//></article>`;
  const target = Array.isArray(template.tgt) ? template.tgt.join(",") : template.tgt;
  return html`<article class="card"><div class="row spread"><h3>${template.name}</h3>${template.key && html`<kbd>${template.key}</kbd>`}</div>
    ${template.description && template.description !== template.name && html`<p class="muted small">${template.description}</p>`}
    <pre class="command-line">${shown(template)}</pre>
    <div class="foot row spread"><span class="faint small clip">${target ? html`${t("templates.on")} <code>${target}</code>` : t(/^(runner|wheel)/.test(template.client) ? "jobs.onMaster" : "templates.noTarget")}</span>
      ${template.parameters
        ? html`<${Button} small icon="template" onClick=${() => setQuery({ open: template.name })}>${t("templates.fill")}<//>`
        : html`<a class="btn small" href=${href("/console", toQuery({ ...BLANK, ...templateCommand(template) }))}><${Icon} name="console" />${t("templates.use")}</a>`}</div></article>`;
}

/** The parameters of a template, one field each; what is typed makes a command, which the console then shows. */
function Form({ template, close }) {
  const { parameters, description, name } = template;
  const [typed, setTyped] = useState(() => Object.fromEntries(parameters.map((one) => [one.name, one.type === "boolean" ? Boolean(one.default) : String(one.default ?? "")])));
  const [tried, setTried] = useState(false);
  const { command, wrong } = filled(template, typed);
  const use = () => (Object.keys(wrong).length ? setTried(true) : navigate(href("/console", toQuery({ ...BLANK, ...command }))));
  return html`<${Dialog} title=${name} onClose=${close} onSubmit=${use}
    foot=${html`<${Button} onClick=${close}>${t("parts.cancel")}<//><${Button} kind="primary" icon="console" onClick=${use}>${t("templates.use")}<//>`}>
    ${description !== name && html`<p class="muted">${description}</p>`}
    ${parameters.map((one) => html`<${Field} key=${one.name} parameter=${one} value=${typed[one.name]} wrong=${tried ? wrong[one.name] : ""} format=${template.tgt_type} put=${(value) => setTyped({ ...typed, [one.name]: value })} />`)}
    <pre class="command-line">${[command.fun, ...command.words].join(" ")}</pre>
  <//>`;
}

function Field({ parameter: { name, type, required, help, choices }, value, wrong, format, put }) {
  const id = `parameter-${name}`;
  const hint = wrong ? t(wrong) : help;
  const about = { id, "aria-describedby": hint ? `${id}-hint` : undefined, "aria-invalid": wrong ? "true" : undefined, "aria-required": String(required) };
  const typed = (event) => put(event.target.value);
  if (type === "boolean") {
    return html`<div class="field"><label class="check"><input type="checkbox" class="switch" ...${about} aria-required=${undefined} checked=${value} onChange=${(event) => put(event.target.checked)} />${name}</label>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}</div>`;
  }
  return html`<div class="field"><label class="label" for=${id}>${name}${required && " *"}</label>
    ${type === "choice"
      ? html`<select class="select" ...${about} onChange=${typed}>${(required && value ? [] : [""]).concat(choices.map(String)).map((one) => html`<option key=${one} value=${one} selected=${one === value}>${one}</option>`)}</select>`
      : type === "minion"
        ? html`<${Combo} name=${id} mono value=${value} onInput=${put} suggest=${suggestFor(format ?? "glob")} invalid=${Boolean(wrong)} describedby=${`${id}-hint`} />`
        : html`<input class=${type === "number" ? "input" : "input mono"} ...${about} value=${value} inputmode=${type === "number" ? "decimal" : undefined} spellcheck=${false} autocomplete="off" onInput=${typed} />`}
    ${hint && html`<p class=${wrong ? "hint error" : "hint"} id=${`${id}-hint`}>${hint}</p>`}
    ${type === "minion" && html`<${Whom} tgt=${value} format=${format ?? "glob"} />`}</div>`;
}

function Whom({ tgt, format }) {
  const found = usePreview({ tgt, tgt_type: format, fun: "" });
  return html`<div class="command-preview" role="status"><${Preview} found=${found} /></div>`;
}

function grouped(items, sought, category) {
  const groups = new Map();
  for (const one of items) {
    if (category && !(one.categories ?? []).includes(category)) continue;
    if (sought && ![one.name, one.description, one.fun, ...(one.categories ?? [])].some((text) => String(text ?? "").toLowerCase().includes(sought))) continue;
    const name = category || one.categories?.[0] || "";
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups].sort(([a], [b]) => Number(a === "") - Number(b === "") || a.localeCompare(b));
}
