/** Permissions: would this be allowed, and by which rule? And the rules as they stand. */
import { html, useEffect, useSignal, useState } from "../lib/ui.js";
import { post } from "../lib/api.js";
import { FORMATS, kindOf } from "../lib/command.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { session } from "../lib/session.js";
import { split } from "../lib/words.js";
import { Button } from "../parts/button.js";
import { Failed, Loading, Notice, Panel, reasonOf } from "../parts/blank.js";
import { Tree } from "../parts/tree.js";
import { wheel, whyNot } from "./act.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export function Permissions({ route }) {
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
    ${field("fun", t("jobs.fun"), { placeholder: "pkg.install   runner.manage.up   wheel.key.accept", required: true })}
    ${kind === "local" && html`<div class="columns two">${field("tgt", t("jobs.target"))}
      <label class="field"><span class="label">${t("perms.format")}</span><select class="select" value=${form.type} onChange=${(event) => set({ type: event.target.value })}>${Object.keys(FORMATS).map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label></div>`}
    ${field("arg", t("perms.arg"), { placeholder: "nginx test=True" })}
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
  if (["@audit", "@stats", "@events", "@hook"].includes(rule)) return t(`rule.room.${rule.slice(1)}`);
  if (rule.startsWith("@")) return t("rule.module", { name: rule.slice(1) });
  if (/^[\w.]+$/.test(rule)) return t("rule.begins", { name: rule });
  const all = /^([\w.]+)\.\*$/.exec(rule);
  return all ? t("rule.of", { name: all[1] }) : t("rule.like");
}

/** Rules as they stand in the configuration: a target and what may be done to it stand together. */
function Rules({ rules }) {
  if (!Array.isArray(rules) || !rules.length) return html`<p class="faint">${t("perms.none")}</p>`;
  return html`<ul class="rules">${rules.map((rule, n) => html`<li key=${n}>${typeof rule === "string" ? html`<code>${rule}</code> <span class="muted small">${meaning(rule)}</span>` : Object.entries(rule ?? {}).map(([target, below]) => html`<div key=${target}><code class="strong">${target}</code> <span class="muted small">${t(target.startsWith("@") ? "rule.only" : /^(args|kwargs)$/.test(target) ? "rule.with" : "rule.on", { name: target })}</span><${Rules} rules=${below && typeof below === "object" && !Array.isArray(below) ? Object.entries(below).map(([key, value]) => ({ [key]: [value].flat() })) : [below].flat()} /></div>`)}</li>`)}</ul>`;
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
