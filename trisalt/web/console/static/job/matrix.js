/** States of all minions at once: a row for each minion, a column for each state, a symbol where they meet. */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState, vars } from "../lib/ui.js";
import { get, useFetched } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { matrix } from "../lib/results.js";
import { href } from "../lib/router.js";
import { Dialog, Icon } from "../parts/controls.js";
import { Empty, Span, Status, waiting, wordOf } from "../parts/facts.js";
import { rowsIn } from "../parts/table.js";
import { Changes } from "../parts/tree.js";
import { wordOfState } from "./result.js";

/** Height of a row in pixels: all are equal, so that those out of sight need not be drawn. */
const ROW = 32;
/** Columns that are drawn; of a run with more states those that failed or changed anything come first. */
const MOST = 120;
const SYMBOLS = { ok: "ok", changed: "changed", would: "changed", failed: "failed" };

/** @param {{returns: Map<string, any>, retry?: (ids: string[], state: any) => any}} props */
export function Matrix({ returns, retry }) {
  const { rows, columns } = useMemo(() => matrix(returns.values()), [returns, returns.size]);
  const [only, setOnly] = useState(false);
  const [open, setOpen] = useState(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [cursor, setCursor] = useState([0, 0]);
  const box = useRef(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => (watcher.disconnect(), element.removeEventListener("scroll", look));
  }, [rows.length > 0]);
  const moved = useRef(false);
  useLayoutEffect(() => {
    if (!moved.current) return;
    moved.current = false;
    box.current.querySelector("[data-cursor=true]")?.focus();
  });

  if (!rows.length) return html`<${Empty} icon="states" title=${t("job.matrix.none")}><p>${t("job.matrix.none.text")}</p><//>`;
  const loud = columns.filter(({ failed, changed }) => failed + changed > 0);
  const seen = (only ? loud : columns).slice(0, MOST);
  const drawn = rowsIn({ total: rows.length, row: ROW, ...view });
  const onKey = (event) => {
    const [row, column] = cursor;
    const to = { ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], Home: [row, 0], End: [row, seen.length - 1] }[event.key];
    if (!to) return;
    event.preventDefault();
    moved.current = true;
    const next = [Math.max(0, Math.min(to[0], rows.length - 1)), Math.max(0, Math.min(to[1], seen.length - 1))];
    const top = next[0] * ROW;
    if (top < box.current.scrollTop) box.current.scrollTop = top;
    setCursor(next);
  };
  return html`<div class="stack tight filler matrix-box">
    <div class="row spread"><p class="muted small">${t("job.matrix.says", { n: rows.length, states: columns.length })}</p>
      <label class="check"><input type="checkbox" checked=${only} disabled=${!loud.length} onChange=${(event) => setOnly(event.target.checked)} />${t("job.matrix.only")}</label></div>
    <div class="matrix-scroll grow" ref=${box} tabindex="-1">
      <table class="matrix" aria-label=${t("job.matrix.label")} aria-rowcount=${rows.length + 1}>
        <thead><tr><th scope="col" class="matrix-corner">${t("nav.minion")}</th>
          ${seen.map((one) => html`<th scope="col" key=${one.tag} title=${`${one.fun}: ${one.id}`}><span>${one.id}</span></th>`)}</tr></thead>
        <tbody onKeyDown=${onKey}>
          ${drawn.above > 0 && html`<tr class="gap" aria-hidden="true" ref=${vars({ "--gap": `${drawn.above}px` })}><td colspan=${seen.length + 1}></td></tr>`}
          ${rows.slice(drawn.first, drawn.end).map(({ id, states }, index) => {
            const row = drawn.first + index;
            return html`<tr key=${id} aria-rowindex=${row + 2}><th scope="row"><a class="mono" href=${href(at("minions", id))}>${id}</a></th>
              ${seen.map(({ tag }, column) => {
                const state = states.get(tag);
                const here = row === cursor[0] && column === cursor[1];
                if (!state) return html`<td key=${tag}><span class="faint" title=${t("job.matrix.absent")}>·</span></td>`;
                const word = wordOf(wordOfState(state.verdict));
                return html`<td key=${tag}><button type="button" class=${`matrix-cell is-${state.verdict === "would" ? "changed" : state.verdict}`} tabindex=${here ? 0 : -1} data-cursor=${here ? "true" : undefined}
                  aria-label=${`${id}, ${state.id}: ${word}`} title=${`${state.id}: ${word}`} onFocus=${() => setCursor([row, column])} onClick=${() => setOpen({ id, state })}><${Icon} name=${SYMBOLS[state.verdict]} small /></button></td>`;
              })}</tr>`;
          })}
          ${drawn.below > 0 && html`<tr class="gap" aria-hidden="true" ref=${vars({ "--gap": `${drawn.below}px` })}><td colspan=${seen.length + 1}></td></tr>`}
        </tbody>
      </table>
    </div>
    ${(only ? loud : columns).length > MOST && html`<p class="faint small">${t("job.matrix.cut", { n: MOST })}</p>`}
    ${open && html`<${One} ...${open} retry=${retry} close=${() => setOpen(null)} />`}
  </div>`;
}

function One({ id, state, retry, close }) {
  return html`<${Dialog} title=${`${state.id} · ${id}`} wide onClose=${close} foot=${retry?.([id], state)}>
    <div class="row"><${Status} state=${wordOfState(state.verdict)} /><span class="mono">${state.fun}</span>${state.name !== state.id && html`<span class="faint">${state.name}</span>`}<span class="faint"><${Span} seconds=${state.duration} /></span></div>
    <p>${state.comment}</p>
    ${Object.keys(state.changes).length > 0 && html`<${Changes} changes=${state.changes} />`}
  <//>`;
}

/** Runs and minions that a matrix of the fleet is made of: who wants others narrows the list. */
const RUNS = 60;
const MINIONS = 2000;

/**
 * The newest run of each minion, as one matrix.
 * @param {{standing: {id: string, jid: string | null}[]}} props as `GET /api/v1/compliance` tells it
 */
export function FleetMatrix({ standing }) {
  const runs = useMemo(() => {
    const found = new Map();
    for (const { id, jid } of standing) if (jid) found.set(jid, [...(found.get(jid) ?? []), id]);
    return [...found].sort(([, some], [, others]) => others.length - some.length).slice(0, RUNS);
  }, [standing]);
  const found = useFetched((signal) => returnsOf(runs, signal), [JSON.stringify(runs)]);
  if (!found.data) return waiting(found);
  return html`${found.data.size < standing.length && html`<p class="muted small">${t("compliance.matrix.some", { n: found.data.size, total: standing.length })}</p>`}
    <${Matrix} returns=${found.data} />`;
}

async function returnsOf(runs, signal) {
  const returns = new Map();
  for (const [jid, ids] of runs) {
    const wanted = new Set(ids);
    let cursor = "";
    do {
      const { items, next } = await get(`jobs/${jid}/returns`, { cursor, limit: 500 }, signal);
      for (const one of items) if (wanted.has(one.id) && !one.missing && returns.size < MINIONS) returns.set(one.id, one);
      cursor = next;
    } while (cursor && returns.size < MINIONS);
  }
  return returns;
}
