/** Monitor → Job: what was run, from the command line or from here, and what came back, as it comes. */
import { html, useEffect, useSignal, useValue } from "../lib/ui.js";
import { keepsHouse } from "../lib/housekeeping.js";
import { t } from "../lib/i18n.js";
import { countsOf, stateOf } from "../lib/jobs.js";
import { at } from "../lib/paths.js";
import { href, route, setQuery } from "../lib/router.js";
import { jobs, jobsTurn } from "../lib/store.js";
import { onEvents } from "../lib/stream.js";
import { useFetched, useSettled } from "../lib/fetched.js";
import { get } from "../lib/api.js";
import { Empty, Failed, Loading } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { Progress } from "../parts/charts.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { ran } from "../command/ran.js";
import { Result } from "../job/result.js";
import { useJob } from "../job/use.js";
import { JobEvents } from "./jobevents.js";

/** Rows of the monitor; all there are stand on the page of jobs. */
const MOST = 30;

/** @param {{find: string, paused: boolean}} props */
export function MonitorJobs({ find, paused }) {
  const { query } = useSignal(route);
  const before = useFetched((signal) => get("jobs", { limit: MOST, housekeeping: 0 }, signal), []);
  const turn = useSignal(jobsTurn);
  // A job that began before this browser listened is known in part: what the server counts is asked for anew.
  const soon = useSettled(before.again, 1_000);
  useEffect(() => onEvents(() => [...jobs.values()].some((one) => !one.whole && !one.master && one.fun && stateOf(one) === "running") && soon()), [soon]);
  // What one has run oneself here is shown, whatever it is.
  const mine = new Set(useSignal(ran).map(({ jid }) => jid));
  const rows = useValue(() => (jobsTurn.value, listed(before.data?.items ?? [], mine)), [before.data, mine.size, paused ? 0 : turn]);
  const letters = find.toLowerCase();
  const shown = rows.filter((one) => !letters || `${one.jid} ${one.fun} ${one.tgt} ${one.user}`.toLowerCase().includes(letters)).slice(0, MOST);
  // A job that is open stays, also when newer ones have come before it.
  const open = query.open ?? "";
  const part = query.part ?? "result";
  const show = (jid, which) => setQuery(open === jid && part === which ? { open: "", part: "" } : { open: jid, part: which === "result" ? "" : which });
  if (!shown.length) {
    if (before.error) return html`<${Failed} error=${before.error} onRetry=${before.again} />`;
    if (before.loading) return html`<${Loading} rows=${4} />`;
    return html`<${Empty} icon="jobs" title=${t("monitor.jobs.empty")}><p>${t("monitor.jobs.empty.text")}</p><//>`;
  }
  return html`<ul class="job-rows">${shown.map((one) => html`<${Row} key=${one.jid} job=${one} open=${open === one.jid ? part : ""} show=${show} />`)}</ul>`;
}

/** Of the events and of the server, each once, newest first. */
function listed(fetched, mine) {
  const rows = new Map(fetched.map((one) => [one.jid, one]));
  for (const one of jobs.values()) {
    if (!one.fun || (keepsHouse(one.fun) && !mine.has(one.jid))) continue;
    const known = rows.get(one.jid);
    if (known && (known.end || !one.whole)) continue;
    rows.set(one.jid, { ...one, ...countsOf(one), state: stateOf(one) });
  }
  return [...rows.values()].sort((a, b) => (a.jid < b.jid ? 1 : -1));
}

function Row({ job, open, show }) {
  const { jid, fun, arg, tgt, user, minions, ok, changed, failed, missing, state, start } = job;
  const names = Array.isArray(fun) ? fun.join(",") : fun;
  return html`<li class="job-row" data-open=${open ? "true" : undefined}>
    <div class="job-line">
      <${Status} state=${state} quiet />
      <span class="job-when faint"><${Time} at=${start} ago=${Date.now() / 1000 - start > 12 * 3600} /></span>
      <a class="job-what" href=${href(at("jobs", jid))}><b class="mono">${names}</b> <span class="mono faint">${words(arg)}</span></a>
      <span class="job-whom clip" title=${String(tgt)}>${isOfMaster(names) ? html`<span class="faint">${t("row.toMaster")}</span>` : html`<span class="mono">${Array.isArray(tgt) ? tgt.join(",") : tgt}</span>`}</span>
      <span class="job-by faint clip">${user}</span>
      <span class="job-counts">
        ${failed > 0 && html`<span class="is-failed">${t("job.count.failed", { n: failed })}</span>`}
        ${changed > 0 && html`<span class="is-changed">${t("job.count.changed", { n: changed })}</span>`}
        ${missing > 0 && html`<span class="is-missing">${t("job.count.missing", { n: missing })}</span>`}
        ${ok > 0 && html`<span class="is-ok">${t("job.count.ok", { n: ok })}</span>`}
      </span>
      <span class="job-bar"><${Progress} total=${minions} ok=${ok} changed=${changed} failed=${failed} label=${names} /><span class="faint small num">${ok + changed + failed}/${minions}</span></span>
      <span class="job-buttons">
        ${["result", "event"].map((which) => html`<button type="button" key=${which} class="btn quiet small" aria-expanded=${String(open === which)} onClick=${() => show(jid, which)}>${t(`row.${which}`)}<${Icon} name=${open === which ? "up" : "down"} small /></button>`)}
      </span>
    </div>
    ${open === "result" && html`<div class="job-inside"><${JobResult} jid=${jid} /></div>`}
    ${open === "event" && html`<div class="job-inside"><${JobEvents} jid=${jid} /></div>`}
  </li>`;
}

const isOfMaster = (fun) => /^(runner|wheel)\./.test(fun);

/** Arguments in a row: short, and as one would type them. */
export function words(arg) {
  return (arg ?? []).filter((one) => !(one && typeof one === "object" && one.__kwarg__)).map((one) => (typeof one === "string" ? one : JSON.stringify(one)))
    .concat((arg ?? []).flatMap((one) => (one && typeof one === "object" && one.__kwarg__ ? Object.entries(one).filter(([key]) => key !== "__kwarg__").map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`) : [])))
    .join(" ");
}

function JobResult({ jid }) {
  const whole = useJob(jid);
  if (!whole.job && whole.error) return html`<${Failed} error=${whole.error} onRetry=${whole.again} />`;
  if (!whole.job) return html`<${Loading} rows=${2} />`;
  return html`<${Result} whole=${whole} /><p class="job-more"><a href=${href(at("jobs", jid))}>${t("row.open")} →</a></p>`;
}
