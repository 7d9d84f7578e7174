/** What needs attention, the worst first, each with the way to it and what mends it. */
import { html, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched, useOnEvents } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { base } from "../lib/paths.js";
import { dangerous } from "../lib/rules.js";
import { Button, Confirm } from "../parts/controls.js";
import { Empty, Failed, Loading, Status, Time } from "../parts/facts.js";
import { attempt, command, start, unwrapped, whyNot } from "./act.js";

const TELLING = /^(salt\/(auth|key|presence|minion)|trisalt\/(minion|job\/\d+\/settled|log))(\/|$)/;

/** @param {{severity?: string}} props only those of this severity */
export function Issues({ severity = "" }) {
  const found = useFetched((signal) => get("issues", {}, signal), []);
  useOnEvents(TELLING, found.again, 3_000);
  if (!found.data) return found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} rows=${4} />`;
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
      <div class="muted small">${issue.text}${issue.since && html` · <${Time} at=${issue.since} ago />`}</div>
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
