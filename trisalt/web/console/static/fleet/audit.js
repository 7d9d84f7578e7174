/** Audit: who signed in, who ran what, and what was refused, newest first. */
import { html, useMemo } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { Empty, Failed, Loading } from "../parts/blank.js";
import { Button } from "../parts/button.js";
import { QueryBox } from "../parts/query.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";
import { whyNotIn } from "./act.js";
import { usePages } from "./pages.js";

const PLAIN = new Set(["at", "kind", "user", "eauth", "address"]);

/** What else a line says, in few words. Pure. */
export function detail(line) {
  return Object.entries(line).filter(([key]) => !PLAIN.has(key)).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join("  ");
}

/** Whether a line tells of something that was not let through. */
const bad = ({ kind, result }) => /fail|refus|denied/.test(kind) || (result !== undefined && result !== "ok" && result !== true);

/** @param {{route: import("../lib/router.js").Route}} props */
export function Audit({ route }) {
  const { q = "", kind = "" } = route.query;
  const why = whyNotIn("audit");
  const list = usePages("audit", {}, { first: 200, size: 500, skip: Boolean(why) });
  const kinds = useMemo(() => [...new Set(list.rows.map((one) => one.kind))].sort(), [list.rows]);
  const sought = q.toLowerCase();
  const narrowed = Boolean(sought || kind);
  const rows = useMemo(() => list.rows.map((one, n) => ({ ...one, n })).filter((one) => (!kind || one.kind === kind) && (!sought || JSON.stringify(one).toLowerCase().includes(sought))), [list.rows, sought, kind]);
  const columns = useMemo(() => [
    { key: "at", label: t("audit.at"), width: "11rem", cell: (one) => html`<${Time} at=${one.row.at} date />` },
    { key: "kind", label: t("audit.kind"), width: "11rem", at: "end", cell: (one) => html`<span class=${bad(one.row) ? "is-failed strong" : ""}>${one.row.kind}</span>` },
    { key: "user", label: t("jobs.user"), width: "10rem", head: true, at: "title", cell: (one) => one.row.user ?? "–" },
    { key: "address", label: t("minion.address"), width: "10rem", drop: 1, cell: (one) => html`<span class="mono small">${one.row.address ?? ""}</span>` },
    { key: "detail", label: t("audit.detail"), cell: (one) => html`<span class="mono small" title=${detail(one.row)}>${detail(one.row)}</span>` },
  ], []);
  if (why) return html`<${Empty} icon="lock" title=${why} />`;
  if (list.error && !list.rows.length) return html`<${Failed} error=${list.error} onRetry=${list.again} />`;
  if (list.loading && !list.rows.length) return html`<${Loading} rows=${10} />`;
  const shown = rows.map(({ n, ...row }) => ({ n, row }));
  // What is narrowed here is all that is loaded; a list that is not can grow by scrolling.
  return html`<div class="toolbar"><${QueryBox} main label=${t("audit.find")} placeholder=${t("audit.find")} value=${q} onChange=${(next) => setQuery({ q: next })} />
      <select class="select auto" aria-label=${t("audit.kind")} value=${kind} onChange=${(event) => setQuery({ kind: event.target.value })}><option value="">${t("audit.all")}</option>${kinds.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>
      <${Button} icon="refresh" busy=${list.loading} label=${t("act.refresh")} onClick=${list.again} /></div>
    <section class="panel flush filler" aria-label=${t("admin.audit")}>
      <${Table} label=${t("admin.audit")} columns=${columns} rows=${shown} total=${narrowed ? shown.length : list.total} rowKey=${(one) => String(one.n)} onNeed=${narrowed ? undefined : list.need} empty=${html`<${Empty} icon="admin" title=${t("audit.none")} />`} />
      ${narrowed && !list.done && html`<div class="table-foot">${t("audit.part", { n: list.rows.length })}<button type="button" class="linkish" onClick=${() => list.need(list.rows.length)}>${t("audit.older")}</button></div>`}
    </section>`;
}
