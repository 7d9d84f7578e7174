/** Templates: commands that the configuration has ready, by category. */
import { html, useMemo } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { BLANK, shown, templateCommand, toQuery } from "../lib/command.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { href, setQuery } from "../lib/router.js";
import { Icon } from "../parts/controls.js";
import { Empty, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export function Templates({ route }) {
  const { q = "", category = "" } = route.query;
  const found = useFetched((signal) => get("templates", {}, signal), []);
  const items = found.data?.items ?? [];
  const categories = useMemo(() => [...new Set(items.flatMap((one) => one.categories ?? []))].sort(), [items]);
  const groups = useMemo(() => grouped(items, q.toLowerCase(), category), [items, q, category]);
  if (!found.data) return waiting(found);
  if (!items.length) return html`<${Empty} icon="template" title=${t("templates.none")}><p>${t("templates.none.text")}</p><//>`;
  return html`
    <div class="toolbar"><${QueryBox} main label=${t("templates.find")} placeholder=${t("templates.find")} value=${q} onChange=${(next) => setQuery({ q: next })} />
      ${categories.length > 1 && html`<div class="row tight" role="group" aria-label=${t("templates.categories")}>${categories.map((one) => html`<button type="button" key=${one} class="chip" aria-pressed=${String(one === category)} onClick=${() => setQuery({ category: one === category ? "" : one })}>${one}</button>`)}</div>`}</div>
    ${groups.length === 0 && html`<${Empty} icon="search" title=${t("templates.nothing")} />`}
    ${groups.map(([name, list]) => html`<section key=${name} class="stack" aria-label=${name || t("templates.other")}>${groups.length > 1 && html`<h2>${name || t("templates.other")}</h2>`}
      <div class="deck">${list.map((one) => html`<${Card} key=${one.name} template=${one} />`)}</div></section>`)}`;
}

function Card({ template }) {
  const command = { ...BLANK, ...templateCommand(template) };
  const target = Array.isArray(template.tgt) ? template.tgt.join(",") : template.tgt;
  return html`<article class="card"><div class="row spread"><h3>${template.name}</h3>${template.key && html`<kbd>${template.key}</kbd>`}</div>
    ${template.description && template.description !== template.name && html`<p class="muted small">${template.description}</p>`}
    <pre class="command-line">${shown(template)}</pre>
    <div class="foot row spread"><span class="faint small clip">${target ? html`${t("templates.on")} <code>${target}</code>` : t(/^(runner|wheel)/.test(template.client) ? "jobs.onMaster" : "templates.noTarget")}</span>
      <a class="btn small" href=${href("/console", toQuery(command))}><${Icon} name="console" />${t("templates.use")}</a></div></article>`;
}

function grouped(items, sought, category) {
  const groups = new Map();
  for (const one of items) {
    if (category && !(one.categories ?? []).includes(category)) continue;
    if (sought && ![one.name, one.description, one.fun, ...(one.categories ?? [])].some((text) => String(text ?? "").toLowerCase().includes(sought))) continue;
    const name = category || one.categories?.[0] || "";
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups].sort(([a], [b]) => Number(a === "") - Number(b === "") || a.localeCompare(b));
}
