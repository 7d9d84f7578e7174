/** Console: Command above, and below it the Monitor with Command, Job, Minion and Event. */
import { classes, html, useEffect, useKeys, useMemo, useSignal, useState, useValue } from "../lib/ui.js";
import { get, useFetched, usePages, useSettled } from "../lib/api.js";
import { countsOf, joined, keepsHouse, stateOf, tell } from "../lib/events.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, route, setQuery } from "../lib/router.js";
import { prefer, prefs } from "../lib/session.js";
import { events, eventsTurn, jobs, jobsTurn } from "../lib/store.js";
import { onEvents } from "../lib/stream.js";
import { Button, Icon, Menu, Tabs } from "../parts/controls.js";
import { Empty, Failed, Loading, Progress, Status, Time, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Tree } from "../parts/tree.js";
import { Command, useCommand } from "../command/form.js";
import { ran, recalled } from "../command/ran.js";
import { Result, useJob } from "../job/result.js";
import { MonitorEvents, useEvents } from "./events.js";

const PANELS = { command: MonitorCommands, job: MonitorJobs, minion: MonitorMinions, event: MonitorEvents };
/** What a row of jobs may be without, and its texts. */
const COLUMNS = { whom: "command.target", by: "jobs.user", counts: "nav.minions" };
const PAGES = { job: "/jobs", minion: "/minions", event: "/events" };

export default function Console() {
  const { query } = useSignal(route);
  const { columns = {} } = useSignal(prefs);
  const left = columns.left ?? [];
  const turn = (key) => prefer({ columns: { ...columns, left: left.includes(key) ? left.filter((one) => one !== key) : [...left, key] } });
  const [command, patch] = useCommand();
  const [paused, setPaused] = useState(false);
  const panel = query.panel in PANELS ? query.panel : "job";
  const find = query.find ?? "";
  const pauses = panel === "job" || panel === "event";
  useKeys({ p: () => pauses && setPaused(!paused) });
  // The new job is opened where jobs are watched; who watches something else goes on to.
  const onRun = (jid) => jid && panel === "job" && setQuery({ open: jid, part: "" });
  const Panel = PANELS[panel];
  const tabs = Object.keys(PANELS).map((key) => ({ key, text: t(`monitor.${key}`), href: href("/console", { ...query, panel: key === "job" ? "" : key, open: "", part: "", find: "" }) }));
  return html`<div class="screen console">
    <h1 class="sr">${t("nav.console")}</h1>
    <${Command} command=${command} patch=${patch} onRun=${onRun} />
    <section class=${classes("panel flush monitor", ...left.map((key) => `no-${key}`))} aria-label=${t("monitor.title")}>
      <div class="panel-head monitor-head">
        <h2>${t("monitor.title")}</h2>
        <${Tabs} label=${t("monitor.title")} tabs=${tabs} current=${panel} panel="monitor-panel" />
        <div class="monitor-tools">
          <${QueryBox} key=${panel} main value=${find} onChange=${(value) => setQuery({ find: value })} label=${t(`monitor.find.${panel}`)} placeholder=${t("monitor.find")} />
          ${pauses && html`<${Button} small icon=${paused ? "play" : "pause"} pressed=${paused} label=${t(paused ? "monitor.go" : "monitor.pause")} onClick=${() => setPaused(!paused)} />`}
          ${panel === "job" && html`<${Menu} small square icon="columns" label=${t("minions.columns")} end items=${Object.entries(COLUMNS).map(([key, text]) => ({ label: t(text), checked: !left.includes(key), onPick: () => turn(key) }))} />`}
          ${panel in PAGES && html`<a class="small nowrap" href=${href(PAGES[panel])}>${t(`monitor.all.${panel}s`)}</a>`}
        </div>
      </div>
      <div id="monitor-panel" role="tabpanel" aria-labelledby=${`tab-${panel}`} class="monitor-panel">
        <${Panel} find=${find} paused=${paused} patch=${patch} />
      </div>
    </section>
  </div>`;
}

/* The monitor: commands of this session, jobs, minions, each with its events as they come. */

/* Monitor → Job: what was run, from the command line or from here, and what came back, as it comes. */

/** Rows of the monitor; all there are stand on the page of jobs. */
const MOST = 30;

/** @param {{find: string, paused: boolean}} props */
function MonitorJobs({ find, paused }) {
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
  return html`<ul class="job-rows">${shown.map((one) => html`<${JobRow} key=${one.jid} job=${one} open=${open === one.jid ? part : ""} show=${show} />`)}</ul>`;
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

function JobRow({ job, open, show }) {
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
        ${["result", "event"].map((which) => html`<button type="button" key=${which} class="btn quiet small" aria-expanded=${String(open === which)} onClick=${() => show(jid, which)}>${t(`row.${which}`)}<${Icon} name="down" small /></button>`)}
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

/* Monitor → Command: what was executed in this session, each with its job. */

/** @param {{find: string, patch: Function}} props */
function MonitorCommands({ find, patch }) {
  const sent = useSignal(ran).filter(({ line }) => line.toLowerCase().includes(find.toLowerCase()));
  if (!sent.length) return html`<${Empty} icon="console" title=${t("monitor.commands.empty")}><p>${t("monitor.commands.empty.text")}</p><//>`;
  return html`<ul class="job-rows">${sent.map((one) => html`<${SentRow} key=${one.id} sent=${one} patch=${patch} />`)}</ul>`;
}

function SentRow({ sent, patch }) {
  const { line, at: when, jid, answer, error } = sent;
  const [open, setOpen] = useState(true);
  const live = useValue(() => {
    const job = (jobsTurn.value, jobs.get(jid));
    return job ? { ...countsOf(job), state: stateOf(job) } : null;
  }, [jid]);
  const state = sent.state === "refused" ? "failed" : sent.state === "nobody" ? "missing" : (live?.state ?? (sent.state === "answered" ? "done" : "running"));
  const again = recalled(line);
  return html`<li class="job-row">
    <div class="job-line sent">
      <${Status} state=${state} quiet />
      <span class="job-when faint"><${Time} at=${when} /></span>
      <span class="job-what mono">${line}</span>
      ${live && html`<span class="job-bar"><${Progress} total=${live.minions} ok=${live.ok} changed=${live.changed} failed=${live.failed} label=${line} /><span class="faint small num">${live.ok + live.changed + live.failed}/${live.minions}</span></span>`}
      ${["sent", "nobody"].includes(sent.state) && html`<span class="faint">${t(`sent.${sent.state}`)}</span>`}
      <span class="job-buttons">
        ${answer !== undefined && html`<button type="button" class="btn quiet small" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>${t("row.result")}<${Icon} name="down" small /></button>`}
        ${jid && html`<a class="btn quiet small" href=${href(at("jobs", jid))}>${t("nav.job")}</a>`}
        ${again && html`<${Button} kind="quiet" small icon="history" label=${t("sent.again")} onClick=${() => patch(again)} />`}
      </span>
    </div>
    ${error && html`<p class="hint error job-error"><${Icon} name="warning" small />${error}</p>`}
    ${answer !== undefined && open && html`<div class="job-inside"><${Tree} data=${answer} depth=${2} label=${t("row.result")} /></div>`}
  </li>`;
}

/* Monitor → Minion: who is up, and of each its grains, its events and its last highstate. */

/** Rows of the monitor; all there are stand on the page of minions. */
const MOST_MINIONS = 50;
const TELLING = /^(salt\/(minion|presence)|trisalt\/minion)\//;

/** @param {{find: string}} props */
function MonitorMinions({ find }) {
  const { query } = useSignal(route);
  const found = useFetched((signal) => get("minions", { q: find, limit: MOST_MINIONS, sort: "id" }, signal), [find]);
  const soon = useSettled(found.again, 2_000);
  useEffect(() => onEvents((heard) => heard.some(({ tag }) => TELLING.test(tag)) && soon()), [soon]);
  if (!found.data) return waiting(found, 5);
  const { items, total } = found.data;
  if (!items.length) return html`<${Empty} icon="minions" title=${t("monitor.minions.empty")} />`;
  const open = query.open ?? "";
  const part = query.part ?? "grain";
  const show = (id, which) => setQuery(open === id && part === which ? { open: "", part: "" } : { open: id, part: which });
  return html`<ul class="job-rows">${items.map((one) => html`<${MinionRow} key=${one.id} minion=${one} open=${open === one.id ? part : ""} show=${show} />`)}</ul>
    ${total > items.length && html`<p class="job-more"><a href=${href("/minions", { q: find })}>${t("parts.more", { n: total - items.length })}</a></p>`}`;
}

function MinionRow({ minion, open, show }) {
  const { id, status, address, os, osrelease, version, last_seen: seen } = minion;
  return html`<li class="job-row" data-open=${open ? "true" : undefined}>
    <div class="job-line minion-line">
      <${Status} state=${status} />
      <a class="mono strong" href=${href(at("minions", id))}>${id}</a>
      <span class="faint mono clip">${address}</span>
      <span class="clip">${[os, osrelease].filter(Boolean).join(" ")}</span>
      <span class="faint">${version}</span>
      <span class="faint"><${Time} at=${seen} ago /></span>
      <span class="job-buttons">${["grain", "event", "highstate"].map((which) => html`<button type="button" key=${which} class="btn quiet small" aria-expanded=${String(open === which)} onClick=${() => show(id, which)}>${t(`row.${which}`)}<${Icon} name="down" small /></button>`)}</span>
    </div>
    ${open && html`<div class="job-inside">${open === "grain" ? html`<${Grains} id=${id} />` : open === "event" ? html`<${Events} id=${id} />` : html`<${Highstate} minion=${minion} />`}</div>`}
  </li>`;
}

function Grains({ id }) {
  const [find, setFind] = useState("");
  const found = useFetched((signal) => get(`minions/${encodeURIComponent(id)}`, {}, signal), [id]);
  if (!found.data) return waiting(found, 3);
  const grains = found.data.grains;
  if (!grains || !Object.keys(grains).length) return html`<p class="faint">${t("minion.noGrains")}</p>`;
  return html`<input class="input inside-find" type="search" placeholder=${t("events.findInside")} aria-label=${t("events.findInside")} value=${find} onInput=${(event) => setFind(event.target.value)} />
    <${Tree} data=${grains} depth=${1} find=${find} label=${t("row.grain")} />`;
}

function Events({ id }) {
  const filter = useMemo(() => ({ minion: id }), [id]);
  const { rows, waits } = useEvents(`minions/${encodeURIComponent(id)}/events`, {}, { filter, key: id });
  if (!rows.length) return waits ?? html`<p class="faint">${t("monitor.events.empty")}</p>`;
  return html`<ul class="event-rows">${rows.slice(0, 50).map((event) => html`<${EventRow} key=${event.key} event=${event} />`)}</ul>`;
}

function Highstate({ minion: { highstate } }) {
  if (!highstate) return html`<p class="faint">${t("minion.noHighstate")}</p>`;
  return html`<p class="row"><${Status} state=${highstate.state} /><${Time} at=${highstate.at} /><a href=${href(at("jobs", highstate.jid))}>${t("nav.job")}</a></p>`;
}

/* The events of one job, oldest first: a row of the monitor, and a tab of the job's page. */

/** Rows that are drawn before one asks for more. */
const PIECE = 100;

/** @param {{jid: string}} props */
export function JobEvents({ jid }) {
  const heard = useValue(() => (eventsTurn.value, [...events].filter(({ tag }) => tag.includes(`/${jid}`)).length), [jid]);
  const kept = usePages(`jobs/${jid}/events`, {}, { size: 500 });
  const found = useMemo(() => joined(kept.rows, [...events].filter(({ tag }) => tag.includes(`/${jid}`)).reverse()).reverse(), [heard, kept.rows]);
  const [room, setRoom] = useState(PIECE);
  if (!found.length && kept.loading) return waiting(kept, 3);
  if (!found.length) return html`<${Empty} icon="events" title=${t("job.events.none")} />`;
  return html`${!kept.done && kept.rows.length > 0 && html`<button type="button" class="linkish result-more" onClick=${() => kept.need(kept.rows.length)}>${t("events.older")}</button>`}
    <ul class="event-rows">${found.slice(0, room).map((event) => html`<${EventRow} key=${event.key} event=${event} />`)}</ul>
    ${found.length > room && html`<button type="button" class="linkish result-more" onClick=${() => setRoom(room + PIECE * 5)}>${t("parts.more", { n: found.length - room })}</button>`}`;
}

/** One event as a line that opens. @param {{event: import("../lib/hub.js").SaltEvent}} props */
function EventRow({ event }) {
  const [open, setOpen] = useState(false);
  const { who, state } = tell(event);
  return html`<li class="event-row">
    <button type="button" class="event-line" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
      <${Icon} name=${open ? "down" : "right"} small />
      <span class="faint"><${Time} at=${event.at} /></span>
      <span class="mono clip grow event-tag"><bdi>${event.tag}</bdi></span>
      ${state && html`<${Status} state=${state} quiet />`}
      <span class="faint clip event-who">${who}</span>
    </button>
    ${open && html`<div class="event-inside"><${Tree} data=${event.data} depth=${2} label=${t("format.data")} /></div>`}
  </li>`;
}
