/** The tabs of a minion's page: what the master keeps of it, and what the minion itself is asked. */
import { html, useMemo, useState } from "../lib/ui.js";
import { get, useFetched, useOnEvents, usePages } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { fieldWord } from "../lib/query.js";
import { isStates, statesOf, verdict } from "../lib/results.js";
import { href, navigate, setQuery } from "../lib/router.js";
import { prefer, prefs } from "../lib/session.js";
import { Button, CopyButton } from "../parts/controls.js";
import { clock, Empty, Failed, Fingerprint, Loading, Notice, Panel, Span, span, Status, Time } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { kindOf, shown, Tree } from "../parts/tree.js";
import { StateCounts, States, wordOfState } from "../job/result.js";
import { argsOf, attempt, command, Counts, funOf, low, start, useCommand, whyNot } from "./act.js";
import { EventList, useEvents } from "../screens/events.js";
import { KeyDialog } from "../screens/keys.js";

/* Tabs of a minion that show what the master keeps of it: nothing is asked of the minion. */

/** Facts that stand in the summary: the text's key, and how it is read of the grains. */
const FACTS = {
  kernel: (g) => [g.kernel, g.kernelrelease].filter(Boolean).join(" "),
  cpu: (g) => [g.num_cpus && `${g.num_cpus} ×`, g.cpu_model].filter(Boolean).join(" "),
  memory: (g) => (typeof g.mem_total === "number" ? `${(g.mem_total / 1024).toFixed(1)} GiB` : ""),
  virtual: (g) => g.virtual,
  fqdn: (g) => g.fqdn,
  addresses: (g) => [g.ipv4 ?? []].flat().filter((one) => one !== "127.0.0.1").join(", "),
  uptime: (g) => (typeof g.uptime === "number" ? span(g.uptime) : ""),
  master: (g) => g.master,
};

export function Summary({ minion }) {
  const { grains, highstate, key } = minion;
  const row = (name, value) => value && html`<dt>${t(`minion.fact.${name}`)}</dt><dd>${value}</dd>`;
  return html`<div class="columns two">
    <${Panel} title=${t("minion.about")}><dl class="kv">
      ${row("status", html`<${Status} state=${minion.status} />`)}
      ${minion.why && row("why", minion.why)}
      ${row("since", minion.since && html`<${Time} at=${minion.since} date />`)}
      ${row("seen", html`<${Time} at=${minion.last_seen} ago never=${t("status.never")} />`)}
      ${row("address", html`<span class="mono">${minion.address}</span>`)}
      ${typeof minion.latency === "number" && row("latency", html`<${Span} seconds=${minion.latency} />`)}
      ${row("system", [minion.os, minion.osrelease].filter(Boolean).join(" "))}
      ${row("version", minion.version)}
      ${grains && Object.entries(FACTS).map(([name, read]) => row(name, read(grains)))}
      ${row("updated", minion.updated && html`<${Time} at=${minion.updated} ago />`)}
    </dl>${grains === null && html`<p class="hint">${t("minion.noGrains.may")}</p>`}<//>
    <div class="stack">
      <${Panel} title=${t("minion.highstate")}>${highstate
        ? html`<div class="row spread"><span class="row"><${Status} state=${highstate.state} pill /><span class="muted"><${Time} at=${highstate.at} ago /></span></span><a href=${href(at("minions", minion.id), { tab: "highstate" })}>${t("minion.seeHighstate")}</a></div>`
        : html`<p class="muted">${t("minion.noHighstate")}</p>`}<//>
      ${key && html`<${Panel} title=${t("minion.tab.key")}><div class="row spread"><${Status} state=${key.state} pill /><a href=${href(at("minions", minion.id), { tab: "key" })}>${t("parts.fingerprint")}</a></div><//>`}
      <${Panel} title=${t("overview.latest")} flush><${JobList} id=${minion.id} most=${6} /><//>
    </div>
  </div>`;
}

export function Grains({ minion, route }) {
  const { find = "", view = "" } = route.query;
  const { id } = minion;
  if (minion.grains === null) return html`<${Empty} icon="lock" title=${t("minion.noGrains.may")} />`;
  const grains = Object.fromEntries(Object.entries(minion.grains).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (!Object.keys(grains).length) return html`<${Empty} icon="minions" title=${t("minion.noGrains.yet")}><p>${t("minion.noGrains.text")}</p><//>`;
  const top = (path) => path.split(":").join(".");
  const actions = (path, value) => {
    const leaf = kindOf(value) !== "branch";
    // A place in a list is no place to target by: the list is, and each of its values.
    const name = path.replace(/:\d+$/, "");
    return [
      leaf && { label: t("grains.target", { word: `${name}:${brief(value)}` }), icon: "target", onPick: () => navigate(href("/console", { type: "grain", tgt: `${name}:${shown(value)}` })) },
      leaf && { label: t("grains.alike"), icon: "search", onPick: () => navigate(href("/minions", { q: fieldWord(top(name), shown(value)) })) },
      { label: t("grains.all"), icon: "minions", onPick: () => column(top(name), true) },
      { label: t("grains.column"), icon: "columns", onPick: () => column(top(name), false) },
    ];
  };
  return html`<section class="panel" aria-label=${t("minion.tab.grains")}><div class="panel-head">
      <${QueryBox} main icon="filter" label=${t("grains.find")} placeholder=${t("grains.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${Button} icon="columns" pressed=${view === "table"} onClick=${() => setQuery({ view: view ? "" : "table" })}>${t("grains.table")}<//>
      <${CopyButton} small=${false} text=${() => JSON.stringify(grains, null, 2)} label=${t("grains.copied")}>JSON<//></div>
    ${view === "table" ? html`<${Leaves} data=${grains} find=${find.toLowerCase()} label=${t("grains.of", { id })} />` : html`<div class="panel-body"><${Tree} data=${grains} label=${t("grains.of", { id })} find=${find} depth=${1} actions=${actions} /></div>`}
    ${minion.updated && html`<div class="panel-foot">${t("minion.fact.updated")} <${Time} at=${minion.updated} ago /></div>`}
  </section>`;
}

/** Every value with its path, one a row: lists of plain values are one value. */
function Leaves({ data, find, label }) {
  const rows = useMemo(() => leaves(data, "").filter(([path, value]) => `${path} ${value}`.toLowerCase().includes(find)), [data, find]);
  return html`<div class="table-box"><table class="table" aria-label=${label}><thead><tr><th scope="col">${t("grains.path")}</th><th scope="col">${t("grains.value")}</th></tr></thead>
    <tbody>${rows.map(([path, value]) => html`<tr key=${path}><th scope="row" class="mono">${path}</th><td class="mono clip" title=${value}>${value}</td></tr>`)}</tbody></table></div>`;
}

function leaves(value, path) {
  if (kindOf(value) !== "branch") return [[path, shown(value)]];
  if (!Object.keys(value).length) return [[path, JSON.stringify(value)]];
  if (Array.isArray(value) && value.every((one) => kindOf(one) !== "branch")) return [[path, value.map(shown).join(", ")]];
  return Object.entries(value).flatMap(([key, one]) => leaves(one, path ? `${path}:${key}` : key));
}

const brief = (value) => (shown(value).length > 40 ? `${shown(value).slice(0, 40)}…` : shown(value));

function column(name, go) {
  const { columns = {} } = prefs.peek();
  const grains = [...new Set([...(columns.grains ?? []), name])].slice(-8);
  prefer({ columns: { ...columns, grains } });
  if (go) navigate(href("/minions"));
}

/** Values of the pillar are hidden until somebody wants to see one, or all. */
export function Pillar({ minion, route }) {
  const { find = "" } = route.query;
  const [fresh, setFresh] = useState(null);
  const [open, setOpen] = useState(false);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const pillar = fresh ?? minion.pillar;
  const why = whyNot("local", "pillar.items");
  const ask = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = (await command({ client: "local", fun: "pillar.items", tgt: [minion.id], tgt_type: "list" }))?.[minion.id];
      if (answer && typeof answer === "object") setFresh(answer);
      else setError({ message: answer ? String(answer) : t("asked.silent") });
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  const button = html`<${Button} icon="refresh" busy=${busy} why=${why} onClick=${ask}>${t("pillar.ask")}<//>`;
  if (error) return html`<${Failed} error=${error} onRetry=${ask} />`;
  if (!pillar) return html`<${Empty} icon="lock" title=${t(why ? "pillar.mayNot" : "pillar.none")}>${!why && button}<//>`;
  return html`<section class="panel" aria-label=${t("minion.tab.pillar")}><div class="panel-head">
      <${QueryBox} main icon="filter" label=${t("grains.find")} placeholder=${t("grains.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${Button} icon=${open ? "hidden" : "eye"} pressed=${open} onClick=${() => setOpen(!open)}>${t(open ? "pillar.hide" : "pillar.show")}<//>${button}</div>
    <div class="panel-body">${Object.keys(pillar).length ? html`<${Tree} key=${String(open)} data=${pillar} label=${t("minion.tab.pillar")} find=${find} depth=${3} masked=${!open} />` : html`<p class="muted">${t("pillar.empty")}</p>`}</div>
  </section>`;
}

/** The jobs of a minion, newest first. */
export function Jobs({ minion }) {
  return html`<${Panel} title=${t("minion.tab.jobs")} flush actions=${html`<a href=${href("/jobs", { minion: minion.id })}>${t("minion.filterJobs")}</a>`}><${JobList} id=${minion.id} most=${100} /><//>`;
}

function JobList({ id, most }) {
  const list = usePages("jobs", { minion: id, housekeeping: 0 }, { first: most });
  if (list.error) return html`<${Failed} error=${list.error} onRetry=${list.again} />`;
  if (list.loading && !list.rows.length) return html`<${Loading} rows=${4} />`;
  if (!list.rows.length) return html`<${Empty} icon="jobs" title=${t("minion.noJobs")} />`;
  return html`<ul class="list tight">${list.rows.slice(0, most).map((job) => html`<li key=${job.jid}><${Status} state=${job.state} quiet />
    <div class="grow clip"><a class="strong" href=${href(at("jobs", job.jid), { id })}>${funOf(job)}</a> <span class="faint">${argsOf(job)}</span></div>
    <${Counts} job=${job} /><span class="muted small"><${Time} at=${job.start} /></span></li>`)}</ul>`;
}

/** What the server keeps of the minion's events, and what is heard of it meanwhile. */
export function Events({ minion, route }) {
  const filter = useMemo(() => ({ minion: minion.id }), [minion.id]);
  const heard = useEvents(`minions/${encodeURIComponent(minion.id)}/events`, {}, { filter, key: minion.id });
  return html`<${EventList} label=${t("minion.tab.events")} events=${heard.rows} onNeed=${heard.onNeed} news=${heard.news} onNews=${heard.onNews} onScrolled=${heard.onScrolled}
    open=${route.query.open ?? ""} onOpen=${(key) => setQuery({ open: key })}
    empty=${heard.waits ?? html`<${Empty} icon="events" title=${t("monitor.events.empty")}><p>${t("events.none.text")}</p><//>`} />`;
}

export function Mine({ minion }) {
  if (minion.mine === null || minion.mine === undefined || !Object.keys(minion.mine).length) return html`<${Empty} icon="package" title=${t("mine.none")}><p>${t("mine.none.text")}</p><//>`;
  return html`<${Panel} title=${t("minion.tab.mine")}><${Tree} data=${minion.mine} label=${t("minion.tab.mine")} depth=${2} /><//>`;
}

export function Key({ minion, again }) {
  const [act, setAct] = useState("");
  const { key, id } = minion;
  if (!key) return html`<${Empty} icon="lock" title=${t("minion.noKey")} />`;
  const done = async () => {
    setAct("");
    if (act === "delete") navigate(href("/keys"));
    else await attempt(async () => again(), t("minion.keyChanged"));
  };
  const acts = { pending: ["accept", "reject", "delete"], accepted: ["reject", "delete"], rejected: ["accept", "delete"], denied: ["delete"] }[key.state] ?? [];
  return html`<div class="columns two"><${Panel} title=${t("parts.fingerprint")}><div class="stack">
      <div class="row"><${Status} state=${key.state} pill /><${CopyButton} text=${key.finger ?? ""} label=${t("keys.fingerCopied")}>SHA-256<//></div>
      ${key.finger && html`<${Fingerprint} value=${key.finger} />`}
      <p class="hint">${t("keys.compare")} <code>salt-call --local key.finger</code></p>
      <div class="row">${acts.map((one) => html`<${Button} key=${one} icon=${{ accept: "check", reject: "close", delete: "trash" }[one]} why=${whyNot("wheel", one === "delete" ? "key.delete_dict" : `key.${one}`)} onClick=${() => setAct(one)}>${t(`keys.${one}`)}<//>`)}</div>
    </div><//>
    ${key.state === "denied" && html`<${Notice} tone="failed" action=${html`<a href=${href("/keys", { state: "denied" })}>${t("nav.keys")}</a>`}>${t("keys.denied.why")}<//>`}
    ${act && html`<${KeyDialog} act=${act} state=${key.state} ids=${[id]} onDone=${done} onClose=${() => setAct("")} />`}
  </div>`;
}

/* The last highstate of a minion: what it did, and what was otherwise in the run before. */

const FUNS = "state.highstate,state.apply,state.sls";
const MOST = 20;

/** @param {{minion: any, route: any}} props */
export function Highstate({ minion, route }) {
  const runs = useFetched((signal) => get("jobs", { minion: minion.id, fun: FUNS, limit: MOST }, signal), [minion.id]);
  useOnEvents(/^salt\/job\/\d+\/ret\//, runs.again, 3_000);
  const items = runs.data?.items ?? [];
  const jid = items.some((job) => job.jid === route.query.run) ? route.query.run : items[0]?.jid;
  const place = items.findIndex((job) => job.jid === jid);
  const before = items.slice(place + 1).find((job) => funOf(job) === funOf(items[place]) && argsOf(job).replace(/\btest=\S+/, "").trim() === argsOf(items[place]).replace(/\btest=\S+/, "").trim());
  const now = useReturn(jid, minion.id);
  const then = useReturn(before?.jid, minion.id);
  if (runs.error) return html`<${Failed} error=${runs.error} onRetry=${runs.again} />`;
  if (!runs.data) return html`<${Loading} />`;
  const buttons = html`<${Button} small icon="eye" why=${whyNot("local", "state.highstate")} onClick=${() => start(low("test", [minion.id]), t("do.test"))}>${t("do.test")}<//>
    <${Button} small icon="states" why=${whyNot("local", "state.highstate")} onClick=${() => start(low("highstate", [minion.id]), t("do.highstate"))}>${t("do.highstate")}<//>`;
  if (!items.length) return html`<${Empty} icon="states" title=${t("minion.noHighstate")}><p>${t("highstate.none.text")}</p><div class="row">${buttons}</div><//>`;
  return html`<div class="stack">
    <div class="row">
      <label class="row"><span class="label">${t("highstate.run")}</span><select class="select auto" value=${jid} onChange=${(event) => setQuery({ run: event.target.value === items[0].jid ? "" : event.target.value })}>
        ${items.map((job) => html`<option key=${job.jid} value=${job.jid}>${clock(job.start)} · ${funOf(job)} ${argsOf(job)}</option>`)}</select></label>
      <a href=${href(at("jobs", jid))}>${t("act.show")}</a><span class="grow"></span>${buttons}</div>
    ${now.error ? html`<${Failed} error=${now.error} onRetry=${now.again} />` : !now.data ? html`<${Loading} />` : html`<${Run} item=${now.data} before=${then.data} beforeJob=${before} />`}
  </div>`;
}

function useReturn(jid, id) {
  return useFetched(async (signal) => (jid ? ((await get(`jobs/${jid}/returns`, { id }, signal)).items[0] ?? { missing: true }) : null), [jid, id]);
}

function Run({ item, before, beforeJob }) {
  const differences = useMemo(() => compare(before?.return, item.return), [item, before]);
  if (item.missing) return html`<${Empty} icon="missing" title=${t("highstate.missing")}><p>${item.reason}</p><//>`;
  if (!isStates(item.return)) return html`<${Panel} title=${t("highstate.said")}><pre class="well">${[item.return].flat().map((one) => (typeof one === "string" ? one : JSON.stringify(one, null, 2))).join("\n")}</pre><//>`;
  return html`
    ${before && html`<${Panel} title=${t("highstate.changedSince")} actions=${html`<span class="muted small"><${Time} at=${beforeJob.start} /></span>`}>
      ${differences.length === 0
        ? html`<p class="muted">${t("highstate.same")}</p>`
        : html`<ul class="turns">${differences.map(({ tag, id, fun, was, is }) => html`<li key=${tag}><b>${id}</b><span class="mono faint small">${fun}</span>
            ${was ? html`<${Status} state=${wordOfState(was)} />` : html`<span class="faint">${t("highstate.absent")}</span>`}<span class="faint" aria-hidden="true">→</span>
            ${is ? html`<${Status} state=${wordOfState(is)} />` : html`<span class="faint">${t("highstate.absent")}</span>`}</li>`)}</ul>`}<//>`}
    <${Panel} title=${t("nav.states")} actions=${html`<${Status} state=${verdict(item)} pill /><${StateCounts} value=${item.return} />`}><${States} value=${item.return} /><//>`;
}

/** States whose verdict is another one than in the run before, in the order of this run. Pure. */
function compare(before, now) {
  if (!isStates(before) || !isStates(now)) return [];
  const old = new Map(statesOf(before).map((state) => [state.tag, state]));
  const all = statesOf(now).map((state) => ({ ...state, was: old.get(state.tag)?.verdict, is: state.verdict }));
  const here = new Set(all.map((state) => state.tag));
  const gone = [...old.values()].filter((state) => !here.has(state.tag)).map((state) => ({ ...state, was: state.verdict, is: undefined }));
  return [...all, ...gone].filter((state) => state.was !== state.is);
}

/* Tabs of a minion that have to ask it: schedules, beacons, packages. Who may not ask is told so instead. */

const local = (minion, fun, kwarg) => ({ client: "local", fun, tgt: [minion.id], tgt_type: "list", ...(kwarg ? { kwarg } : {}) });

/** What a minion answered, or what stands in its place. */
function useAsked(minion, fun, kwarg) {
  const why = whyNot("local", fun);
  const away = minion.status === "up" ? null : t("asked.away");
  const asked = useCommand(why || away ? null : local(minion, fun, kwarg));
  const value = asked.data?.[minion.id];
  const right = value !== null && typeof value === "object";
  let instead = null;
  if (why || away) instead = html`<${Empty} icon=${why ? "lock" : "clock"} title=${why ?? away} />`;
  else if (asked.error) instead = html`<${Failed} error=${asked.error} onRetry=${asked.again} />`;
  else if (asked.loading && !right) instead = html`<${Loading} rows=${4} label=${t("asked.waiting")} />`;
  else if (!right) instead = html`<${Empty} icon="warning" title=${value === undefined ? t("asked.silent") : t("asked.said")}>${typeof value === "string" && html`<p class="mono">${value}</p>`}<${Button} icon="refresh" onClick=${asked.again}>${t("parts.retry")}<//><//>`;
  return { value, instead, again: asked.again, loading: asked.loading };
}

/** Have it done on the minion at once, and look again. */
function useDo(minion, again) {
  const [busy, setBusy] = useState("");
  const run = async (key, fun, arg, done) => {
    setBusy(key);
    await attempt(async () => {
      const answer = (await command({ ...local(minion, fun), arg }))?.[minion.id];
      if (answer?.result === false || typeof answer === "string") throw new Error(answer?.comment ?? answer);
    }, done);
    setBusy("");
    again();
  };
  return { busy, run };
}

/** When an entry of a schedule runs, in few words. */
export function when(entry) {
  const every = ["seconds", "minutes", "hours", "days"].filter((unit) => entry[unit]).map((unit) => t(`schedule.every.${unit}`, { n: Number(entry[unit]) }));
  if (every.length) return every.join(" ");
  if (entry.cron) return `cron ${entry.cron}`;
  return [entry.when ?? entry.once].flat().filter(Boolean).join(", ") || "–";
}

export function Schedules({ minion }) {
  const { value, instead, again, loading } = useAsked(minion, "schedule.list", { return_yaml: false, show_all: true, show_disabled: true });
  const { busy, run } = useDo(minion, again);
  if (instead) return instead;
  const { enabled: whole = true, ...rest } = value.schedule ?? value;
  const entries = Object.entries(rest).filter(([, entry]) => entry && typeof entry === "object");
  return html`<${Panel} title=${t("minion.tab.schedules")} flush actions=${html`${whole === false && html`<span class="tag">${t("schedule.allOff")}</span>`}<${Button} small kind="quiet" icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />`}>
    ${entries.length === 0
      ? html`<${Empty} icon="calendar" title=${t("schedule.none")} />`
      : html`<ul class="list">${entries.map(([name, entry]) => {
          const on = entry.enabled !== false;
          return html`<li key=${name}><div class="grow"><div class="strong">${name}</div>
            <div class="muted small"><code>${String(entry.function ?? "")}</code> ${[entry.args ?? []].flat().map(String).join(" ")} · ${when(entry)}</div></div>
            ${!on && html`<span class="tag">${t("schedule.off")}</span>`}
            <${Button} small icon="play" why=${whyNot("local", "schedule.run_job")} busy=${busy === `run ${name}`} onClick=${() => run(`run ${name}`, "schedule.run_job", [name], t("schedule.ran", { name }))}>${t("schedule.run")}<//>
            <${Button} small kind="quiet" icon=${on ? "pause" : "play"} why=${whyNot("local", on ? "schedule.disable_job" : "schedule.enable_job")} busy=${busy === name} onClick=${() => run(name, on ? "schedule.disable_job" : "schedule.enable_job", [name], t(on ? "schedule.disabled" : "schedule.enabled", { name }))}>${t(on ? "schedule.disable" : "schedule.enable")}<//></li>`;
        })}</ul>`}
  <//>`;
}

/** A beacon's settings: a list of maps, or a map. */
const settings = (given) => (Array.isArray(given) ? Object.assign({}, ...given.filter((one) => one && typeof one === "object")) : (given ?? {}));

export function Beacons({ minion }) {
  const { value, instead, again, loading } = useAsked(minion, "beacons.list", { return_yaml: false });
  const { busy, run } = useDo(minion, again);
  if (instead) return instead;
  const entries = Object.entries(value.beacons ?? value).filter(([, given]) => given && typeof given === "object");
  return html`<${Panel} title=${t("minion.tab.beacons")} flush actions=${html`<${Button} small kind="quiet" icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />`}>
    ${entries.length === 0
      ? html`<${Empty} icon="events" title=${t("beacons.none")} />`
      : html`<ul class="list">${entries.map(([name, given]) => {
          const { enabled = true, ...rest } = settings(given);
          return html`<li key=${name}><div class="grow"><div class="strong">${name}</div><${Tree} data=${rest} bare depth=${1} label=${name} /></div>
            ${enabled === false && html`<span class="tag">${t("schedule.off")}</span>`}
            <${Button} small kind="quiet" icon=${enabled ? "pause" : "play"} why=${whyNot("local", enabled ? "beacons.disable_beacon" : "beacons.enable_beacon")} busy=${busy === name} onClick=${() => run(name, enabled ? "beacons.disable_beacon" : "beacons.enable_beacon", [name], t(enabled ? "schedule.disabled" : "schedule.enabled", { name }))}>${t(enabled ? "schedule.disable" : "schedule.enable")}<//></li>`;
        })}</ul>`}
  <//>`;
}

export function Packages({ minion, route }) {
  const { find = "" } = route.query;
  const { value, instead, again, loading } = useAsked(minion, "pkg.list_pkgs");
  const rows = useMemo(() => {
    const sought = find.toLowerCase();
    return Object.entries(value && typeof value === "object" ? value : {})
      .map(([name, version]) => ({ name, version: [version].flat().map((one) => (typeof one === "object" ? (one?.version ?? JSON.stringify(one)) : String(one))).join(", ") }))
      .filter(({ name }) => name.toLowerCase().includes(sought));
  }, [value, find]);
  const columns = useMemo(() => [
    { key: "name", label: t("packages.name"), head: true, at: "title", cell: (row) => row.name },
    { key: "version", label: t("minion.version"), width: "40%", cell: (row) => html`<span class="mono small">${row.version}</span>` },
  ], []);
  if (instead) return instead;
  return html`<div class="stack fill-stack"><div class="toolbar">
      <${QueryBox} main icon="filter" label=${t("packages.find")} placeholder=${t("packages.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${Button} icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />
      <${Button} icon="up" why=${whyNot("local", "pkg.list_upgrades")} onClick=${() => start({ client: "local_async", fun: "pkg.list_upgrades", tgt: [minion.id], tgt_type: "list" }, "pkg.list_upgrades")}>${t("packages.upgrades")}<//></div>
    <section class="panel flush" aria-label=${t("minion.tab.packages")}><${Table} label=${t("minion.tab.packages")} columns=${columns} rows=${rows} rowKey=${(row) => row.name} empty=${html`<${Empty} title=${t("packages.none")} />`} />
      <div class="table-foot">${t("packages.count", { n: rows.length })}</div></section></div>`;
}
