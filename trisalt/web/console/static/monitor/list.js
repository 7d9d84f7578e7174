/** Events as a list of short lines, with one of them open beside it. For the monitor and the screen of events. */
import { html, useEffect, useMemo, useRef, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { asReactor, tell } from "../lib/telling.js";
import { isJid } from "../lib/jid.js";
import { Button, CopyButton } from "../parts/button.js";
import { Status, toneOf } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";
import { Tree } from "../parts/tree.js";

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
export function Detail({ event, close }) {
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
