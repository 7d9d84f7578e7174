/**
 * All minions: ten thousand rows without pages, narrowed by a query that stands in the address, and what is done to many.
 */
import { html, useEffect, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { useOnEvents, usePages } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { compound, fieldWord, has, parse, QueryError, STATUSES, toggled } from "../lib/query.js";
import { save, toCsv } from "../lib/results.js";
import { href, setQuery } from "../lib/router.js";
import { prefer, prefs, session } from "../lib/session.js";
import { fleet } from "../lib/store.js";
import { Button, CopyButton, Dialog, Menu } from "../parts/controls.js";
import { Empty, Failed, Loading, Status, Time } from "../parts/facts.js";
import { Facets, QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { Bulk } from "../fleet/act.js";

/** Events after which the list is another one, and how often it is fetched for them at most (ms). */
const TELLING = /^(salt\/(minion|presence|key|auth)|trisalt\/minion)(\/|$)/;
const PACE = 5_000;
/** Columns that are there as long as nobody has chosen. */
const USUAL = ["status", "address", "os", "version", "seen", "highstate"];
const SORTS = { id: "id", status: "status", address: "address", os: "os", version: "version", seen: "last_seen" };
/** Grains that are asked for besides those that are columns: facets are made of them. */
const ASKED = ["env", "roles"];

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Minions({ route }) {
  const { q = "", sort = "id", row = "" } = route.query;
  const { columns: chosen = {} } = useSignal(prefs);
  const grains = chosen.grains ?? [];
  const understood = useMemo(() => understand(q), [q]);
  // What cannot be read is not sent: what was found before stays.
  const list = usePages("minions", { q, sort, fields: [...new Set([...grains, ...ASKED])].join(",") }, { all: true, skip: Boolean(understood.error) });
  useOnEvents(TELLING, list.again, PACE);
  const [picked, setPicked] = useState(new Set());
  const [naming, setNaming] = useState(false);
  const columns = useMemo(() => columnsOf(chosen.minions ?? USUAL, grains), [chosen]);
  const rest = useRef(0);
  useEffect(() => () => clearTimeout(rest.current), []);
  const remember = (index) => {
    clearTimeout(rest.current);
    rest.current = setTimeout(() => setQuery({ row: index > 2 ? index : "" }), 400);
  };
  const ask = (next) => {
    clearTimeout(rest.current);
    // What is no longer in sight is not to be acted on.
    setPicked(new Set());
    setQuery({ q: next, row: "" });
  };
  const empty = q
    ? html`<${Empty} icon="search" title=${t("minions.none")}><p>${t("minions.none.text")}</p><${Button} onClick=${() => ask("")}>${t("minions.all")}<//><//>`
    : html`<${Empty} icon="minions" title=${t("minions.empty")}><p>${t("minions.empty.text")}</p><//>`;
  return html`<div class="screen fill">
    <div class="screen-head">
      <div class="titles"><h1>${t("nav.minions")}</h1></div>
      <div class="actions"><${Columns} shown=${chosen.minions ?? USUAL} grains=${grains} name=${() => setNaming(true)} />
        <${Button} icon="download" label=${t("minions.csv")} why=${list.rows.length ? null : t("minions.none")} onClick=${() => save("minions.csv", csvOf(list.rows, chosen.minions ?? USUAL, grains), "text/csv")} />
        <${Button} icon="refresh" label=${t("act.refresh")} busy=${list.loading} onClick=${list.again} /></div>
    </div>
    <div class="split filler">
      <${MinionFacets} q=${q} rows=${list.rows} grains=${grains} onQuery=${ask} />
      <div class="body">
        <${QueryBox} main value=${q} onChange=${ask} label=${t("minions.find")} placeholder=${t("minions.placeholder")}
          error=${understood.error ?? (list.error?.status === 400 ? list.error.message : undefined)} note=${html`<${Note} q=${q} list=${list} target=${understood.target} />`} />
        <section class="panel flush grow" aria-label=${t("nav.minions")}>
          ${picked.size > 0 && html`<${Bulk} ids=${[...picked]} onDone=${() => setPicked(new Set())} />`}
          ${understood.error && !list.rows.length
            ? html`<${Empty} icon="search" title=${understood.error} />`
            : list.error && !list.rows.length
            ? html`<${Failed} error=${list.error} onRetry=${list.again} />`
            : !list.rows.length && list.loading
              ? html`<${Loading} rows=${12} />`
              : html`<${Table} label=${t("nav.minions")} columns=${columns} rows=${list.rows} total=${list.total} rowKey=${idOf} sort=${sort}
                  onSort=${(next) => setQuery({ sort: next === "id" ? "" : next, row: "" })} selected=${picked} onSelect=${setPicked} onNeed=${list.need}
                  first=${Number(row) || 0} onFirst=${remember} empty=${empty} />`}
        </section>
      </div>
    </div>
    ${naming && html`<${GrainColumn} grains=${grains} onClose=${() => setNaming(false)} />`}
  </div>`;
}

const idOf = (row) => row.id;

/** What a query means before it is sent: what is wrong with it, or the target that is the same. */
function understand(q) {
  try {
    return { target: compound(parse(q)), error: undefined };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { target: null, error: t("query.at", { reason: t(error.reason), n: error.at + 1 }) };
  }
}

function Note({ q, list, target }) {
  const count = html`<span>${t("command.preview.n", { n: list.total })}</span>`;
  if (!q || !list.total) return count;
  if (target === null) return html`${count}<span class="faint">${t("minions.noTarget")}</span>`;
  return html`${count}
    <span class="row tight">${t("minions.target")} <code>${target}</code><${CopyButton} text=${target} label=${t("minions.targetCopied")} /></span>
    <a href=${href("/console", { type: "compound", tgt: target })}>${t("minions.runOn")}</a>`;
}

function columnsOf(shown, grains) {
  const all = {
    status: { label: t("minion.status"), width: "7.25rem", at: "end", cell: (row) => html`<${Status} state=${row.status} />` },
    address: { label: t("minion.address"), width: "9rem", drop: 2, cell: (row) => html`<span class="mono">${row.address}</span>` },
    os: { label: t("minion.os"), width: "8.5rem", drop: 1, cell: (row) => [row.os, row.osrelease].filter(Boolean).join(" ") },
    version: { label: t("minion.version"), width: "6rem", drop: 3, cell: (row) => row.version },
    seen: { label: t("minion.seen"), width: "6.5rem", drop: 3, at: "hide", cell: (row) => html`<${Time} at=${row.last_seen} ago />` },
    highstate: { label: t("minion.highstate"), width: "9.75rem", drop: 1, at: "hide", cell: lastHighstate },
  };
  return [
    { key: "id", label: t("minion.id"), sort: "id", head: true, at: "title", cell: (row) => html`<a href=${href(at("minions", row.id))}>${row.id}</a>` },
    ...shown.filter((key) => key in all).map((key) => ({ key, sort: SORTS[key], ...all[key] })),
    ...grains.map((name) => ({ key: `grain ${name}`, label: name, width: "9rem", drop: 2, cell: (row) => grain(row.grains?.[name]) })),
  ];
}

/** What is shown, as a table for others. */
function csvOf(rows, shown, grains) {
  const of = { seen: "last_seen" };
  const value = (row, key) => (key === "highstate" ? row.highstate?.state : key === "os" ? [row.os, row.osrelease].filter(Boolean).join(" ") : row[of[key] ?? key]);
  return toCsv(["id", ...shown, ...grains], rows.map((row) => [row.id, ...shown.map((key) => value(row, key)), ...grains.map((name) => row.grains?.[name])]));
}

function lastHighstate({ highstate: last }) {
  if (!last) return html`<span class="faint none">–</span>`;
  return html`<a class="row tight" href=${href(at("jobs", last.jid))}><${Status} state=${last.state} /><span class="faint small"><${Time} at=${last.at} ago /></span></a>`;
}

function grain(value) {
  if (value === null || value === undefined) return html`<span class="faint none">–</span>`;
  return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Which columns there are: kept with the preferences. */
function Columns({ shown, grains, name }) {
  const keep = (patch) => prefer({ columns: { ...prefs.peek().columns, ...patch } });
  const turn = (key) => keep({ minions: USUAL.filter((one) => (one === key ? !shown.includes(key) : shown.includes(one))) });
  return html`<${Menu} icon="columns" label=${t("minions.columns")} end items=${[
    ...USUAL.map((key) => ({ label: t(`minion.${key}`), checked: shown.includes(key), onPick: () => turn(key) })),
    grains.length > 0 && { heading: t("minion.tab.grains") },
    ...grains.map((one) => ({ label: one, checked: true, onPick: () => keep({ grains: grains.filter((each) => each !== one) }) })),
    null,
    { label: t("minions.addGrain"), icon: "plus", onPick: name },
  ]} />`;
}

function GrainColumn({ grains, onClose }) {
  const [text, setText] = useState("");
  const name = text.trim();
  const add = () => {
    if (name && !grains.includes(name)) prefer({ columns: { ...prefs.peek().columns, grains: [...grains, name].slice(-8) } });
    onClose();
  };
  return html`<${Dialog} title=${t("minions.addGrain")} onClose=${onClose} onSubmit=${add}
    foot=${html`<${Button} onClick=${onClose}>${t("parts.cancel")}<//><${Button} kind="primary" onClick=${add}>${t("minions.add")}<//>`}>
    <label class="field"><span class="label">${t("minions.grainName")}</span>
      <input class="input mono" value=${text} spellcheck=${false} autocomplete="off" placeholder="ip4_interfaces.eth0" onInput=${(event) => setText(event.target.value)} /></label>
    <p class="hint">${t("minions.grainHint")}</p>
  <//>`;
}

/* What there is among the minions, to be pressed: words of the query, with how many have them. */

const FIELDS = ["os", "version", "env", "roles"];

/** @param {{q: string, rows: any[], grains: string[], onQuery: (q: string) => void}} props */
function MinionFacets({ q, rows, grains, onQuery }) {
  const numbers = useSignal(fleet);
  const who = useSignal(session);
  const facets = useMemo(() => {
    const fields = [...new Set([...FIELDS, ...grains])];
    return [statuses(q, rows, numbers), groups(q, who), ...fields.map((field) => values(field, q, rows, numbers))];
  }, [q, rows, grains, numbers, who]);
  return html`<${Facets} label=${t("minions.filters")} facets=${facets} onToggle=${(_facet, word, on) => onQuery(toggled(q, word, on))} />`;
}

function statuses(q, rows, numbers) {
  const counts = tally(rows, (row) => [row.status]);
  const all = [...STATUSES]
    .map((state) => ({ value: state, text: html`<${Status} state=${state} />`, n: counts.get(state), on: has(q, state) }));
  // Where one is chosen, the rows say nothing of the others: what the whole fleet has can be chosen in its place.
  const chosen = all.some((item) => item.on);
  const items = all.filter((item) => item.n || item.on || (chosen && (numbers?.minions?.[item.value] || numbers?.keys?.[item.value])));
  return { key: "status", title: t("minion.status"), items };
}

/** The node groups of the configuration. Who is in them, the master says when one is chosen. */
function groups(q, who) {
  const items = (who?.features?.nodegroups ?? []).map((name) => ({ value: `N@${name}`, text: name, on: has(q, `N@${name}`) }));
  return { key: "nodegroup", title: t("minion.nodegroup"), items };
}

/** Those that the rows have; and where one is chosen, what else the whole fleet has of it, without a number. */
function values(field, q, rows, numbers) {
  const read = field === "os" || field === "version" ? (row) => [row[field]] : (row) => [row.grains?.[field]].flat();
  const counts = tally(rows, read);
  const chosen = [...counts.keys()].some((value) => has(q, fieldWord(field, value)));
  const others = chosen ? ({ os: numbers?.os, version: numbers?.versions }[field] ?? []).map((one) => one.name).filter((name) => name && !counts.has(name)) : [];
  const items = [...counts, ...others.map((name) => [name, undefined])]
    .map(([value, n]) => ({ value: fieldWord(field, value), text: value, n, on: has(q, fieldWord(field, value)) }))
    .sort((a, b) => Number(b.on) - Number(a.on) || (b.n ?? 0) - (a.n ?? 0) || (a.text < b.text ? -1 : 1));
  // A grain that is another one on each minion is no facet.
  return { key: field, title: t(`minion.${field}`) === `minion.${field}` ? field : t(`minion.${field}`), items: items.length > 60 ? [] : items };
}

function tally(rows, read) {
  const counts = new Map();
  for (const row of rows) for (const value of read(row)) if (typeof value === "string" && value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
