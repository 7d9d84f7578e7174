/** The last highstate of a minion: what it did, and what was otherwise in the run before. */
import { html, useMemo } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { isStates, statesOf, verdict } from "../lib/returns.js";
import { href, setQuery } from "../lib/router.js";
import { States, StateCounts, wordOfState } from "../job/states.js";
import { Button } from "../parts/button.js";
import { Empty, Failed, Loading, Panel } from "../parts/blank.js";
import { Status } from "../parts/status.js";
import { Time, clock } from "../parts/time.js";
import { start, whyNot } from "./act.js";
import { low } from "./bulk.js";
import { argsOf, funOf } from "./job.js";
import { useOnEvents } from "./pages.js";

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
    <${Panel} title=${t("highstate.states")} actions=${html`<${Status} state=${verdict(item)} pill /><${StateCounts} value=${item.return} />`}><${States} value=${item.return} /><//>`;
}

/** States whose verdict is another one than in the run before, in the order of this run. Pure. */
export function compare(before, now) {
  if (!isStates(before) || !isStates(now)) return [];
  const old = new Map(statesOf(before).map((state) => [state.tag, state]));
  const all = statesOf(now).map((state) => ({ ...state, was: old.get(state.tag)?.verdict, is: state.verdict }));
  const here = new Set(all.map((state) => state.tag));
  const gone = [...old.values()].filter((state) => !here.has(state.tag)).map((state) => ({ ...state, was: state.verdict, is: undefined }));
  return [...all, ...gone].filter((state) => state.was !== state.is);
}
