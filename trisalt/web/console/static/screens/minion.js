/** One minion: how it is, what it is, what it did, what is kept of it, and its key. Each tab has an address. */
import { html } from "../lib/ui.js";
import { get, useFetched, useOnEvents } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { Button, CopyButton, Icon, Menu, Tabs } from "../parts/controls.js";
import { span, Status, Time, waiting } from "../parts/facts.js";
import { COMMANDS, low, start, whyNot } from "../fleet/act.js";
import { Beacons, Events, Grains, Highstate, Jobs, Key, Mine, Packages, Pillar, Schedules, Summary } from "../fleet/tabs.js";

const TABS = { summary: Summary, grains: Grains, pillar: Pillar, jobs: Jobs, events: Events, highstate: Highstate, mine: Mine, schedules: Schedules, beacons: Beacons, packages: Packages, key: Key };
const TELLING = /^(salt\/(minion|presence|key)|trisalt\/minion|minion\/refresh)(\/|$)/;

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Minion({ route }) {
  const { id } = route.params;
  const tab = route.query.tab in TABS ? route.query.tab : "summary";
  const found = useFetched((signal) => get(`minions/${encodeURIComponent(id)}`, {}, signal), [id]);
  useOnEvents(TELLING, found.again, 3_000);
  const minion = found.data;
  const Tab = TABS[tab];
  const tabs = Object.keys(TABS).map((key) => ({ key, text: t(`minion.tab.${key}`), href: href(at("minions", id), { tab: key === "summary" ? "" : key }) }));
  return html`<div class=${`screen ${["events", "packages"].includes(tab) ? "fill" : ""}`}>
    <div class="screen-head">
      <div class="titles"><a class="crumb" href=${href("/minions")}><${Icon} name="back" small />${t("nav.minions")}</a>
        <h1><span class="mono-h">${id}</span><span class="row tight">${minion && html`<${Status} state=${minion.status} pill />`}<${CopyButton} text=${id} label=${t("minion.copied")} /></span></h1>
        ${minion && html`<p class="lead">${lead(minion)}</p>`}</div>
      ${minion && html`<${Actions} minion=${minion} />`}
    </div>
    ${!minion
      ? waiting(found)
      : html`<${Tabs} label=${t("minion.tabs")} tabs=${tabs} current=${tab} panel="minion-panel" />
          <div id="minion-panel" class=${`tabpanel ${["events", "packages"].includes(tab) ? "filler" : ""}`} role="tabpanel" aria-labelledby=${`tab-${tab}`}><${Tab} key=${tab} minion=${minion} route=${route} again=${found.again} /></div>`}
  </div>`;
}

/** What one would say of it in a line. */
function lead({ status, address, os, osrelease, version, since, last_seen: seen, grains }) {
  const up = typeof grains?.uptime === "number" ? t("minion.uptime", { time: span(grains.uptime) }) : "";
  const words = [address, [os, osrelease].filter(Boolean).join(" "), version && t("minion.saltVersion", { version }), status === "up" ? up : ""].filter(Boolean);
  return html`${words.join(" · ")}${status === "down" && html`${words.length > 0 && " · "}<span class="is-failed">${t("minion.downSince")} <${Time} at=${since ?? seen} ago never=${t("status.unknown")} /></span>`}`;
}

function Actions({ minion }) {
  const ids = [minion.id];
  const out = ["pending", "denied", "rejected"].includes(minion.status) ? t("minion.notIn") : null;
  const begin = (name) => start(low(name, ids), t(`do.${name}`));
  const entry = (name) => ({ label: t(`do.${name}`), icon: COMMANDS[name][0], why: out ?? whyNot("local", COMMANDS[name][1]), onPick: () => begin(name) });
  return html`<div class="actions">
    <${Button} icon="ping" why=${out ?? whyNot("local", "test.ping")} onClick=${() => begin("ping")}>${t("do.ping")}<//>
    <${Menu} icon="states" label=${t("minion.state")} end items=${[entry("highstate"), entry("test"), null, entry("grains"), entry("pillar"), entry("sync")]} />
    <a class="btn primary" href=${href("/console", { tgt: minion.id })}><${Icon} name="play" />${t("do.run")}</a>
  </div>`;
}
