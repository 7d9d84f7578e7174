/** Console: Command above, and below it the Monitor with Command, Job, Minion and Event. */
import { html, useKeys, useSignal, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { href, route, setQuery } from "../lib/router.js";
import { Button, Tabs } from "../parts/controls.js";
import { QueryBox } from "../parts/fields.js";
import { Command, useCommand } from "../command/form.js";
import { MonitorCommands, MonitorJobs, MonitorMinions } from "../monitor/jobs.js";
import { MonitorEvents } from "./events.js";

const PANELS = { command: MonitorCommands, job: MonitorJobs, minion: MonitorMinions, event: MonitorEvents };
const PAGES = { job: "/jobs", minion: "/minions", event: "/events" };

export default function Console() {
  const { query } = useSignal(route);
  const [command, patch] = useCommand();
  const [paused, setPaused] = useState(false);
  const panel = query.panel in PANELS ? query.panel : "job";
  const find = query.find ?? "";
  const pauses = panel === "job" || panel === "event";
  useKeys({ p: () => pauses && setPaused(!paused) });
  // The new job is opened where jobs are watched; who watches something else goes on to.
  const onRun = (jid) => jid && panel === "job" && setQuery({ open: jid, part: "" });
  const Panel = PANELS[panel];
  const tabs = Object.keys(PANELS).map((key) => ({ key, text: t(`monitor.${key}`), href: href("/console", { ...query, panel: key === "job" ? "" : key, open: "", part: "", find: "" }) }));
  return html`<div class="screen console">
    <h1 class="sr">${t("console.title")}</h1>
    <${Command} command=${command} patch=${patch} onRun=${onRun} />
    <section class="panel flush monitor" aria-label=${t("monitor.title")}>
      <div class="panel-head monitor-head">
        <h2>${t("monitor.title")}</h2>
        <${Tabs} label=${t("monitor.title")} tabs=${tabs} current=${panel} panel="monitor-panel" />
        <div class="monitor-tools">
          <${QueryBox} key=${panel} main value=${find} onChange=${(value) => setQuery({ find: value })} label=${t(`monitor.find.${panel}`)} placeholder=${t("monitor.find")} />
          ${pauses && html`<${Button} small icon=${paused ? "play" : "pause"} pressed=${paused} label=${t(paused ? "monitor.go" : "monitor.pause")} onClick=${() => setPaused(!paused)} />`}
          ${panel in PAGES && html`<a class="small nowrap" href=${href(PAGES[panel])}>${t(`monitor.all.${panel}s`)}</a>`}
        </div>
      </div>
      <div id="monitor-panel" role="tabpanel" aria-labelledby=${`tab-${panel}`} class="monitor-panel">
        <${Panel} find=${find} paused=${paused} patch=${patch} />
      </div>
    </section>
  </div>`;
}
