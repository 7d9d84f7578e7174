/** Monitor → Command: what was executed in this session, each with its job. */
import { html, useSignal, useState, useValue } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { countsOf, stateOf } from "../lib/jobs.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { jobs, jobsTurn } from "../lib/store.js";
import { Empty } from "../parts/blank.js";
import { Button } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { Progress } from "../parts/charts.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { Tree } from "../parts/tree.js";
import { ran, recalled } from "../command/ran.js";

/** @param {{find: string, patch: Function}} props */
export function MonitorCommands({ find, patch }) {
  const sent = useSignal(ran).filter(({ line }) => line.toLowerCase().includes(find.toLowerCase()));
  if (!sent.length) return html`<${Empty} icon="console" title=${t("monitor.commands.empty")}><p>${t("monitor.commands.empty.text")}</p><//>`;
  return html`<ul class="job-rows">${sent.map((one) => html`<${Row} key=${one.id} sent=${one} patch=${patch} />`)}</ul>`;
}

function Row({ sent, patch }) {
  const { line, at: when, jid, answer, error } = sent;
  const [open, setOpen] = useState(true);
  const live = useValue(() => (jobsTurn.value, jid && jobs.has(jid) ? { ...countsOf(jobs.get(jid)), state: stateOf(jobs.get(jid)) } : null), [jid]);
  const state = sent.state === "refused" ? "failed" : sent.state === "nobody" ? "missing" : (live?.state ?? (sent.state === "answered" ? "done" : "running"));
  const again = recalled(line);
  return html`<li class="job-row">
    <div class="job-line sent">
      <${Status} state=${state} quiet />
      <span class="job-when faint"><${Time} at=${when} /></span>
      <span class="job-what mono">${line}</span>
      ${live && html`<span class="job-bar"><${Progress} total=${live.minions} ok=${live.ok} changed=${live.changed} failed=${live.failed} label=${line} /><span class="faint small num">${live.ok + live.changed + live.failed}/${live.minions}</span></span>`}
      ${["sent", "nobody"].includes(sent.state) && html`<span class="faint">${t(`sent.${sent.state}`)}</span>`}
      <span class="job-buttons">
        ${answer !== undefined && html`<button type="button" class="btn quiet small" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>${t("row.result")}<${Icon} name=${open ? "up" : "down"} small /></button>`}
        ${jid && html`<a class="btn quiet small" href=${href(at("jobs", jid))}>${t("events.job")}</a>`}
        ${again && html`<${Button} kind="quiet" small icon="history" label=${t("sent.again")} onClick=${() => patch(again)} />`}
      </span>
    </div>
    ${error && html`<p class="hint error job-error"><${Icon} name="warning" small />${error}</p>`}
    ${answer !== undefined && open && html`<div class="job-inside"><${Tree} data=${answer} depth=${2} label=${t("row.result")} /></div>`}
  </li>`;
}
