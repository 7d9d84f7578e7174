/** The events of one job, oldest first: a row of the monitor, and a tab of the job's page. */
import { html, useState, useValue } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { events, eventsTurn } from "../lib/store.js";
import { tell } from "../lib/telling.js";
import { Empty } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { Tree } from "../parts/tree.js";

/** Rows that are drawn before one asks for more. */
const PIECE = 100;

/** @param {{jid: string}} props */
export function JobEvents({ jid }) {
  const found = useValue(() => (eventsTurn.value, [...events].filter(({ tag }) => tag.includes(`/${jid}`))), [jid]);
  const [room, setRoom] = useState(PIECE);
  if (!found.length) return html`<${Empty} icon="events" title=${t("job.events.none")}><p>${t("job.events.none.text")}</p><//>`;
  return html`<ul class="event-rows">${found.slice(0, room).map((event) => html`<${Row} key=${event.key} event=${event} />`)}</ul>
    ${found.length > room && html`<button type="button" class="linkish" onClick=${() => setRoom(room + PIECE * 5)}>${t("parts.more", { n: found.length - room })}</button>`}`;
}

/** One event as a line that opens. @param {{event: import("../lib/hub.js").SaltEvent}} props */
export function Row({ event }) {
  const [open, setOpen] = useState(false);
  const { who, state } = tell(event);
  return html`<li class="event-row">
    <button type="button" class="event-line" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
      <${Icon} name=${open ? "down" : "right"} small />
      <span class="faint"><${Time} at=${event.at} /></span>
      <span class="mono clip grow">${event.tag}</span>
      ${state && html`<${Status} state=${state} quiet />`}
      <span class="faint clip event-who">${who}</span>
    </button>
    ${open && html`<div class="event-inside"><${Tree} data=${event.data} depth=${2} label=${t("events.data")} /></div>`}
  </li>`;
}
