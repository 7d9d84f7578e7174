/** All jobs, newest first: filters stand in the address, new ones wait while one reads. */
import { html, useEffect, useMemo, useRef, useState } from "../lib/ui.js";
import { useOnEvents, usePages } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { onEvents } from "../lib/stream.js";
import { Button } from "../parts/controls.js";
import { Empty, Failed, Loading, Span, Status, Time, wordOf } from "../parts/facts.js";
import { Fold, QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { argsOf, Counts, funOf, targetOf } from "../fleet/act.js";

const STATES = ["running", "failed", "partial", "missing", "done"];
/** Spans of time that one asks for, in seconds. */
const SINCE = { "1h": 3600, "24h": 86_400, "7d": 7 * 86_400 };
const NEW = /^salt\/(job\/\d{20}\/new|(run|wheel)\/\d{20}\/new)$/;
const TELLING = /^(salt\/(job|run|wheel)|trisalt\/job)\//;

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Jobs({ route }) {
  const { q = "", state = "", user = "", fun = "", minion = "", since = "", all = "", row = "" } = route.query;
  // The beginning of the span stays where it was when the list was asked for: a moving one would ask anew each time.
  const from = useMemo(() => (since in SINCE ? Math.floor(Date.now() / 1000) - SINCE[since] : undefined), [since]);
  const query = { q, state, user, fun, minion, since: from, housekeeping: all ? undefined : 0 };
  const list = usePages("jobs", query, { first: 100, size: 200 });
  const filtered = q || state || user || fun || minion || since;
  const { news, show, onFirst } = useNews(list.again, Number(row) || 0);
  const set = (patch) => setQuery({ ...patch, row: "" });
  const columns = useMemo(() => columnsOf(set), []);
  const chosen = state ? state.split(",") : [];
  const turn = (one) => set({ state: (chosen.includes(one) ? chosen.filter((each) => each !== one) : [...chosen, one]).join(",") });
  return html`<div class="screen fill">
    <div class="screen-head">
      <div class="titles"><h1>${t("nav.jobs")}</h1></div>
      <div class="actions"><${Button} icon="refresh" label=${t("act.refresh")} busy=${list.loading} onClick=${list.again} />
        <a class="btn primary" href=${href("/console")}>${t("jobs.run")}</a></div>
    </div>
    <div class="toolbar">
      <${QueryBox} main value=${q} onChange=${(next) => set({ q: next })} label=${t("jobs.find")} placeholder=${t("jobs.placeholder")} error=${list.error?.status === 400 ? list.error.message : undefined} />
      <${Fold} label=${t("minions.filters")} on=${[state, user, fun, minion, since, all].filter(Boolean).length}>
        <${Field} icon="minions" label=${t("jobs.minion")} value=${minion} onChange=${(next) => set({ minion: next })} />
        <${Field} icon="console" label=${t("command.function")} value=${fun} onChange=${(next) => set({ fun: next })} />
        <${Field} icon="user" label=${t("jobs.user")} value=${user} onChange=${(next) => set({ user: next })} />
        <div class="row filter-chips">
          <div class="row tight" role="group" aria-label=${t("jobs.state")}>${STATES.map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${String(chosen.includes(one))} onClick=${() => turn(one)}><${Status} state=${one} /></button>`)}</div>
          <span class="rule" aria-hidden="true"></span>
          <div class="row tight" role="group" aria-label=${t("jobs.since")}>${Object.keys(SINCE).map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${String(since === one)} onClick=${() => set({ since: since === one ? "" : one })}>${t(`jobs.since.${one}`)}</button>`)}</div>
          <span class="rule" aria-hidden="true"></span>
          <label class="check small"><input type="checkbox" class="switch" checked=${!all} onChange=${() => set({ all: all ? "" : "1" })} />${t("jobs.hide")}</label>
          ${(filtered || all) && html`<button type="button" class="linkish small" onClick=${() => set({ q: "", state: "", user: "", fun: "", minion: "", since: "", all: "" })}>${t("jobs.clear")}</button>`}
        </div>
      <//>
    </div>
    <section class="panel flush filler" aria-label=${t("nav.jobs")}>
      ${list.error && !list.rows.length
        ? html`<${Failed} error=${list.error} onRetry=${list.again} />`
        : !list.rows.length && list.loading
          ? html`<${Loading} rows=${12} />`
          : html`<${Table} label=${t("nav.jobs")} columns=${columns} rows=${list.rows} total=${list.total} rowKey=${(job) => job.jid} news=${news} onNews=${show} onNeed=${list.need} first=${Number(row) || 0} onFirst=${onFirst}
              empty=${filtered ? html`<${Empty} icon="search" title=${t("jobs.none")}><p>${t("jobs.none.text")}</p><//>` : html`<${Empty} icon="jobs" title=${t("overview.noJobs")}><p>${t("overview.noJobs.text")}</p><//>`} />`}
    </section>
  </div>`;
}

/** A filter of one word: told when typing rests. */
function Field({ icon, label, value, onChange }) {
  return html`<div class="filter-field"><${QueryBox} icon=${icon} label=${label} placeholder=${label} value=${value} onChange=${onChange} wait=${350} /></div>`;
}

/** New jobs come at once while the top is in sight; else they are counted, and wait. */
function useNews(again, begun) {
  const [top, setTop] = useState(begun);
  const [news, setNews] = useState(0);
  const reading = useRef(begun);
  reading.current = top;
  const rest = useRef(0);
  useEffect(() => () => clearTimeout(rest.current), []);
  useEffect(() => onEvents((heard) => {
    const fresh = heard.filter(({ tag }) => NEW.test(tag)).length;
    if (fresh && reading.current > 2) setNews((n) => n + fresh);
  }), []);
  useOnEvents(TELLING, () => reading.current <= 2 && again(), 1_500);
  const onFirst = (index) => {
    setTop(index);
    clearTimeout(rest.current);
    rest.current = setTimeout(() => setQuery({ row: index > 2 ? index : "" }), 400);
  };
  const show = () => {
    setNews(0);
    again();
    document.querySelector(".table-box")?.scrollTo({ top: 0 });
  };
  return { news, show, onFirst };
}

function columnsOf(set) {
  const only = (patch, text) => html`<button type="button" class="linkish quiet clip" title=${t("jobs.only", { text })} onClick=${() => set(patch)}>${text}</button>`;
  return [
    { key: "state", label: t("jobs.state"), width: "7.5rem", at: "end", cell: (job) => html`<${Status} state=${job.state} />` },
    { key: "fun", label: t("monitor.command"), head: true, at: "title", cell: (job) => html`<a href=${href(at("jobs", job.jid))}>${funOf(job)}</a> <span class="faint args">${argsOf(job)}</span>` },
    { key: "target", label: t("command.target"), width: "12rem", drop: 1, cell: (job) => html`<span class="mono small" title=${targetOf(job)}>${targetOf(job)}</span>` },
    { key: "counts", label: t("nav.minions"), width: "12.5rem", cell: (job) => html`<span class="row tight nowrap-row"><span class="of">${job.minions.toLocaleString()}</span><${Counts} job=${job} /></span>` },
    { key: "user", label: t("jobs.user"), width: "7rem", drop: 2, at: "hide", cell: (job) => only({ user: job.user }, job.user) },
    { key: "start", label: t("jobs.start"), width: "10.5rem", cell: (job) => html`<span title=${job.jid}><${Time} at=${job.start} /></span>` },
    { key: "duration", label: t("jobs.duration"), width: "7rem", num: true, drop: 2, at: "hide", cell: (job) => (job.state === "running" ? html`<span class="is-running">${wordOf("running")}</span>` : html`<${Span} seconds=${job.duration} />`) },
  ];
}
