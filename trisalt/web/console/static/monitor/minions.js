/** Monitor → Minion: who is up, and of each its grains, its events and its last highstate. */
import { html, useSignal, useState, useValue } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched, useSettled } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, route, setQuery } from "../lib/router.js";
import { events, eventsTurn } from "../lib/store.js";
import { onEvents } from "../lib/stream.js";
import { passes } from "../lib/telling.js";
import { Empty, Failed, Loading } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { Tree } from "../parts/tree.js";
import { useEffect } from "../lib/ui.js";
import { Row as EventRow } from "./jobevents.js";

/** Rows of the monitor; all there are stand on the page of minions. */
const MOST = 50;
const TELLING = /^(salt\/(minion|presence)|trisalt\/minion)\//;

/** @param {{find: string}} props */
export function MonitorMinions({ find }) {
  const { query } = useSignal(route);
  const found = useFetched((signal) => get("minions", { q: find, limit: MOST, sort: "id" }, signal), [find]);
  const soon = useSettled(found.again, 2_000);
  useEffect(() => onEvents((heard) => heard.some(({ tag }) => TELLING.test(tag)) && soon()), [soon]);
  if (!found.data) return found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} rows=${5} />`;
  const { items, total } = found.data;
  if (!items.length) return html`<${Empty} icon="minions" title=${t("monitor.minions.empty")} />`;
  const open = query.open ?? "";
  const part = query.part ?? "grain";
  const show = (id, which) => setQuery(open === id && part === which ? { open: "", part: "" } : { open: id, part: which });
  return html`<ul class="job-rows">${items.map((one) => html`<${Row} key=${one.id} minion=${one} open=${open === one.id ? part : ""} show=${show} />`)}</ul>
    ${total > items.length && html`<p class="job-more"><a href=${href("/minions", { q: find })}>${t("parts.more", { n: total - items.length })}</a></p>`}`;
}

function Row({ minion, open, show }) {
  const { id, status, address, os, osrelease, version, last_seen: seen } = minion;
  return html`<li class="job-row" data-open=${open ? "true" : undefined}>
    <div class="job-line minion-line">
      <${Status} state=${status} />
      <a class="mono strong" href=${href(at("minions", id))}>${id}</a>
      <span class="faint mono clip">${address}</span>
      <span class="clip">${[os, osrelease].filter(Boolean).join(" ")}</span>
      <span class="faint">${version}</span>
      <span class="faint"><${Time} at=${seen} ago /></span>
      <span class="job-buttons">${["grain", "event", "highstate"].map((which) => html`<button type="button" key=${which} class="btn quiet small" aria-expanded=${String(open === which)} onClick=${() => show(id, which)}>${t(`row.${which}`)}<${Icon} name=${open === which ? "up" : "down"} small /></button>`)}</span>
    </div>
    ${open && html`<div class="job-inside">${open === "grain" ? html`<${Grains} id=${id} />` : open === "event" ? html`<${Events} id=${id} />` : html`<${Highstate} minion=${minion} />`}</div>`}
  </li>`;
}

function Grains({ id }) {
  const [find, setFind] = useState("");
  const found = useFetched((signal) => get(`minions/${encodeURIComponent(id)}`, {}, signal), [id]);
  if (!found.data) return found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} rows=${3} />`;
  const grains = found.data.grains;
  if (!grains || !Object.keys(grains).length) return html`<p class="faint">${t("minion.noGrains")}</p>`;
  return html`<input class="input inside-find" type="search" placeholder=${t("events.findInside")} aria-label=${t("events.findInside")} value=${find} onInput=${(event) => setFind(event.target.value)} />
    <${Tree} data=${grains} depth=${1} find=${find} label=${t("row.grain")} />`;
}

function Events({ id }) {
  const found = useValue(() => (eventsTurn.value, [...events].filter((event) => passes(event, { minion: id })).slice(-50).reverse()), [id]);
  if (!found.length) return html`<p class="faint">${t("minion.noEvents")}</p>`;
  return html`<ul class="event-rows">${found.map((event) => html`<${EventRow} key=${event.key} event=${event} />`)}</ul>`;
}

function Highstate({ minion: { highstate } }) {
  if (!highstate) return html`<p class="faint">${t("minion.noHighstate")}</p>`;
  return html`<p class="row"><${Status} state=${highstate.state} /><${Time} at=${highstate.at} /><a href=${href(at("jobs", highstate.jid))}>${t("events.job")}</a></p>`;
}
