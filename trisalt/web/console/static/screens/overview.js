/** The first page: four numbers, what needs attention and how to mend it, what goes on, and what the fleet is made of. */
import { html, useSignal, useState } from "../lib/ui.js";
import { get, useFetched, useOnEvents } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at, base } from "../lib/paths.js";
import { fieldWord } from "../lib/query.js";
import { href } from "../lib/router.js";
import { dangerous } from "../lib/rules.js";
import { fleet, fleetError, refreshFleet } from "../lib/store.js";
import { Button, Confirm } from "../parts/controls.js";
import { Bars, Empty, Loading, Panel, Span, Spark, Status, Time, waiting } from "../parts/facts.js";
import { attempt, command, Counts, funOf, start, targetOf, unwrapped, whyNot } from "../fleet/act.js";

const TELLING = /^(salt\/(auth|key|presence|minion|job|run)|trisalt\/(minion|job))(\/|$)/;

export default function Overview() {
  const numbers = useSignal(fleet);
  const error = useSignal(fleetError);
  useOnEvents(TELLING, refreshFleet, 1_000);
  // Issues are asked for when the numbers are here: the master would answer both at once, and both later.
  return html`<div class="screen">
    <div class="screen-head"><div class="titles"><h1>${t("nav.overview")}</h1></div></div>
    ${numbers ? html`<${Numbers} numbers=${numbers} />` : waiting({ error, again: () => refreshFleet(0) }, 3)}
    <div class="columns wide-first">
      <div class="stack">
        <${Panel} title=${t("overview.attention")} flush>${numbers || error ? html`<${Issues} />` : html`<${Loading} rows=${4} />`}<//>
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
  return html`<${Panel} title=${t("overview.latest")} flush actions=${html`<a href=${href("/jobs")}>${t("monitor.all.jobs")}</a>`}>
    ${jobs.length === 0
      ? html`<${Empty} icon="jobs" title=${t("overview.noJobs")}><p>${t("overview.noJobs.text")}</p><a class="btn" href=${href("/console")}>${t("overview.toConsole")}</a><//>`
      : html`<ul class="list tight">${jobs.map((job) => html`<li key=${job.jid}>
          <${Status} state=${job.state} quiet />
          <div class="grow"><div class="row tight"><a class="strong clip" href=${href(at("jobs", job.jid))}>${funOf(job)}</a><span class="faint clip">${targetOf(job)}</span></div>
            <div class="small muted">${t("overview.by", { user: job.user })} · <${Time} at=${job.start} /> · <${Span} seconds=${job.duration} /></div></div>
          <${Counts} job=${job} /></li>`)}</ul>`}
  <//>`;
}

/* What needs attention, the worst first, each with the way to it and what mends it. */

const TROUBLING = /^(salt\/(auth|key|presence|minion)|trisalt\/(minion|job\/\d+\/settled|log))(\/|$)/;

/** @param {{severity?: string}} props only those of this severity */
export function Issues({ severity = "" }) {
  const found = useFetched((signal) => get("issues", {}, signal), []);
  useOnEvents(TROUBLING, found.again, 3_000);
  if (!found.data) return waiting(found, 4);
  const items = found.data.items.filter((one) => !severity || one.severity === severity);
  if (!items.length) return html`<${Empty} icon="check" title=${t("issues.none")}><p>${t("issues.none.text")}</p><//>`;
  return html`<ul class="list">${items.map((issue, n) => html`<${Issue} key=${`${issue.kind} ${n}`} issue=${issue} again=${found.again} />`)}</ul>`;
}

/** The way to where an issue is shown: the server says it below the usual place of the console. */
const wayTo = (link) => (link?.startsWith("/app/") ? base + link.slice(4) : null);

function Issue({ issue, again }) {
  const [asking, setAsking] = useState(false);
  const { remedy } = issue;
  const way = wayTo(issue.link);
  const client = remedy?.client.replace(/_async$/, "");
  const verb = remedy && (t(`remedy.${issue.kind}`) === `remedy.${issue.kind}` ? remedy.fun : t(`remedy.${issue.kind}`));
  const mend = async () => {
    setAsking(false);
    const title = t(`issue.${issue.kind}`);
    if (remedy.client.endsWith("_async")) await start(remedy, verb);
    else await attempt(async () => {
      const answer = await command(remedy);
      return remedy.client === "wheel" ? unwrapped(answer) : answer;
    }, t("issues.done", { title }));
    again();
  };
  // A key is let in only after its fingerprint has been looked at: the way there is the remedy.
  const here = remedy && !remedy.fun.startsWith("key.");
  return html`<li class="issue">
    <${Status} state=${issue.severity} quiet />
    <div class="grow">
      <div class="strong">${way ? html`<a class="plain" href=${way}>${t(`issue.${issue.kind}`)}</a>` : t(`issue.${issue.kind}`)}</div>
      <div class="muted small">${issue.text}${issue.since && html` · <${Time} at=${issue.since} ago />`}
        ${/^https?:/.test(issue.reference) && html` · <a href=${issue.reference} target="_blank" rel="noopener noreferrer">${t("issues.more")}</a>`}</div>
    </div>
    ${here
      ? html`<${Button} small why=${whyNot(client, remedy.fun)} onClick=${() => (dangerous(client === "local" ? remedy.fun : `${client}.${remedy.fun}`) || Array.isArray(remedy.tgt) ? setAsking(true) : mend())}>${verb}<//>`
      : way && html`<${Button} small href=${way}>${t("issues.look")}<//>`}
    ${asking && html`<${Confirm} title=${t("issues.sure", { verb })} verb=${verb} onYes=${mend} onClose=${() => setAsking(false)}>
      <p>${issue.text}</p><pre class="well">${line(remedy)}</pre><//>`}
  </li>`;
}

/** The command as one would type it. */
function line({ client, fun, tgt, tgt_type: type, arg = [] }) {
  const words = arg.map(String).join(" ");
  if (client.startsWith("local")) return `salt ${type === "list" ? "-L " : ""}'${Array.isArray(tgt) ? tgt.join(",") : tgt}' ${fun} ${words}`.trim();
  return `${client.startsWith("runner") ? "salt-run" : "salt-run salt.wheel"} ${fun} ${words}`.trim();
}
