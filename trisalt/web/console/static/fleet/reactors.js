/** Reactors: which events have what run, as the master's configuration says. */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { href } from "../lib/router.js";
import { useFetched } from "../lib/fetched.js";
import { Empty, Failed, Loading, Panel } from "../parts/blank.js";
import { wheel, whyNot } from "./act.js";

/** The rows of the option `reactor`: `[tag, files]`. Pure. */
export function rowsOf(reactor) {
  const rows = (Array.isArray(reactor) ? reactor : [reactor]).filter((one) => one && typeof one === "object");
  return rows.flatMap((one) => Object.entries(one)).map(([tag, files]) => [tag, [files].flat().map((file) => (typeof file === "string" ? file : Object.keys(file ?? {})[0] ?? "")).filter(Boolean)]);
}

export function Reactors() {
  const why = whyNot("wheel", "config.values");
  const found = useFetched(async (signal) => (why ? null : wheel("config.values", {}, signal)), []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (found.error) return html`<${Failed} error=${found.error} onRetry=${found.again} />`;
  if (!found.data) return html`<${Loading} />`;
  const rows = rowsOf(found.data.reactor);
  if (!rows.length) return html`<${Empty} icon="events" title=${t("reactors.none")}><p>${t("reactors.none.text")}</p><//>`;
  return html`<${Panel} title=${t("states.reactors")} flush><ul class="list">${rows.map(([tag, files], n) => html`<li key=${n}><div class="grow"><a class="mono strong" href=${href("/events", { tag })}>${tag}</a>${files.map((file) => html`<div key=${file} class="muted mono small">${file}</div>`)}</div></li>`)}</ul><//>`;
}
