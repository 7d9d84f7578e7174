/** One job: who ran what on whom, what came back, and what to do about it. All of it is in the address. */
import { html, useSignal, useState } from "../lib/ui.js";
import { run } from "../lib/api.js";
import { again, hides, lacks } from "../lib/command.js";
import { stateBy } from "../lib/events.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { isStates, returnsToCsv, save, tally, toNested, toYaml, verdict } from "../lib/results.js";
import { href, navigate, setQuery } from "../lib/router.js";
import { allowed, session } from "../lib/session.js";
import { Button, Confirm, CopyButton, Icon, Menu, Tabs, toast } from "../parts/controls.js";
import { Progress, reasonOf, Span, Status, Time, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { addressOf, execute } from "../command/ran.js";
import { Matrix } from "../job/matrix.js";
import { Result, useJob } from "../job/result.js";
import { JobEvents, words } from "./console.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Job({ route: { params, query } }) {
  const { jid } = params;
  const whole = useJob(jid);
  const { job, returns, missing } = whole;
  const [asking, setAsking] = useState(null);
  if (!job) {
    return html`<div class="screen"><div class="screen-head"><div class="titles">${CRUMB()}<h1 class="mono">${jid}</h1></div></div>${waiting(whole)}</div>`;
  }
  const all = [...returns.values()];
  const ofStates = all.some((one) => isStates(one.return));
  const tab = ["states", "event", "raw"].includes(query.tab) && (query.tab !== "states" || ofStates) ? query.tab : "result";
  const address = (key) => href(at("jobs", jid), { ...query, tab: key === "result" ? "" : key });
  const tabs = [
    { key: "result", text: t("row.result"), href: address("result"), n: all.length },
    ofStates && { key: "states", text: t("nav.states"), href: address("states") },
    { key: "event", text: t("monitor.event"), href: address("event") },
    { key: "raw", text: t("job.tab.raw"), href: address("raw") },
  ].filter(Boolean);
  const counts = { ...tally(all.map(verdict)), missing: missing.size };
  // What is no state of a file, as that there were none, cannot be run by itself.
  const retry = (ids, state) => state.sls && html`<${Button} small icon="refresh" onClick=${() => setAsking({ title: t("job.retry.ask", { id: state.id, n: ids.length }), command: retried(ids, state) })}>${t("job.retry")}<//>`;
  return html`<div class=${`screen job ${tab === "states" ? "fill" : ""}`}>
    <${Head} job=${job} counts=${counts} ask=${setAsking} whole=${whole} />
    <${Tabs} label=${t("job.tabs")} tabs=${tabs} current=${tab} panel="job-panel" />
    <div id="job-panel" role="tabpanel" aria-labelledby=${`tab-${tab}`} class=${tab === "states" ? "filler job-panel" : "job-panel"}>
      ${tab === "result" && html`<${Results} whole=${whole} query=${query} counts=${counts} retry=${retry} />`}
      ${tab === "states" && html`<${Matrix} returns=${returns} retry=${retry} />`}
      ${tab === "event" && html`<div class="panel"><${JobEvents} jid=${jid} /></div>`}
      ${tab === "raw" && html`<pre class="panel job-raw" tabindex="0">${JSON.stringify(plain(returns), null, 2)}</pre>`}
    </div>
    ${asking && html`<${Ask} ...${asking} close=${() => setAsking(null)} />`}
  </div>`;
}

const CRUMB = () => html`<a class="crumb" href=${href("/jobs")}><${Icon} name="back" small />${t("nav.jobs")}</a>`;

/** `state.sls_id` of one state again, where it failed. */
function retried(ids, { id, sls }) {
  return { ...again({ fun: "state.sls_id", arg: [id, sls], tgt: "", kwargs: {} }), tgt_type: "list", tgt: ids.join(",") };
}

function Head({ job, counts, ask, whole }) {
  const who = useSignal(session);
  const { jid, user, fun, arg, kwargs, tgt, tgt_type, ids, start, end, running, open } = job;
  const ofMaster = /^(runner|wheel)\./.test(String(fun));
  const names = Array.isArray(fun) ? fun.join(", ") : fun;
  const failed = [...whole.returns.values()].filter((one) => verdict(one) === "failed").map(({ id }) => id);
  const secret = hides(arg, kwargs) ? t("job.again.secret") : null;
  const command = again(job);
  const cannot = secret ?? (lacks(command) ? t(lacks(command)) : null) ?? (allowed(ofMaster ? String(fun).split(".")[0] : "local", String(fun).replace(/^(runner|wheel)\./, "")) === "no" ? t("command.forbidden", { fun: names }) : null);
  const testable = !ofMaster && /^state\./.test(String(fun));
  const stop = async (which) => {
    try {
      await run({ client: "local_async", fun: `saltutil.${which}_job`, tgt: open.join(","), tgt_type: "list", arg: [jid] });
      toast(t(`job.stop.${which}.done`, { n: open.length }), { tone: "ok" });
    } catch (error) {
      toast(reasonOf(error), { tone: "failed" });
    }
  };
  const state = stateBy(counts, running);
  const total = ids.length || 1;
  return html`<header class="job-head">
    ${CRUMB()}
    <div class="screen-head">
      <div class="titles">
        <h1><${Status} state=${state} pill /><span class="mono">${names}</span>${arg?.length || Object.keys(kwargs ?? {}).length ? html`<span class="mono job-args">${words([...(arg ?? []), ...(kwargs && Object.keys(kwargs).length ? [{ ...kwargs, __kwarg__: true }] : [])])}</span>` : ""}</h1>
        <p class="lead">${ofMaster ? t("job.sentence.master", { user }) : html`${t("job.sentence", { user })} <a class="mono" href=${addressOf(command)}>${tgt_type && tgt_type !== "glob" ? `${tgt_type} ` : ""}${Array.isArray(tgt) ? tgt.join(",") : tgt}</a> (${t("command.preview.n", { n: ids.length })})`}
          <span> · </span><${Time} at=${start} date />${end ? html`<span> · <${Span} seconds=${Math.max(0, end - start)} /></span>` : ""}<span> · </span><span class="mono faint">${jid}</span></p>
      </div>
      <div class="actions">
        <${Button} icon="refresh" why=${cannot} onClick=${() => ask({ title: t("job.again.ask", { n: ids.length }), command })}>${t("job.again")}<//>
        ${failed.length > 0 && !ofMaster && html`<${Button} why=${cannot} onClick=${() => ask({ title: t("job.againFailed.ask", { n: failed.length }), command: again(job, { ids: failed }) })}>${t("job.againFailed")}<//>`}
        ${testable && html`<${Button} why=${cannot} onClick=${() => ask({ title: t("job.againTest.ask", { n: ids.length }), command: again(job, { test: true }), calm: true })}>test=True<//>`}
        ${running && !ofMaster && html`<${Menu} icon="stop" label=${t("job.stop")} end items=${["term", "kill"].map((which) => ({ label: t(`job.stop.${which}`), onPick: () => stop(which), why: allowed("local", `saltutil.${which}_job`) === "no" ? t("command.forbidden", { fun: `saltutil.${which}_job` }) : null }))} />`}
        <${CopyButton} small=${false} text=${() => location.href} label=${t("job.link")} />
        <${Download} jid=${jid} returns=${whole.returns} user=${who} />
      </div>
    </div>
    <div class="job-sum">
      <${Progress} total=${total} ok=${counts.ok} changed=${counts.changed} failed=${counts.failed} label=${names} />
      <span class="counts">${["failed", "changed", "ok", "missing"].filter((one) => counts[one]).map((one) => html`<span key=${one} class=${`is-${one}`}><${Icon} name=${one} small />${t(`job.count.${one}`, { n: counts[one] })}</span>`)}
        ${running && !ofMaster && html`<span class="is-running"><${Icon} name="running" small />${t("job.count.open", { n: open.length })}</span>`}</span>
    </div>
  </header>`;
}

function Results({ whole, query, counts, retry }) {
  const { find = "", only = "", view = "" } = query;
  const choices = [["", t("approvals.all")], ["failed", t("job.only.failed")], ["changed", t("job.only.changed")]];
  return html`<div class="stack">
    ${whole.returns.size > 1 &&
    html`<div class="toolbar">
      <${QueryBox} main value=${find} onChange=${(value) => setQuery({ find: value })} label=${t("job.find")} placeholder=${t("job.find")} />
      <div class="btn-group" role="group" aria-label=${t("job.only")}>${choices.map(([value, text]) => html`<${Button} key=${value} pressed=${only === value} onClick=${() => setQuery({ only: value })}>${text}${value && counts[value] ? html` <span class="faint">${counts[value]}</span>` : ""}<//>`)}</div>
      <div class="btn-group" role="group" aria-label=${t("job.view")}>${["", "single"].map((value) => html`<${Button} key=${value} pressed=${view === value} onClick=${() => setQuery({ view: value })}>${t(value ? "job.view.single" : "job.view.grouped")}<//>`)}</div>
    </div>`}
    <div class="panel"><${Result} whole=${whole} find=${find} only=${only} single=${view === "single"} retry=${retry} /></div>
  </div>`;
}

function plain(returns) {
  return Object.fromEntries([...returns.values()].map((one) => [one.id, one.return]));
}

function Download({ jid, returns }) {
  const give = (ending, type, text) => save(`job-${jid}.${ending}`, text, type);
  const list = () => [...returns.values()];
  const items = () => [
    { label: "JSON", onPick: () => give("json", "application/json", JSON.stringify(plain(returns), null, 2)) },
    { label: "YAML", onPick: () => give("yaml", "application/yaml", toYaml(plain(returns))) },
    { label: t("job.download.nested"), onPick: () => give("txt", "text/plain", toNested(plain(returns))) },
    { label: "CSV", onPick: () => give("csv", "text/csv", returnsToCsv(list())) },
  ];
  return html`<${Menu} icon="download" label=${t("job.download")} end items=${items} />`;
}

function Ask({ title, command, calm, close }) {
  const yes = async () => {
    try {
      const jid = await execute(command);
      close();
      if (jid) navigate(href(at("jobs", jid)));
      else toast(t("sent.nobody"), { tone: "changed" });
    } catch (error) {
      close();
      toast(reasonOf(error), { tone: "failed" });
    }
  };
  return html`<${Confirm} title=${title} verb=${t("help.key.execute")} danger=${!calm} onYes=${yes} onClose=${close}><p class="mono command-asked">${command.fun} ${command.words.join(" ")}</p>${command.tgt && html`<p class="muted mono clip">${command.tgt}</p>`}<//>`;
}
