/** States: who is as it should be, orchestrations, templates, schedules, reactors. Each part has an address. */
import { html, useErrorBoundary, useKeys, useMemo, useSignal, useState } from "../lib/ui.js";
import { get, useFetched, useOnEvents, usePages } from "../lib/api.js";
import { BLANK, filled, shown, templateCommand, toQuery } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { formOf, href, navigate, setQuery } from "../lib/router.js";
import { session } from "../lib/session.js";
import { Button, Confirm, Dialog, Icon, Tabs } from "../parts/controls.js";
import { Empty, Failed, Loading, Notice, Panel, Status, Time, waiting } from "../parts/facts.js";
import { Combo, QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { Changes, Tree } from "../parts/tree.js";
import { Preview, suggestFor, usePreview } from "../command/ran.js";
import { FleetMatrix } from "../job/matrix.js";
import { argsOf, funOf, low, Names, start, useCommand, whyNot } from "../fleet/act.js";
import { Reactors } from "../fleet/reactors.js";
import { when } from "../fleet/tabs.js";

const PARTS = { compliance: Compliance, orchestrations: Orchestrations, templates: Templates, schedules: FleetSchedules, reactors: Reactors };

/** @param {{route: import("../lib/router.js").Route}} props */
export default function States({ route }) {
  const part = route.params.part in PARTS ? route.params.part : "compliance";
  const Part = PARTS[part];
  const tabs = Object.keys(PARTS).map((key) => ({ key, text: t(`states.${key}`), href: href(key === "compliance" ? "/states" : at("states", key)) }));
  return html`<div class=${`screen ${part === "compliance" || part === "schedules" ? "fill" : ""}`}>
    <div class="screen-head"><div class="titles"><h1>${t("nav.states")}</h1></div></div>
    <${Tabs} label=${t("states.parts")} tabs=${tabs} current=${part} panel="states-panel" />
    <div id="states-panel" class=${`tabpanel stack ${part === "compliance" || part === "schedules" ? "filler" : ""}`} role="tabpanel" aria-labelledby=${`tab-${part}`}><${Part} key=${part} route=${route} /></div>
  </div>`;
}

/* Compliance: what the newest highstate of each minion came to, and having it looked at anew. */

const STATES = ["failed", "would_change", "unknown", "in"];
const TELLING = /^(salt\/job\/\d+\/ret\/|trisalt\/job\/\d+\/settled|salt\/key)/;

/** @param {{route: import("../lib/router.js").Route}} props */
function Compliance({ route }) {
  const { state = "", q = "", row = "", view = "" } = route.query;
  const { confirm_above: above = 50 } = useSignal(session) ?? {};
  const list = usePages("compliance", { state }, { first: 200, all: true });
  useOnEvents(TELLING, list.again, 5_000);
  const [picked, setPicked] = useState(new Set());
  const [asked, setAsked] = useState(null);
  const counts = list.extra.counts ?? {};
  // Who needs somebody comes first.
  const rows = useMemo(() => list.rows.filter(({ id }) => id.toLowerCase().includes(q.toLowerCase())).sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)), [list.rows, q]);
  const columns = useMemo(columnsOf, []);
  const ids = picked.size ? [...picked] : rows.map((one) => one.id);
  const why = whyNot("local", "state.highstate") ?? (ids.length ? null : t("compliance.nobody"));
  const check = () => {
    setAsked(null);
    return start(low("test", ids), t("compliance.check"));
  };
  if (!list.rows.length && !state && list.error) return html`<${Failed} error=${list.error} onRetry=${list.again} />`;
  return html`
    <div class="key-groups" role="group" aria-label=${t("compliance.groups")}>${STATES.map((one) => html`<button type="button" key=${one} class="key-group" aria-pressed=${String(one === state)} onClick=${() => { setPicked(new Set()); setQuery({ state: one === state ? "" : one, row: "" }); }}>
      <${Status} state=${one} /><b>${(counts[one] ?? 0).toLocaleString()}</b></button>`)}</div>
    <${Share} counts=${counts} />
    <div class="toolbar"><${QueryBox} main label=${t("minions.find")} placeholder=${t("minions.find")} value=${q} onChange=${(next) => setQuery({ q: next, row: "" })} />
      <div class="btn-group" role="group" aria-label=${t("compliance.view")}>${["", "matrix"].map((one) => html`<${Button} key=${one} pressed=${view === one} onClick=${() => setQuery({ view: one })}>${t(one ? "compliance.view.matrix" : "format.list")}<//>`)}</div>
      <${Button} icon="eye" why=${why} onClick=${() => (ids.length > above ? setAsked(ids) : check())}>${picked.size ? t("compliance.checkSome", { n: picked.size }) : t("compliance.check")}<//>
      <a class="btn" href=${href("/console", { tgt: "*", fun: "schedule.add", arg: "compliance function=state.highstate job_kwargs='{test: true}' minutes=60" })}>${t("compliance.schedule")}</a></div>
    ${view === "matrix" && (list.done ? html`<${FleetMatrix} standing=${rows} />` : html`<${Loading} rows=${10} />`)}
    ${view !== "matrix" && html`<section class="panel flush filler" aria-label=${t("states.compliance")}>
      ${!list.rows.length && list.loading
        ? html`<${Loading} rows=${10} />`
        : html`<${Table} label=${t("states.compliance")} columns=${columns} rows=${rows} rowKey=${(one) => one.id} selected=${picked} onSelect=${setPicked} first=${Number(row) || 0}
            empty=${html`<${Empty} icon="states" title=${t(state || q ? "minions.none" : "compliance.none")}>${!state && !q && html`<p>${t("compliance.none.text")}</p>`}<//>`} />`}
    </section>`}
    ${asked && html`<${Confirm} title=${t("bulk.sure", { title: t("do.test"), n: asked.length })} verb=${t("do.test")} onYes=${check} onClose=${() => setAsked(null)}><p>${t("highstate.none.text")}</p><${Names} ids=${asked} /><//>`}`;
}

/** The whole as one bar: how much of the fleet is as it should be. */
function Share({ counts }) {
  const total = STATES.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  if (!total) return null;
  const share = Math.floor((100 * (counts.in ?? 0)) / total);
  let x = 0;
  const piece = (state, tone) => {
    const width = (100 * (counts[state] ?? 0)) / total;
    x += width;
    return width > 0 && html`<rect class=${`p-${tone}`} x=${x - width} width=${width} height="6" />`;
  };
  return html`<div class="progress" role="img" aria-label=${t("compliance.share", { share })}><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${piece("in", "ok")}${piece("would_change", "changed")}${piece("failed", "failed")}${piece("unknown", "missing")}</svg>
    <span class="note">${t("compliance.share", { share })}</span></div>`;
}

function columnsOf() {
  return [
    { key: "id", label: t("minion.id"), head: true, at: "title", cell: (one) => html`<a href=${href(at("states", "compliance", one.id))}>${one.id}</a>` },
    { key: "state", label: t("minion.status"), width: "10rem", at: "end", cell: (one) => html`<${Status} state=${one.state} />` },
    { key: "changes", label: t("compliance.changes"), width: "9rem", num: true, cell: (one) => (one.changes ? html`<span class="is-changed">${t("compliance.nChanges", { n: one.changes })}</span>` : html`<span class="faint none">–</span>`) },
    { key: "failed", label: t("job.only.failed"), width: "8rem", num: true, cell: (one) => (one.failed ? html`<span class="is-failed">${t("compliance.nChanges", { n: one.failed })}</span>` : html`<span class="faint none">–</span>`) },
    { key: "at", label: t("compliance.at"), width: "11rem", drop: 1, cell: (one) => (one.jid ? html`<a href=${href(at("jobs", one.jid))}><${Time} at=${one.at} ago /></a>` : html`<span class="faint">${t("compliance.never")}</span>`) },
  ];
}

/* Orchestrations: the files of the file server that are to be run on the master, their states, and running them. */

/** A file's name as `state.orchestrate` takes it; empty for one that is no SLS. Pure. */
function modOf(path) {
  const found = /^(.+?)(\/init)?\.sls$/.exec(path);
  return found ? found[1].replaceAll("/", ".") : "";
}

/** @param {{route: import("../lib/router.js").Route}} props */
function Orchestrations({ route }) {
  const { mods = "" } = route.query;
  // A blank says that no letters are wanted: without any word the usual ones are.
  const q = (route.query.q ?? "orch").trim();
  const mayList = whyNot("runner", "fileserver.file_list");
  const files = useCommand(mayList ? null : { client: "runner", fun: "fileserver.file_list" });
  const runs = usePages("jobs", { fun: "runner.state.orch*" }, { first: 12 });
  const names = useMemo(() => (Array.isArray(files.data) ? files.data : []).map(modOf).filter((one) => one !== "" && one !== "top"), [files.data]);
  const found = names.filter((one) => one.toLowerCase().includes(q.toLowerCase()));
  return html`<div class="columns list-first">
    <div class="stack"><${Panel} title=${t("orch.files")} flush>
      <div class="panel-search"><${QueryBox} main icon="filter" label=${t("orch.find")} placeholder=${t("orch.find")} value=${q} onChange=${(next) => setQuery({ q: next === "" ? " " : next })} wait=${120} /></div>
      ${mayList
        ? html`<${Empty} icon="lock" title=${mayList} />`
        : files.error ? html`<${Failed} error=${files.error} onRetry=${files.again} />`
        : files.loading ? html`<${Loading} rows=${4} />`
        : found.length === 0 ? html`<${Empty} icon="states" title=${t("orch.none")}><p>${t("orch.none.text")}</p><//>`
        : html`<ul class="pick-list">${found.slice(0, 200).map((one) => html`<li key=${one}><a href=${href(at("states", "orchestrations"), { mods: one, q })} aria-current=${one === mods ? "true" : undefined}>${one}</a></li>`)}</ul>`}
    <//></div>
    <div class="stack">${mods ? html`<${Orchestration} key=${mods} mods=${mods} />` : html`<${Panel} title=${t("states.orchestrations")}><${Empty} icon="states" title=${t("orch.choose")} /><//>`}
      <${Panel} title=${t("orch.runs")} flush>${runs.rows.length === 0 ? html`<${Empty} icon="jobs" title=${t("orch.noRuns")} />` : html`<ul class="list tight">${runs.rows.map((job) => html`<li key=${job.jid}><${Status} state=${job.state} quiet />
        <div class="grow clip"><a class="strong" href=${href(at("jobs", job.jid))}>${argsOf(job) || funOf(job)}</a></div><span class="muted small">${job.user}</span><span class="muted small"><${Time} at=${job.start} /></span></li>`)}</ul>`}<//></div>
  </div>`;
}

function Orchestration({ mods }) {
  const [test, setTest] = useState(false);
  const [asking, setAsking] = useState(false);
  const may = whyNot("runner", "state.orchestrate_show_sls");
  const high = useCommand(may ? null : { client: "runner", fun: "state.orchestrate_show_sls", arg: [mods] });
  const why = whyNot("runner", "state.orchestrate");
  // The answer stands below the name of the master's own minion.
  const data = high.data && typeof high.data === "object" && !Array.isArray(high.data) ? (Object.values(high.data)[0] ?? high.data) : high.data;
  const run = () => {
    setAsking(false);
    return start({ client: "runner_async", fun: "state.orchestrate", arg: [mods], ...(test ? { kwarg: { test: true } } : {}) }, mods);
  };
  return html`<${Panel} title=${mods} actions=${html`<label class="check small"><input type="checkbox" class="switch" checked=${test} onChange=${() => setTest(!test)} />test=True</label>
      <${Button} small kind="primary" icon="play" why=${why} onClick=${() => (test ? run() : setAsking(true))}>${t("highstate.run")}<//>`}>
    ${may ? html`<p class="muted">${may}</p>` : high.error ? html`<${Failed} error=${high.error} onRetry=${high.again} />` : high.loading ? html`<${Loading} rows=${4} />`
      : Array.isArray(data) || typeof data === "string" ? html`<pre class="well">${[data].flat().join("\n")}</pre>` : html`<${Tree} data=${data ?? {}} label=${mods} depth=${2} bare />`}
    ${asking && html`<${Confirm} title=${t("orch.sure", { mods })} verb=${t("highstate.run")} onYes=${run} onClose=${() => setAsking(false)}><p>${t("orch.sure.text")}</p><pre class="well">salt-run state.orchestrate ${mods}</pre><//>`}
  <//>`;
}

/* What is scheduled on many minions: asked of those that a target names, one row for each entry of each minion. */

/** @param {{route: import("../lib/router.js").Route}} props */
function FleetSchedules({ route }) {
  const { tgt = "", q = "" } = route.query;
  const [text, setText] = useState(tgt || "*");
  const why = whyNot("local", "schedule.list");
  const asked = useCommand(tgt && !why ? { client: "local", fun: "schedule.list", tgt, tgt_type: "compound", kwarg: { return_yaml: false, show_all: true, show_disabled: true } } : null);
  const { rows, silent } = useMemo(() => scheduleRows(asked.data), [asked.data]);
  const shown = rows.filter((row) => `${row.id} ${row.name} ${row.fun}`.toLowerCase().includes(q.toLowerCase()));
  const columns = useMemo(() => [
    { key: "name", label: t("schedules.name"), head: true, at: "title", cell: (row) => row.name },
    { key: "fun", label: t("command.function"), width: "14rem", cell: (row) => html`<code>${row.fun}</code>` },
    { key: "when", label: t("schedules.when"), width: "12rem", cell: (row) => row.when },
    { key: "state", label: t("minion.status"), width: "6rem", at: "end", cell: (row) => (row.on ? t("schedules.on") : html`<span class="tag">${t("schedule.off")}</span>`) },
    { key: "id", label: t("minion.id"), width: "16rem", cell: (row) => html`<a href=${href(at("minions", row.id), { tab: "schedules" })}>${row.id}</a>` },
  ], []);
  const ask = (event) => {
    event.preventDefault();
    if (text.trim() === tgt) asked.again();
    else setQuery({ tgt: text.trim() });
  };
  return html`
    <form class="toolbar" onSubmit=${ask}><label class="row grow"><span class="label">${t("schedules.target")}</span><span class="grow"><input class="input mono" value=${text} spellcheck=${false} onInput=${(event) => setText(event.target.value)} /></span></label>
      <${Button} icon="refresh" why=${why} busy=${asked.loading && Boolean(tgt)} onClick=${ask}>${t("schedules.ask")}<//></form>
    ${tgt && rows.length > 0 && html`<div class="toolbar"><${QueryBox} icon="filter" label=${t("schedules.find")} placeholder=${t("schedules.find")} value=${q} onChange=${(next) => setQuery({ q: next })} wait=${120} /></div>`}
    ${silent > 0 && html`<${Notice} tone="changed">${t("schedules.silent", { n: silent })}<//>`}
    ${!tgt
      ? html`<${Empty} icon="calendar" title=${t("schedules.ask.title")}><p>${t("schedules.ask.text")}</p><//>`
      : asked.error ? html`<${Failed} error=${asked.error} onRetry=${asked.again} />`
      : asked.loading && !rows.length ? html`<${Loading} rows=${8} label=${t("asked.waiting")} />`
      : html`<section class="panel flush filler" aria-label=${t("states.schedules")}><${Table} label=${t("states.schedules")} columns=${columns} rows=${shown} rowKey=${(row) => `${row.id} ${row.name}`} empty=${html`<${Empty} icon="calendar" title=${t("schedules.none")} />`} /></section>`}`;
}

/** One row for each entry; and how many have said nothing that is a schedule. Pure. */
function scheduleRows(answer) {
  const rows = [];
  let silent = 0;
  for (const [id, value] of Object.entries(answer ?? {})) {
    if (!value || typeof value !== "object") {
      silent++;
      continue;
    }
    for (const [name, entry] of Object.entries(value.schedule ?? value)) {
      if (entry && typeof entry === "object") rows.push({ id, name, fun: String(entry.function ?? ""), when: when(entry), on: entry.enabled !== false });
    }
  }
  return { rows: rows.sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)), silent };
}

/* One minion's differences: what is not as it should be, and what would be done about it. */

/** @param {{route: import("../lib/router.js").Route}} props */
export function Differences({ route }) {
  const { id } = route.params;
  const found = useFetched((signal) => get(`compliance/${encodeURIComponent(id)}`, {}, signal), [id]);
  useOnEvents(/^salt\/job\/\d+\/ret\//, found.again, 3_000);
  const one = found.data;
  const why = whyNot("local", "state.highstate");
  return html`<div class="screen">
    <div class="screen-head">
      <div class="titles"><a class="crumb" href=${href("/states")}><${Icon} name="back" small />${t("states.compliance")}</a>
        <h1><span class="mono-h">${id}</span>${one && html`<${Status} state=${one.state} pill />`}</h1>
        ${one?.at && html`<p class="lead">${t("compliance.checked")} <${Time} at=${one.at} ago /> · <a href=${href(at("jobs", one.jid))}>${t("compliance.job")}</a> · <a href=${href(at("minions", id), { tab: "highstate" })}>${t("minion.tab.highstate")}</a></p>`}</div>
      <div class="actions"><${Button} icon="eye" why=${why} onClick=${() => start(low("test", [id]), t("compliance.check"))}>${t("compliance.check")}<//>
        <${Button} icon="states" why=${why} onClick=${() => start(low("highstate", [id]), t("do.highstate"))}>${t("row.highstate")}<//></div>
    </div>
    ${!one
      ? waiting(found)
      : one.items.length === 0
        ? html`<${Panel} title=${t("compliance.differences")}><${Empty} icon=${one.state === "in" ? "check" : "states"} title=${t(one.state === "in" ? "compliance.inState" : one.jid ? "compliance.noDetails" : "compliance.unchecked")} /><//>`
        : html`<${Panel} title=${t("compliance.differences")} flush><ul class="list">${one.items.map((item, n) => html`<${Item} key=${n} item=${item} />`)}</ul><//>`}
  </div>`;
}

function Item({ item }) {
  const state = item.result === false ? "failed" : item.result === null ? "would_change" : "changed";
  const changes = Object.keys(item.changes ?? {}).length > 0;
  return html`<li><${Status} state=${state} quiet /><div class="grow stack tight">
    <div class="row"><b>${item.id}</b><span class="mono faint small">${item.fun}</span>${item.name && item.name !== item.id && html`<span class="muted">${item.name}</span>`}${item.sls && html`<span class="tag">${item.sls}</span>`}</div>
    <p class=${state === "failed" ? "is-failed" : "muted"}>${typeof item.comment === "string" ? item.comment : JSON.stringify(item.comment)}</p>
    ${changes && html`<${Changes} changes=${item.changes} />`}</div></li>`;
}

/* Templates: commands that the configuration has ready, by category. */

/** @param {{route: import("../lib/router.js").Route}} props */
function Templates({ route }) {
  const { q = "", category = "", open = "" } = route.query;
  const found = useFetched((signal) => get("templates", {}, signal), []);
  const items = found.data?.items ?? [];
  const broken = found.data?.broken ?? [];
  const asked = items.find((one) => one.name === open && one.parameters);
  useKeys(Object.fromEntries(items.filter((one) => one.key).map((one) => [one.key, () => navigate(wayOf(one))])));
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
      <a class="btn small" href=${wayOf(template)}><${Icon} name=${template.parameters ? "template" : "console"} />${t(template.parameters ? "templates.fill" : "templates.use")}</a></div></article>`;
}

/** Where a template is used: its form, or the console with its command. */
const wayOf = (template) => (template.parameters ? formOf(template) : href("/console", toQuery({ ...BLANK, ...templateCommand(template) })));

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
