/** States: who is as it should be, orchestrations, templates, schedules, reactors. Each part has an address. */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { Tabs } from "../parts/tabs.js";
import { Compliance } from "../fleet/compliance.js";
import { Orchestrations } from "../fleet/orchestrations.js";
import { Reactors } from "../fleet/reactors.js";
import { FleetSchedules } from "../fleet/schedules.js";
import { Templates } from "../fleet/templates.js";

const PARTS = { compliance: Compliance, orchestrations: Orchestrations, templates: Templates, schedules: FleetSchedules, reactors: Reactors };

/** @param {{route: import("../lib/router.js").Route}} props */
export default function States({ route }) {
  const part = route.params.part in PARTS ? route.params.part : "compliance";
  const Part = PARTS[part];
  const tabs = Object.keys(PARTS).map((key) => ({ key, text: t(`states.${key}`), href: href(key === "compliance" ? "/states" : at("states", key)) }));
  return html`<div class=${`screen ${part === "compliance" || part === "schedules" ? "fill" : ""}`}>
    <div class="screen-head"><div class="titles"><h1>${t("nav.states")}</h1></div></div>
    <${Tabs} label=${t("states.parts")} tabs=${tabs} current=${part} panel="states-panel" />
    <div id="states-panel" class=${`tabpanel stack ${part === "compliance" || part === "schedules" ? "filler" : ""}`} role="tabpanel" aria-labelledby=${`tab-${part}`}><${Part} key=${part} route=${route} /></div>
  </div>`;
}
