/** Compliance: what the newest highstate of each minion came to, and having it looked at anew. */
import { html, useMemo, useState, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { session } from "../lib/session.js";
import { Button } from "../parts/button.js";
import { Empty, Failed, Loading } from "../parts/blank.js";
import { Confirm } from "../parts/dialog.js";
import { QueryBox } from "../parts/query.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";
import { start, whyNot } from "./act.js";
import { Names, low } from "./bulk.js";
import { useOnEvents, usePages } from "./pages.js";

const STATES = ["failed", "would_change", "unknown", "in"];
const TELLING = /^(salt\/job\/\d+\/ret\/|trisalt\/job\/\d+\/settled|salt\/key)/;

/** @param {{route: import("../lib/router.js").Route}} props */
export function Compliance({ route }) {
  const { state = "", q = "", row = "" } = route.query;
  const { confirm_above: above = 50 } = useSignal(session) ?? {};
  const list = usePages("compliance", { state }, { first: 200, all: true });
  useOnEvents(TELLING, list.again, 5_000);
  const [picked, setPicked] = useState(new Set());
  const [asked, setAsked] = useState(null);
  const counts = list.extra.counts ?? {};
  const rows = useMemo(() => list.rows.filter(({ id }) => id.toLowerCase().includes(q.toLowerCase())), [list.rows, q]);
  const columns = useMemo(columnsOf, []);
  const ids = picked.size ? [...picked] : rows.map((one) => one.id);
  const why = whyNot("local", "state.highstate") ?? (ids.length ? null : t("compliance.nobody"));
  const check = () => {
    setAsked(null);
    return start(low("test", ids), t("compliance.check"));
  };
  if (!list.rows.length && !state && list.error) return html`<${Failed} error=${list.error} onRetry=${list.again} />`;
  return html`
    <div class="key-groups" role="group" aria-label=${t("compliance.groups")}>${STATES.map((one) => html`<button type="button" key=${one} class="key-group" aria-pressed=${String(one === state)} onClick=${() => { setPicked(new Set()); setQuery({ state: one === state ? "" : one, row: "" }); }}>
      <${Status} state=${one} /><b>${(counts[one] ?? 0).toLocaleString()}</b></button>`)}</div>
    <${Share} counts=${counts} />
    <div class="toolbar"><${QueryBox} main label=${t("minions.find")} placeholder=${t("minions.find")} value=${q} onChange=${(next) => setQuery({ q: next, row: "" })} />
      <${Button} icon="eye" why=${why} onClick=${() => (ids.length > above ? setAsked(ids) : check())}>${picked.size ? t("compliance.checkSome", { n: picked.size }) : t("compliance.check")}<//>
      <a class="btn" href=${href("/console", { tgt: "*", fun: "schedule.add", arg: "compliance function=state.highstate job_kwargs='{test: true}' minutes=60" })}>${t("compliance.schedule")}</a></div>
    <section class="panel flush filler" aria-label=${t("states.compliance")}>
      ${!list.rows.length && list.loading
        ? html`<${Loading} rows=${10} />`
        : html`<${Table} label=${t("states.compliance")} columns=${columns} rows=${rows} rowKey=${(one) => one.id} selected=${picked} onSelect=${setPicked} first=${Number(row) || 0}
            empty=${html`<${Empty} icon="states" title=${t(state || q ? "minions.none" : "compliance.none")}>${!state && !q && html`<p>${t("compliance.none.text")}</p>`}<//>`} />`}
    </section>
    ${asked && html`<${Confirm} title=${t("bulk.sure", { title: t("do.test"), n: asked.length })} verb=${t("do.test")} onYes=${check} onClose=${() => setAsked(null)}><p>${t("highstate.none.text")}</p><${Names} ids=${asked} /><//>`}`;
}

/** The whole as one bar: how much of the fleet is as it should be. */
function Share({ counts }) {
  const total = STATES.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  if (!total) return null;
  const share = Math.floor((100 * (counts.in ?? 0)) / total);
  let x = 0;
  const piece = (state, tone) => {
    const width = (100 * (counts[state] ?? 0)) / total;
    x += width;
    return width > 0 && html`<rect class=${`p-${tone}`} x=${x - width} width=${width} height="6" />`;
  };
  return html`<div class="progress" role="img" aria-label=${t("compliance.share", { share })}><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${piece("in", "ok")}${piece("would_change", "changed")}${piece("failed", "failed")}${piece("unknown", "missing")}</svg>
    <span class="note">${t("compliance.share", { share })}</span></div>`;
}

function columnsOf() {
  return [
    { key: "id", label: t("minion.id"), head: true, at: "title", cell: (one) => html`<a href=${href(at("states", "compliance", one.id))}>${one.id}</a>` },
    { key: "state", label: t("minion.status"), width: "10rem", at: "end", cell: (one) => html`<${Status} state=${one.state} />` },
    { key: "changes", label: t("compliance.changes"), width: "9rem", num: true, cell: (one) => (one.changes ? html`<span class="is-changed">${t("compliance.nChanges", { n: one.changes })}</span>` : html`<span class="faint none">–</span>`) },
    { key: "failed", label: t("compliance.failed"), width: "8rem", num: true, cell: (one) => (one.failed ? html`<span class="is-failed">${t("compliance.nFailed", { n: one.failed })}</span>` : html`<span class="faint none">–</span>`) },
    { key: "at", label: t("compliance.at"), width: "11rem", drop: 1, cell: (one) => (one.jid ? html`<a href=${href(at("jobs", one.jid))}><${Time} at=${one.at} ago /></a>` : html`<span class="faint">${t("compliance.never")}</span>`) },
  ];
}
