/** What there is among the minions, to be pressed: words of the query, with how many have them. */
import { html, useMemo, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { STATUSES, fieldWord, has, toggled } from "../lib/query.js";
import { session } from "../lib/session.js";
import { fleet } from "../lib/store.js";
import { Facets } from "../parts/facets.js";
import { Status } from "../parts/status.js";

const FIELDS = ["os", "version", "env", "roles"];

/** @param {{q: string, rows: any[], grains: string[], onQuery: (q: string) => void}} props */
export function MinionFacets({ q, rows, grains, onQuery }) {
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
