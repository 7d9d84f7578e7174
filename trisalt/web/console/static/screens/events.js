/** Events: everything that happens, filtered, held still, looked into. */
import { html, useEffect, useKeys, useMemo, useState, useValue } from "../lib/ui.js";
import { globbed } from "../lib/events.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { events, eventsTurn, fetchOlder, mayBeOlder } from "../lib/store.js";
import { Button, toast } from "../parts/controls.js";
import { Empty, reasonOf, Spark } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { EventList, useHeard } from "../monitor/events.js";

const SUGGESTED = ["salt/job/*", "salt/job/*/new", "salt/job/*/ret/*", "salt/run/*", "salt/wheel/*", "salt/auth", "salt/key", "salt/minion/*/start", "salt/beacon/*", "salt/presence/*", "minion/refresh/*", "trisalt/*"];

/** The rate is drawn over so many columns of so many seconds. */
const COLUMNS = 60;
const STEP = 1;

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Events({ route: { query } }) {
  const { tag = "", find = "", minion = "", open = "", all = "" } = query;
  const [paused, setPaused] = useState(false);
  const filter = useMemo(() => ({ tag: globbed(tag), text: find.toLowerCase(), minion, all: Boolean(all) }), [tag, find, minion, all]);
  const heard = useHeard({ filter, key: JSON.stringify([tag, find, minion, all]), paused });
  useKeys({ p: () => setPaused(!paused) });
  const more = useValue(() => (eventsTurn.value, mayBeOlder()));
  const [busy, setBusy] = useState(false);
  const older = async () => {
    setBusy(true);
    await fetchOlder().catch((error) => toast(reasonOf(error), { tone: "failed" }));
    setBusy(false);
    heard.onNews();
  };
  const any = tag || find || minion;
  const count = useValue(() => (eventsTurn.value, events.length));
  const most = any || heard.rows.length < count;
  return html`<div class="screen fill events">
    <div class="screen-head">
      <div class="titles"><h1>${t("nav.events")}</h1>
        <p class="lead" role="status">${most ? t("events.shown.filtered", { n: heard.rows.length, total: count }) : t("events.shown", { n: count })}</p></div>
      <${Rate} />
      <${Button} icon=${paused ? "play" : "pause"} pressed=${paused} onClick=${() => setPaused(!paused)} aria-keyshortcuts="p">${paused ? t("events.go", { n: heard.news }) : t("monitor.pause")}<//>
    </div>
    <div class="toolbar">
      <${QueryBox} value=${tag} onChange=${(value) => setQuery({ tag: value })} icon="events" label=${t("events.filter.tag")} placeholder="salt/job/*/ret/*" list=${SUGGESTED} />
      <${QueryBox} main value=${find} onChange=${(value) => setQuery({ find: value })} label=${t("events.filter.text")} placeholder=${t("events.filter.text")} />
      <${QueryBox} value=${minion} onChange=${(value) => setQuery({ minion: value })} icon="minions" label=${t("events.filter.minion")} placeholder=${t("events.filter.minion")} />
      <label class="check"><input type="checkbox" checked=${Boolean(all)} disabled=${Boolean(tag)} onChange=${(event) => setQuery({ all: event.target.checked ? "1" : "" })} />${t("events.all")}</label>
      ${more && html`<${Button} small icon="history" busy=${busy} onClick=${older}>${t("events.older")}<//>`}
    </div>
    <${EventList} label=${t("nav.events")} events=${heard.rows} news=${heard.news} onNews=${() => (setPaused(false), heard.onNews())} onScrolled=${heard.onScrolled}
      open=${open} onOpen=${(key) => setQuery({ open: key })}
      empty=${html`<${Empty} icon="events" title=${t(any ? "events.noneSuch" : "monitor.events.empty")}><p>${t(any ? "events.noneSuch.text" : "events.none.text")}</p><//>`} />
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
