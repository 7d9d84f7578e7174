/** Events as a list: those heard, filtered, drawn a few at a time. */
import { html, useCallback, useEffect, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { asReactor, passes, tell } from "../lib/events.js";
import { t } from "../lib/i18n.js";
import { isJid } from "../lib/jobs.js";
import { at } from "../lib/paths.js";
import { href, route, setQuery } from "../lib/router.js";
import { events, eventsTurn } from "../lib/store.js";
import { Button, CopyButton } from "../parts/controls.js";
import { Empty, Status, Time, toneOf } from "../parts/facts.js";
import { Table } from "../parts/table.js";
import { Tree } from "../parts/tree.js";

/* Monitor → Event: what happens, as it happens, newest first. */

/** @param {{find: string, paused: boolean}} props */
export function MonitorEvents({ find, paused }) {
  const { query } = useSignal(route);
  const filter = useMemo(() => ({ text: find.toLowerCase() }), [find]);
  const heard = useHeard({ filter, key: find, paused, most: 1000 });
  return html`<${EventList} label=${t("monitor.event")} events=${heard.rows} news=${heard.news} onNews=${heard.onNews} onScrolled=${heard.onScrolled}
    open=${query.open ?? ""} onOpen=${(key) => setQuery({ open: key })} empty=${html`<${Empty} icon="events" title=${t("monitor.events.empty")} />`} />`;
}

/* Events as a list of short lines, with one of them open beside it. For the monitor and the screen of events. */

/**
 * @param {{events: import("../lib/hub.js").SaltEvent[], open: string, onOpen: (key: string) => void, news?: number, onNews?: () => void,
 *   onScrolled?: (scrolled: boolean) => void, empty?: any, label: string}} props `events`: newest first, each with `key`
 */
export function EventList({ events, open, onOpen, news, onNews, onScrolled, empty, label }) {
  const box = useRef(null);
  const columns = useMemo(
    () => [
      { key: "time", label: t("events.time"), width: "7.5rem", cell: (event) => html`<${Time} at=${event.at} />`, at: "end" },
      {
        key: "tag",
        label: t("events.tag"),
        head: true,
        at: "title",
        cell: (event) => html`<button type="button" class="linkish mono clip event-tag" title=${event.tag} aria-expanded=${String(open === event.key)} onClick=${() => onOpen(open === event.key ? "" : event.key)}>${event.tag}</button>`,
      },
      !open && { key: "who", label: t("events.who"), width: "11rem", cell: (event) => html`<span class="clip">${tell(event).who}</span>` },
      { key: "what", label: t("events.what"), width: open ? "9rem" : "14rem", cell: (event) => html`<${What} event=${event} />` },
    ].filter(Boolean),
    [open, onOpen],
  );
  const chosen = useMemo(() => events.find((one) => one.key === open), [events, open]);
  useEffect(() => {
    const scroller = box.current.querySelector(".table-box");
    const look = () => onScrolled?.(scroller.scrollTop > 4);
    scroller.addEventListener("scroll", look, { passive: true });
    return () => scroller.removeEventListener("scroll", look);
  }, [onScrolled]);
  const show = () => {
    const scroller = box.current.querySelector(".table-box");
    scroller.scrollTop = 0;
    onNews?.();
  };
  return html`<div class=${`event-list filler ${chosen ? "opened" : ""}`} ref=${box}>
    <${Table} label=${label} columns=${columns} rows=${events} rowKey=${(event) => event.key} news=${news} onNews=${show} empty=${empty} />
    ${chosen && html`<${Detail} key=${chosen.key} event=${chosen} close=${() => onOpen("")} />`}
  </div>`;
}

function What({ event }) {
  const { what, state } = tell(event);
  if (!state) return html`<span class="clip mono">${what}</span>`;
  return html`<span class="event-what is-${toneOf(state)}"><${Status} state=${state} quiet=${Boolean(what)} />${what && html`<span class="clip mono">${what}</span>`}</span>`;
}

/** One event, whole. @param {{event: import("../lib/hub.js").SaltEvent, close: () => void}} props */
function Detail({ event, close }) {
  const [find, setFind] = useState("");
  const jid = event.tag.split("/").find(isJid);
  const { who } = tell(event);
  return html`<aside class="event-detail panel flush" aria-label=${t("events.detail")}>
    <div class="panel-head"><h2 class="mono clip" title=${event.tag}>${event.tag}</h2><${Button} icon="close" kind="quiet" small label=${t("help.close")} onClick=${close} /></div>
    <div class="event-facts">
      <${Time} at=${event.at} date />
      ${event.origin && html`<span class="faint">${event.origin}</span>`}
      ${jid && html`<a href=${href(at("jobs", jid))}>${t("events.job")}</a>`}
      ${who && html`<a href=${href(at("minions", who))}>${who}</a>`}
    </div>
    <div class="toolbar event-tools">
      <input class="input grow" type="search" placeholder=${t("events.findInside")} aria-label=${t("events.findInside")} value=${find} onInput=${(e) => setFind(e.target.value)} />
      <${CopyButton} text=${() => JSON.stringify({ tag: event.tag, data: event.data }, null, 2)} label=${t("events.copy")}>JSON<//>
      <${CopyButton} text=${() => asReactor(event.tag)} label=${t("events.copyReactor")}>${t("events.reactor")}<//>
    </div>
    <div class="event-data" tabindex="0" role="group" aria-label=${t("events.data")}><${Tree} data=${event.data} depth=${3} find=${find} label=${t("events.data")} /></div>
  </aside>`;
}

/* The events that this tab has, newest first, as a list that stands still while one reads it. */

/** Those that a filter lets through, newest first, and no more than `most`. */
function newest(filter, most) {
  const found = [];
  for (let index = events.length - 1; index >= 0 && found.length < most; index--) {
    const event = events.at(index);
    if (passes(event, filter)) found.push(event);
  }
  return found;
}

/**
 * @param {{filter: Parameters<typeof passes>[1], key: string, most?: number, paused?: boolean}} what `key`: changes when the filter does
 * @returns {{rows: import("../lib/hub.js").SaltEvent[], news: number, onNews: () => void, onScrolled: (scrolled: boolean) => void}}
 *   `news`: how many have come that are not in `rows`, because one reads, or has paused
 */
export function useHeard({ filter, key, most = Infinity, paused = false }) {
  const turn = useSignal(eventsTurn);
  const [scrolled, setScrolled] = useState(false);
  const still = paused || scrolled;
  const held = useRef({ key: "", rows: /** @type {any[]} */ ([]), at: 0 });
  const rows = useMemo(() => {
    if (still && held.current.key === key) return held.current.rows;
    held.current = { key, rows: newest(filter, most), at: events.pushed };
    return held.current.rows;
  }, [turn, still, key]);
  const news = useMemo(() => {
    if (!still) return 0;
    const fresh = Math.min(events.pushed - held.current.at, events.length);
    let count = 0;
    for (let index = events.length - fresh; index < events.length; index++) if (passes(events.at(index), filter)) count++;
    return count;
  }, [turn, still, key]);
  const onNews = useCallback(() => {
    held.current = { key: "", rows: [], at: 0 };
    setScrolled(false);
  }, []);
  return { rows, news, onNews, onScrolled: setScrolled };
}
