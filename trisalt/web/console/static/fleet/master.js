/** The master: what it counts, and its options as they are in force. */
import { html } from "../lib/ui.js";
import { ask } from "../lib/api.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { CopyButton, Button } from "../parts/button.js";
import { Empty, Failed, Loading, Panel } from "../parts/blank.js";
import { QueryBox } from "../parts/query.js";
import { Tree } from "../parts/tree.js";
import { wheel, whyNot, whyNotIn } from "./act.js";

/** Options whose values are nobody's business on a screen until they are wanted. */
const SECRET = /pass|secret|token|key$|keys$|bind_/i;

export function Stats() {
  const why = whyNotIn("stats");
  const found = useFetched(async (signal) => (why ? null : ask("GET", "/stats", { signal, quiet: true })), []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (found.error) return html`<${Failed} error=${found.error} onRetry=${found.again} />`;
  if (!found.data) return html`<${Loading} />`;
  const parts = Object.entries(found.data).filter(([, value]) => value && typeof value === "object");
  return html`<div class="toolbar"><span class="grow"></span><${Button} icon="refresh" busy=${found.loading} onClick=${found.again}>${t("act.refresh")}<//></div>
    <div class="columns two">${parts.map(([name, value]) => html`<${Panel} key=${name} title=${name}><${Tree} data=${value} label=${name} depth=${2} bare /><//>`)}</div>`;
}

/** @param {{route: import("../lib/router.js").Route}} props */
export function Options({ route }) {
  const { find = "" } = route.query;
  const why = whyNot("wheel", "config.values");
  const found = useFetched(async (signal) => (why ? null : wheel("config.values", {}, signal)), []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (found.error) return html`<${Failed} error=${found.error} onRetry=${found.again} />`;
  if (!found.data) return html`<${Loading} />`;
  const entries = Object.entries(found.data).sort(([a], [b]) => (a < b ? -1 : 1));
  const open = Object.fromEntries(entries.filter(([name]) => !SECRET.test(name)));
  const secret = Object.fromEntries(entries.filter(([name]) => SECRET.test(name)));
  return html`<section class="panel" aria-label=${t("admin.options")}><div class="panel-head">
      <${QueryBox} main icon="filter" label=${t("options.find")} placeholder=${t("options.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${CopyButton} small=${false} text=${() => JSON.stringify(open, null, 2)} label=${t("options.copied")}>JSON<//></div>
    <div class="panel-body"><${Tree} data=${open} label=${t("admin.options")} find=${find} depth=${1} /></div>
    ${Object.keys(secret).length > 0 && html`<div class="panel-body"><h3>${t("options.secret")}</h3><${Tree} data=${secret} label=${t("options.secret")} find=${find} depth=${2} masked /></div>`}
  </section>`;
}
