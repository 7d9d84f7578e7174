/** The first page: four numbers, what needs attention and how to mend it, what goes on, and what the fleet is made of. */
import { html, useSignal } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched, useOnEvents } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { fieldWord } from "../lib/query.js";
import { href } from "../lib/router.js";
import { fleet } from "../lib/store.js";
import { Bars, Empty, Failed, Loading, Panel, Span, Spark, Status, Time } from "../parts/facts.js";
import { Counts, funOf, targetOf } from "../fleet/act.js";
import { Issues } from "../fleet/issues.js";

const TELLING = /^(salt\/(auth|key|presence|minion|job|run)|trisalt\/(minion|job))(\/|$)/;

export default function Overview() {
  const known = useSignal(fleet);
  const own = useFetched((signal) => get("overview", {}, signal), []);
  useOnEvents(TELLING, own.again, 2_000);
  const numbers = own.data ?? known;
  return html`<div class="screen">
    <div class="screen-head"><div class="titles"><h1>${t("nav.overview")}</h1></div></div>
    ${numbers ? html`<${Numbers} numbers=${numbers} />` : own.error ? html`<${Failed} error=${own.error} onRetry=${own.again} />` : html`<${Loading} rows=${3} />`}
    <div class="columns wide-first">
      <div class="stack">
        <${Panel} title=${t("overview.attention")} flush><${Issues} /><//>
        ${numbers && html`<${Latest} jobs=${numbers.latest ?? []} />`}
      </div>
      ${numbers && html`<div class="stack">
        <${Panel} title=${t("overview.perHour")}><${Spark} values=${numbers.jobs.per_hour} label=${t("overview.perHour")} from=${t("overview.dayAgo")} to=${t("overview.now")} /><//>
        <${Share} title=${t("overview.systems")} field="os" items=${numbers.os} />
        <${Share} title=${t("overview.versions")} field="version" items=${numbers.versions} />
      </div>`}
    </div>
  </div>`;
}

function Numbers({ numbers }) {
  const { up, down, never } = numbers.minions;
  const total = up + down + never;
  const { running, failed_24h: failed, per_hour: hours } = numbers.jobs;
  const day = hours.reduce((sum, n) => sum + n, 0);
  const keys = numbers.keys;
  return html`<div class="stats">
    <${Stat} link=${href("/minions")} label=${t("overview.minions")} value=${up} of=${total} tone=${total && !up ? "failed" : ""}
      note=${down || never ? html`${down > 0 && html`<a class="is-failed" href=${href("/minions", { q: "down" })}>${t("overview.down", { n: down })}</a>`}${down > 0 && never > 0 && " · "}${never > 0 && html`<a href=${href("/minions", { q: "never" })}>${t("overview.never", { n: never })}</a>`}` : total ? t("overview.allUp") : t("overview.noneYet")} />
    ${keys && html`<${Stat} link=${href("/keys")} label=${t("overview.keys")} value=${keys.pending} tone=${keys.pending ? "changed" : ""}
      note=${keys.denied ? html`<a class="is-failed" href=${href("/keys", { state: "denied" })}>${t("overview.denied", { n: keys.denied })}</a>` : t("overview.accepted", { n: keys.accepted })} />`}
    <${Stat} link=${href("/jobs", { state: "running" })} label=${t("overview.running")} value=${running} tone=${running ? "running" : ""} note=${t("overview.jobs24", { n: day })} />
    <${Stat} link=${href("/jobs", { state: "failed,partial", since: "24h" })} label=${t("overview.failed")} value=${failed} tone=${failed ? "failed" : ""}
      note=${numbers.jobs.failed_1h ? t("overview.failed1", { n: numbers.jobs.failed_1h }) : t("overview.failed0")} />
  </div>`;
}

/** A number that is a way to what it counts; its note may have ways of its own, so the whole is no link. */
function Stat({ link, label, value, of, tone, note }) {
  return html`<div class="stat"><a class="label" href=${link}>${label}</a>
    <span class=${`value ${tone ? `is-${tone}` : ""}`}>${value.toLocaleString()}${of !== undefined && html`<small> / ${of.toLocaleString()}</small>`}</span>
    <span class="note">${note}</span></div>`;
}

function Share({ title, field, items = [] }) {
  if (!items.length) return null;
  return html`<${Panel} title=${title}><${Bars} items=${items.map(({ name, count }) => ({ name: name || t("overview.other"), count, href: name ? href("/minions", { q: fieldWord(field, name) }) : undefined }))} /><//>`;
}

function Latest({ jobs }) {
  return html`<${Panel} title=${t("overview.latest")} flush actions=${html`<a href=${href("/jobs")}>${t("overview.allJobs")}</a>`}>
    ${jobs.length === 0
      ? html`<${Empty} icon="jobs" title=${t("overview.noJobs")}><p>${t("overview.noJobs.text")}</p><a class="btn" href=${href("/console")}>${t("overview.toConsole")}</a><//>`
      : html`<ul class="list tight">${jobs.map((job) => html`<li key=${job.jid}>
          <${Status} state=${job.state} quiet />
          <div class="grow"><div class="row tight"><a class="strong clip" href=${href(at("jobs", job.jid))}>${funOf(job)}</a><span class="faint clip">${targetOf(job)}</span></div>
            <div class="small muted">${t("overview.by", { user: job.user })} · <${Time} at=${job.start} /> · <${Span} seconds=${job.duration} /></div></div>
          <${Counts} job=${job} /></li>`)}</ul>`}
  <//>`;
}
