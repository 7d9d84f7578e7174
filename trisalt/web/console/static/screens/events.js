/** Events: everything that happens, filtered, held still, looked into. */
import { html, useCallback, useEffect, useKeys, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { usePages } from "../lib/api.js";
import { asReactor, globbed, isJid, joined, passes, played, tell } from "../lib/events.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, route, setQuery } from "../lib/router.js";
import { events, eventsTurn } from "../lib/store.js";
import { Button, CopyButton } from "../parts/controls.js";
import { Empty, Spark, Status, Time, toneOf, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { Tree } from "../parts/tree.js";

const SUGGESTED = ["salt/job/*", "salt/job/*/new", "salt/job/*/ret/*", "salt/run/*", "salt/wheel/*", "salt/auth", "salt/key", "salt/minion/*/start", "salt/beacon/*", "salt/presence/*", "minion/refresh/*", "trisalt/*"];

/** Events a second, at most; 0: as they come. */
const SPEEDS = [0, 1, 5, 20];

/** The rate is drawn over so many columns of so many seconds. */
const COLUMNS = 60;
const STEP = 1;

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Events({ route: { query } }) {
  const { tag = "", find = "", minion = "", open = "", all = "" } = query;
  const speed = SPEEDS.includes(Number(query.speed)) ? Number(query.speed) : 0;
  const [paused, setPaused] = useState(false);
  const filter = useMemo(() => ({ tag: globbed(tag), text: find.toLowerCase(), minion, all: Boolean(all) }), [tag, find, minion, all]);
  const heard = useEvents("events/kept", { tag, filter: find, minion }, { filter, key: JSON.stringify([tag, find, minion, all]), paused, speed });
  useKeys({ p: () => setPaused(!paused) });
  const any = tag || find || minion;
  return html`<div class="screen fill events">
    <div class="screen-head">
      <div class="titles"><h1>${t("nav.events")}</h1>
        <p class="lead" role="status">${t(any ? "events.shown.filtered" : "events.shown", { n: heard.rows.length })}</p></div>
      <div class="actions">
        <${Rate} />
        ${heard.behind > 0 && html`<button type="button" class="linkish small" onClick=${heard.onNews}>${t("events.behind", { n: heard.behind })}</button>`}
        <select class="select auto" aria-label=${t("events.speed")} title=${t("events.speed")} onChange=${(event) => setQuery({ speed: Number(event.target.value) || "" })}>
          ${SPEEDS.map((one) => html`<option key=${one} value=${one} selected=${one === speed}>${one ? t("events.speed.n", { n: one }) : t("events.speed.all")}</option>`)}</select>
        <${Button} icon=${paused ? "play" : "pause"} pressed=${paused} onClick=${() => setPaused(!paused)} aria-keyshortcuts="p">${paused ? t("events.go", { n: heard.news }) : t("monitor.pause")}<//>
      </div>
    </div>
    <div class="toolbar">
      <${QueryBox} value=${tag} onChange=${(value) => setQuery({ tag: value })} icon="events" label=${t("events.filter.tag")} placeholder="salt/job/*/ret/*" list=${SUGGESTED} />
      <${QueryBox} main value=${find} onChange=${(value) => setQuery({ find: value })} label=${t("events.filter.text")} placeholder=${t("events.filter.text")} />
      <${QueryBox} value=${minion} onChange=${(value) => setQuery({ minion: value })} icon="minions" label=${t("nav.minion")} placeholder=${t("nav.minion")} />
      <label class="check"><input type="checkbox" checked=${Boolean(all)} disabled=${Boolean(tag)} onChange=${(event) => setQuery({ all: event.target.checked ? "1" : "" })} />${t("events.all")}</label>
    </div>
    <${EventList} label=${t("nav.events")} events=${heard.rows} news=${heard.news} onNews=${() => (setPaused(false), heard.onNews())} onScrolled=${heard.onScrolled} onNeed=${heard.onNeed}
      open=${open} onOpen=${(key) => setQuery({ open: key })}
      empty=${heard.waits ?? html`<${Empty} icon="events" title=${t(any ? "events.noneSuch" : "monitor.events.empty")}><p>${t(any ? "events.noneSuch.text" : "events.none.text")}</p><//>`} />
  </div>`;
}

/** How many events came, second by second. */
function Rate() {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), STEP * 1000);
    return () => clearInterval(timer);
  }, []);
  const values = new Array(COLUMNS).fill(0);
  for (let index = events.length - 1; index >= 0; index--) {
    const column = COLUMNS - 1 - Math.floor((now - (events.at(index).at ?? 0)) / STEP);
    if (column < 0) break;
    if (column < COLUMNS) values[column]++;
  }
  const rate = values.slice(-10).reduce((sum, n) => sum + n, 0) / (10 * STEP);
  return html`<div class="events-rate"><${Spark} values=${values} label=${t("events.rate.label")} /><span class="small muted nowrap"><b>${rate.toLocaleString(undefined, { maximumFractionDigits: 1 })}</b> ${t("events.rate")}</span></div>`;
}

/* Events as a list: those heard, filtered, drawn a few at a time. */

/* Monitor → Event: what happens, as it happens, newest first. */

/** @param {{find: string, paused: boolean}} props */
export function MonitorEvents({ find, paused }) {
  const { query } = useSignal(route);
  const filter = useMemo(() => ({ text: find.toLowerCase() }), [find]);
  const heard = useEvents("events/kept", { filter: find }, { filter, key: find, paused, most: 1000 });
  return html`<${EventList} label=${t("monitor.event")} events=${heard.rows} news=${heard.news} onNews=${heard.onNews} onScrolled=${heard.onScrolled} onNeed=${heard.onNeed}
    open=${query.open ?? ""} onOpen=${(key) => setQuery({ open: key })} empty=${heard.waits ?? html`<${Empty} icon="events" title=${t("monitor.events.empty")} />`} />`;
}

/* Events as a list of short lines, with one of them open beside it. For the monitor and the screen of events. */

/**
 * @param {{events: import("../lib/hub.js").SaltEvent[], open: string, onOpen: (key: string) => void, news?: number, onNews?: () => void,
 *   onScrolled?: (scrolled: boolean) => void, onNeed?: (index: number) => void, empty?: any, label: string}} props `events`: newest first, each with `key`
 */
export function EventList({ events, open, onOpen, news, onNews, onScrolled, onNeed, empty, label }) {
  const box = useRef(null);
  const columns = useMemo(
    () => [
      { key: "time", label: t("events.time"), width: "7.5rem", cell: (event) => html`<${Time} at=${event.at} />`, at: "end" },
      {
        key: "tag",
        label: t("events.tag"),
        head: true,
        at: "title",
        cell: (event) => html`<button type="button" class="linkish mono clip event-tag" title=${event.tag} aria-expanded=${String(open === event.key)} onClick=${() => onOpen(open === event.key ? "" : event.key)}><bdi>${event.tag}</bdi></button>`,
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
    <${Table} label=${label} columns=${columns} rows=${events} rowKey=${(event) => event.key} news=${news} onNews=${show} onNeed=${onNeed} empty=${empty} />
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
    <div class="panel-head"><h2 class="mono clip" title=${event.tag}>${event.tag}</h2><${Button} icon="close" kind="quiet" small label=${t("parts.close")} onClick=${close} /></div>
    <div class="event-facts">
      <${Time} at=${event.at} date />
      ${event.origin && html`<span class="faint">${event.origin}</span>`}
      ${jid && html`<a href=${href(at("jobs", jid))}>${t("nav.job")}</a>`}
      ${who && html`<a href=${href(at("minions", who))}>${who}</a>`}
    </div>
    <div class="toolbar event-tools">
      <input class="input grow" type="search" placeholder=${t("events.findInside")} aria-label=${t("events.findInside")} value=${find} onInput=${(e) => setFind(e.target.value)} />
      <${CopyButton} text=${() => JSON.stringify({ tag: event.tag, data: event.data }, null, 2)} label=${t("events.copy")}>JSON<//>
      <${CopyButton} text=${() => asReactor(event.tag)} label=${t("events.copyReactor")}>${t("events.reactor")}<//>
    </div>
    <div class="event-data" tabindex="0" role="group" aria-label=${t("format.data")}><${Tree} data=${event.data} depth=${3} find=${find} label=${t("format.data")} /></div>
  </aside>`;
}

/* The events that this tab has, newest first, as a list that stands still while one reads it. */

/** Those before number `end` that a filter lets through, newest first, and no more than `most`. */
function newest(filter, most, end) {
  const found = [];
  for (let index = Math.min(events.length, events.length - events.pushed + end) - 1; index >= 0 && found.length < most; index--) {
    const event = events.at(index);
    if (passes(event, filter)) found.push(event);
  }
  return found;
}

/**
 * @param {{filter: Parameters<typeof passes>[1], key: string, most?: number, paused?: boolean, speed?: number}} what
 *   `key`: changes when the filter does; `speed`: no more than so many a second, 0: all as they come
 * @returns {{rows: import("../lib/hub.js").SaltEvent[], news: number, behind: number, onNews: () => void, onScrolled: (scrolled: boolean) => void}}
 *   `news`: how many have come that are not in `rows`, because one reads, or has paused; `behind`: because of the speed
 */
function useHeard({ filter, key, most = Infinity, paused = false, speed = 0 }) {
  const turn = useSignal(eventsTurn);
  const [scrolled, setScrolled] = useState(false);
  const still = paused || scrolled;
  const held = useRef({ key: "", rows: /** @type {any[]} */ ([]), at: 0 });
  const [place, setPlace] = useState(Infinity);
  const opened = useMemo(() => Date.now() / 1000, []);
  useEffect(() => {
    if (still) return;
    setPlace((before) => (speed ? Math.min(before, events.pushed) : Infinity));
    if (!speed) return;
    // What was before one came is all shown at once.
    const fits = (event) => event.at >= opened && passes(event, filter);
    const timer = setInterval(() => setPlace((before) => played(events, before, 1, fits)), 1000 / speed);
    return () => clearInterval(timer);
  }, [speed, still, key]);
  const rows = useMemo(() => {
    if (still && held.current.key === key) return held.current.rows;
    held.current = { key, rows: newest(filter, most, place), at: Math.min(place, events.pushed) };
    return held.current.rows;
  }, [turn, still, key, place]);
  const waiting = useMemo(() => {
    if (!still && !speed) return 0;
    const fresh = Math.min(events.pushed - held.current.at, events.length);
    let count = 0;
    for (let index = events.length - fresh; index < events.length; index++) if (passes(events.at(index), filter)) count++;
    return count;
  }, [turn, still, key, place, speed]);
  const onNews = useCallback(() => {
    held.current = { key: "", rows: [], at: 0 };
    setPlace(speed ? events.pushed : Infinity);
    setScrolled(false);
  }, [speed]);
  return { rows, news: still ? waiting : 0, behind: still ? 0 : waiting, onNews, onScrolled: setScrolled };
}

/**
 * The events that the server keeps, as far back as somebody scrolls, and what is heard meanwhile.
 * @param {string} path @param {Record<string, string>} query of the server's, which finds what `filter` lets through
 * @param {Parameters<typeof useHeard>[0]} how
 */
export function useEvents(path, query, how) {
  const { all, tag } = how.filter;
  const heard = useHeard(how);
  const kept = usePages(path, query, { size: 500 });
  const rows = useMemo(() => joined(all || tag ? kept.rows : kept.rows.filter((one) => passes(one, {})), heard.rows), [kept.rows, heard.rows, all, tag]);
  const wanted = useRef(0);
  const more = () => kept.need(kept.rows.length);
  // What was heard is kept too: pages that bring nothing new are passed over.
  useEffect(() => void (rows.length <= wanted.current && more()), [kept.rows]);
  // Before this tab forgets what it has heard, it is among what the server was asked for.
  const turn = Math.floor((2 * events.pushed) / events.size);
  const first = useRef(turn);
  useEffect(() => void (turn !== first.current && kept.again()), [turn]);
  const onNeed = (index) => {
    wanted.current = index;
    if (index >= rows.length) more();
  };
  return { ...heard, rows, onNeed, waits: kept.loading || kept.error ? waiting(kept, 5) : null };
}
