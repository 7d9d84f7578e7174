/** What is scheduled on many minions: asked of those that a target names, one row for each entry of each minion. */
import { html, useMemo, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { Button } from "../parts/button.js";
import { Empty, Failed, Loading, Notice } from "../parts/blank.js";
import { QueryBox } from "../parts/query.js";
import { Table } from "../parts/table.js";
import { useCommand, whyNot } from "./act.js";
import { when } from "./asked.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export function FleetSchedules({ route }) {
  const { tgt = "", q = "" } = route.query;
  const [text, setText] = useState(tgt || "*");
  const why = whyNot("local", "schedule.list");
  const asked = useCommand(tgt && !why ? { client: "local", fun: "schedule.list", tgt, tgt_type: "compound", kwarg: { return_yaml: false, show_all: true, show_disabled: true } } : null);
  const { rows, silent } = useMemo(() => rowsOf(asked.data), [asked.data]);
  const shown = rows.filter((row) => `${row.id} ${row.name} ${row.fun}`.toLowerCase().includes(q.toLowerCase()));
  const columns = useMemo(() => [
    { key: "name", label: t("schedules.name"), head: true, at: "title", cell: (row) => row.name },
    { key: "fun", label: t("jobs.fun"), width: "14rem", cell: (row) => html`<code>${row.fun}</code>` },
    { key: "when", label: t("schedules.when"), width: "12rem", cell: (row) => row.when },
    { key: "state", label: t("minion.status"), width: "6rem", at: "end", cell: (row) => (row.on ? t("schedules.on") : html`<span class="tag">${t("schedule.off")}</span>`) },
    { key: "id", label: t("minion.id"), width: "16rem", cell: (row) => html`<a href=${href(at("minions", row.id), { tab: "schedules" })}>${row.id}</a>` },
  ], []);
  const ask = (event) => {
    event.preventDefault();
    if (text.trim() === tgt) asked.again();
    else setQuery({ tgt: text.trim() });
  };
  return html`
    <form class="toolbar" onSubmit=${ask}><label class="row grow"><span class="label">${t("schedules.target")}</span><span class="grow"><input class="input mono" value=${text} spellcheck=${false} onInput=${(event) => setText(event.target.value)} /></span></label>
      <${Button} icon="refresh" why=${why} busy=${asked.loading && Boolean(tgt)} onClick=${ask}>${t("schedules.ask")}<//></form>
    ${tgt && rows.length > 0 && html`<div class="toolbar"><${QueryBox} icon="filter" label=${t("schedules.find")} placeholder=${t("schedules.find")} value=${q} onChange=${(next) => setQuery({ q: next })} wait=${120} /></div>`}
    ${silent > 0 && html`<${Notice} tone="changed">${t("schedules.silent", { n: silent })}<//>`}
    ${!tgt
      ? html`<${Empty} icon="calendar" title=${t("schedules.ask.title")}><p>${t("schedules.ask.text")}</p><//>`
      : asked.error ? html`<${Failed} error=${asked.error} onRetry=${asked.again} />`
      : asked.loading && !rows.length ? html`<${Loading} rows=${8} label=${t("asked.waiting")} />`
      : html`<section class="panel flush filler" aria-label=${t("states.schedules")}><${Table} label=${t("states.schedules")} columns=${columns} rows=${shown} rowKey=${(row) => `${row.id} ${row.name}`} empty=${html`<${Empty} icon="calendar" title=${t("schedules.none")} />`} /></section>`}`;
}

/** One row for each entry; and how many have said nothing that is a schedule. Pure. */
export function rowsOf(answer) {
  const rows = [];
  let silent = 0;
  for (const [id, value] of Object.entries(answer ?? {})) {
    if (!value || typeof value !== "object") {
      silent++;
      continue;
    }
    for (const [name, entry] of Object.entries(value.schedule ?? value)) {
      if (entry && typeof entry === "object") rows.push({ id, name, fun: String(entry.function ?? ""), when: when(entry), on: entry.enabled !== false });
    }
  }
  return { rows: rows.sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)), silent };
}
