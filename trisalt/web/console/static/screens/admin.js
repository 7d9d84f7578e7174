/** Admin: who may do what and why, who did what, what is wrong, how the server is, and what it was told. */
import { html, useEffect, useMemo, useSignal, useState } from "../lib/ui.js";
import { ask, post, useFetched, usePages } from "../lib/api.js";
import { FORMATS, kindOf, split } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { session } from "../lib/session.js";
import { Button, CopyButton, notices, Tabs } from "../parts/controls.js";
import { Empty, Failed, Loading, Notice, Panel, reasonOf, Status, Time, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { Tree } from "../parts/tree.js";
import { wheel, whyNot, whyNotIn } from "../fleet/act.js";
import { Issues } from "./overview.js";

const PARTS = { permissions: Permissions, audit: Audit, issues: AllIssues, stats: Stats, options: Options, notices: Notices };
const FILL = new Set(["audit"]);

function AllIssues() {
  return html`<${Panel} title=${t("overview.attention")} flush><${Issues} /><//>`;
}

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Admin({ route }) {
  const part = route.params.part in PARTS ? route.params.part : "permissions";
  const Part = PARTS[part];
  const tabs = Object.keys(PARTS).map((key) => ({ key, text: t(`admin.${key}`), href: href(key === "permissions" ? "/admin" : at("admin", key)) }));
  return html`<div class=${`screen ${FILL.has(part) ? "fill" : ""}`}>
    <div class="screen-head"><div class="titles"><h1>${t("nav.admin")}</h1></div></div>
    <${Tabs} label=${t("admin.parts")} tabs=${tabs} current=${part} panel="admin-panel" />
    <div id="admin-panel" class=${`tabpanel stack ${FILL.has(part) ? "filler" : ""}`} role="tabpanel" aria-labelledby=${`tab-${part}`}><${Part} key=${part} route=${route} /></div>
  </div>`;
}

/* Audit: who signed in, who ran what, and what was refused, newest first. */

const PLAIN = new Set(["at", "kind", "user", "eauth", "address"]);

/** What else a line says, in few words. Pure. */
function detail(line) {
  return Object.entries({ fun: line.fun, tgt: line.tgt, ...line }).filter(([key, value]) => !PLAIN.has(key) && value !== undefined).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join("  ");
}

/** Whether a line tells of something that was not let through. */
const bad = ({ kind, result }) => /fail|refus|denied/.test(kind) || (result !== undefined && result !== "ok" && result !== true);

/** @param {{route: import("../lib/router.js").Route}} props */
function Audit({ route }) {
  const { q = "", kind = "" } = route.query;
  const why = whyNotIn("audit");
  const list = usePages("audit", {}, { first: 200, size: 500, skip: Boolean(why) });
  const kinds = useMemo(() => [...new Set(list.rows.map((one) => one.kind))].sort(), [list.rows]);
  const sought = q.toLowerCase();
  const narrowed = Boolean(sought || kind);
  const rows = useMemo(() => list.rows.map((one, n) => ({ ...one, n })).filter((one) => (!kind || one.kind === kind) && (!sought || JSON.stringify(one).toLowerCase().includes(sought))), [list.rows, sought, kind]);
  const columns = useMemo(() => [
    { key: "at", label: t("schedules.when"), width: "11rem", cell: (one) => html`<${Time} at=${one.row.at} date />` },
    { key: "kind", label: t("audit.kind"), width: "11rem", at: "end", cell: (one) => html`<span class=${bad(one.row) ? "is-failed strong" : ""}>${one.row.kind}</span>` },
    { key: "user", label: t("jobs.user"), width: "10rem", head: true, at: "title", cell: (one) => one.row.user ?? "–" },
    { key: "address", label: t("minion.address"), width: "10rem", drop: 1, at: "hide", cell: (one) => html`<span class="mono small">${one.row.address ?? ""}</span>` },
    { key: "detail", label: t("audit.detail"), cell: (one) => html`<span class="mono small clip" title=${detail(one.row)}>${detail(one.row)}</span>` },
  ], []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (list.error && !list.rows.length) return html`<${Failed} error=${list.error} onRetry=${list.again} />`;
  if (list.loading && !list.rows.length) return html`<${Loading} rows=${10} />`;
  const shown = rows.map(({ n, ...row }) => ({ n, row }));
  // What is narrowed here is all that is loaded; a list that is not can grow by scrolling.
  return html`<div class="toolbar"><${QueryBox} main label=${t("audit.find")} placeholder=${t("audit.find")} value=${q} onChange=${(next) => setQuery({ q: next })} />
      <select class="select auto" aria-label=${t("audit.kind")} value=${kind} onChange=${(event) => setQuery({ kind: event.target.value })}><option value="">${t("audit.all")}</option>${kinds.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>
      <${Button} icon="refresh" busy=${list.loading} label=${t("act.refresh")} onClick=${list.again} /></div>
    <section class="panel flush filler" aria-label=${t("admin.audit")}>
      <${Table} label=${t("admin.audit")} columns=${columns} rows=${shown} total=${narrowed ? shown.length : list.total} rowKey=${(one) => String(one.n)} onNeed=${narrowed ? undefined : list.need} empty=${html`<${Empty} icon="admin" title=${t("audit.none")} />`} />
      ${narrowed && !list.done && html`<div class="table-foot">${t("audit.part", { n: list.rows.length })}<button type="button" class="linkish" onClick=${() => list.need(list.rows.length)}>${t("audit.older")}</button></div>`}
    </section>`;
}

/* The master: what it counts, and its options as they are in force. */

/** Options whose values are nobody's business on a screen until they are wanted. */
const SECRET = /pass|secret|token|key$|keys$|bind_/i;

function Stats() {
  const why = whyNotIn("stats");
  const found = useFetched(async (signal) => (why ? null : ask("GET", "/stats", { signal, quiet: true })), []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (found.error || !found.data) return waiting(found);
  const parts = Object.entries(found.data).filter(([, value]) => value && typeof value === "object");
  return html`<div class="toolbar"><span class="grow"></span><${Button} icon="refresh" busy=${found.loading} onClick=${found.again}>${t("act.refresh")}<//></div>
    <div class="columns two">${parts.map(([name, value]) => html`<${Panel} key=${name} title=${name}><${Tree} data=${value} label=${name} depth=${2} bare /><//>`)}</div>`;
}

/** @param {{route: import("../lib/router.js").Route}} props */
function Options({ route }) {
  const { find = "" } = route.query;
  const why = whyNot("wheel", "config.values");
  const found = useFetched(async (signal) => (why ? null : wheel("config.values", {}, signal)), []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (found.error || !found.data) return waiting(found);
  const entries = Object.entries(found.data).sort(([a], [b]) => (a < b ? -1 : 1));
  const open = Object.fromEntries(entries.filter(([name]) => !SECRET.test(name)));
  const secret = Object.fromEntries(entries.filter(([name]) => SECRET.test(name)));
  return html`<section class="panel long-names" aria-label=${t("admin.options")}><div class="panel-head">
      <${QueryBox} main icon="filter" label=${t("options.find")} placeholder=${t("options.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${CopyButton} small=${false} text=${() => JSON.stringify(open, null, 2)} label=${t("options.copied")}>JSON<//></div>
    <div class="panel-body"><${Tree} data=${open} label=${t("admin.options")} find=${find} depth=${1} /></div>
    ${Object.keys(secret).length > 0 && html`<div class="panel-body"><h3>${t("options.secret")}</h3><${Tree} data=${secret} label=${t("options.secret")} find=${find} depth=${2} masked /></div>`}
  </section>`;
}

/* The notices of this tab: what stood in the corner, and is gone. */

function Notices() {
  const all = useSignal(notices);
  if (!all.length) return html`<${Empty} icon="info" title=${t("notices.none")} />`;
  return html`<${Panel} title=${t("admin.notices")} flush><ul class="list tight">${all.map(({ n, at, text, tone, href, link }) => html`<li key=${n}><${Status} state=${tone} quiet /><div class="grow">${text}${href && html` <a href=${href}>${link}</a>`}</div><span class="muted small"><${Time} at=${at} /></span></li>`)}</ul><//>`;
}

/* Permissions: would this be allowed, and by which rule? And the rules as they stand. */

/** @param {{route: import("../lib/router.js").Route}} props */
function Permissions({ route }) {
  const who = useSignal(session);
  return html`<div class="columns two">
    <${Explain} query=${route.query} who=${who} />
    <div class="stack"><${Panel} title=${t("perms.yours")}><p class="muted small">${t("perms.yours.text", { user: who.user, eauth: who.eauth })}</p>${who.admin && html`<p>${t("perms.admin")}</p>`}<${Rules} rules=${who.perms} /><//>
      <${Everybody} /></div>
  </div>`;
}

/** Words of an argument as data: numbers and the like as such, `name=value` as a keyword. */
function argumentsOf(text) {
  const arg = [];
  const kwarg = {};
  for (const word of split(text)) {
    const found = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
    if (found) kwarg[found[1]] = found[2];
    else arg.push(word);
  }
  return { arg, kwarg };
}

function Explain({ query, who }) {
  const { user = who.user, eauth = who.eauth, fun = "", tgt = "*", type = "glob", arg = "" } = query;
  const [form, setForm] = useState({ user, eauth, fun, tgt, type, arg });
  const [verdict, setVerdict] = useState(null);
  const { kind, name } = kindOf(form.fun.trim());
  const set = (patch) => {
    setForm({ ...form, ...patch });
    setVerdict(null);
  };
  const ask = async (event) => {
    event?.preventDefault();
    if (!name) return;
    setQuery({ user: form.user === who.user ? "" : form.user, eauth: form.eauth === who.eauth ? "" : form.eauth, fun: form.fun, tgt: form.tgt === "*" ? "" : form.tgt, type: form.type === "glob" ? "" : form.type, arg: form.arg });
    try {
      const words = argumentsOf(form.arg);
      setVerdict(await post("permissions/explain", { user: form.user.trim(), eauth: form.eauth, client: kind, fun: name, ...(kind === "local" ? { tgt: form.tgt, tgt_type: form.type } : {}), ...words }));
    } catch (error) {
      setVerdict({ error: error instanceof SyntaxError ? t("perms.quote") : reasonOf(error) });
    }
  };
  useEffect(() => {
    if (fun) ask();
  }, []);
  const field = (key, label, props = {}) => html`<label class="field"><span class="label">${label}</span><input class="input mono" value=${form[key]} spellcheck=${false} autocomplete="off" onInput=${(event) => set({ [key]: event.target.value })} ...${props} /></label>`;
  return html`<${Panel} title=${t("perms.ask")}><form class="stack" onSubmit=${ask}>
    <p class="muted">${t("perms.ask.text")}</p>
    <div class="columns two">${field("user", t("jobs.user"))}
      <label class="field"><span class="label">${t("perms.eauth")}</span><select class="select" value=${form.eauth} onChange=${(event) => set({ eauth: event.target.value })}>${[...new Set([form.eauth, ...(who.eauths ?? [])])].map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label></div>
    ${field("fun", t("command.function"), { placeholder: "pkg.install   runner.manage.up   wheel.key.accept", required: true })}
    ${kind === "local" && html`<div class="columns two">${field("tgt", t("command.target"))}
      <label class="field"><span class="label">${t("command.format")}</span><select class="select" value=${form.type} onChange=${(event) => set({ type: event.target.value })}>${Object.keys(FORMATS).map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label></div>`}
    ${field("arg", t("command.arguments"), { placeholder: "nginx test=True" })}
    <div class="row"><button type="submit" class="btn primary" aria-disabled=${name ? undefined : "true"}>${t("perms.do")}</button></div>
    <div role="status">${verdict && html`<${Verdict} verdict=${verdict} />`}</div>
  </form><//>`;
}

function Verdict({ verdict }) {
  if (verdict.error) return html`<${Notice} tone="changed">${verdict.error}<//>`;
  return html`<${Notice} tone=${verdict.allowed ? "ok" : "failed"}><p class="strong">${t(verdict.allowed ? "perms.allowed" : "perms.refused")}</p><p>${verdict.because}</p>
    ${verdict.rule !== null && verdict.rule !== undefined && html`<div class="stack tight"><span class="label">${t("perms.rule")}</span><${Rules} rules=${Array.isArray(verdict.rule) ? verdict.rule : [verdict.rule]} /></div>`}<//>`;
}

/** What a rule allows, in words. */
function meaning(rule) {
  if (rule === ".*") return t("rule.all");
  if (/^@runners?$/.test(rule)) return t("rule.runners");
  if (/^@wheels?$/.test(rule)) return t("rule.wheels");
  if (["@audit", "@stats", "@events", "@hook", "@approver"].includes(rule)) return t(`rule.room.${rule.slice(1)}`);
  if (rule.startsWith("@")) return t("rule.module", { name: rule.slice(1) });
  if (/^[\w.]+$/.test(rule)) return t("rule.begins", { name: rule });
  const all = /^([\w.]+)\.\*$/.exec(rule);
  return all ? t("rule.of", { name: all[1] }) : t("rule.like");
}

/** Rules as they stand in the configuration: a target and what may be done to it stand together. */
function Rules({ rules }) {
  if (!Array.isArray(rules) || !rules.length) return html`<p class="faint">${t("perms.none")}</p>`;
  return html`<ul class="rules">${rules.map((rule, n) => html`<li key=${n}>${typeof rule === "string" ? html`<code>${rule}</code> <span class="muted small">${meaning(rule)}</span>` : Object.entries(rule ?? {}).map(([target, below]) => html`<div key=${target}><code class="strong">${target}</code> <span class="muted small">${t(target === "@approve" ? "rule.approve" : target.startsWith("@") ? "rule.only" : /^(args|kwargs)$/.test(target) ? "rule.with" : "rule.on", { name: target })}</span><${Rules} rules=${below && typeof below === "object" && !Array.isArray(below) ? Object.entries(below).map(([key, value]) => ({ [key]: [value].flat() })) : [below].flat()} /></div>`)}</li>`)}</ul>`;
}

/** All rules of the configuration, for who may see it. */
function Everybody() {
  const why = whyNot("wheel", "config.values");
  const found = useFetched(async (signal) => (why ? null : (await wheel("config.values", {}, signal)).external_auth ?? {}), []);
  return html`<${Panel} title=${t("perms.all")}>${why
    ? html`<p class="muted">${why}</p>`
    : found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : !found.data ? html`<${Loading} rows=${3} />`
      : Object.entries(found.data).map(([eauth, users]) => html`<section key=${eauth} class="stack tight"><h3>${eauth}</h3>${users && typeof users === "object" && !Array.isArray(users)
          ? html`<dl class="kv">${Object.entries(users).filter(([user]) => !user.startsWith("^")).map(([user, rules]) => html`<dt key=${user} class="mono">${user}</dt><dd><${Rules} rules=${[rules].flat()} /></dd>`)}</dl>`
          : html`<${Tree} data=${users} bare />`}</section>`)}<//>`;
}
