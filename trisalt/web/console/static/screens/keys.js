/**
 * Keys: who may come in. Those that wait stand on top with their fingerprints; letting one in shows it to be compared, and
 * letting in many wants their number typed.
 */
import { html, useEffect, useMemo, useState } from "../lib/ui.js";
import { useFetched, useOnEvents } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { natural } from "../lib/results.js";
import { href, setQuery } from "../lib/router.js";
import { Button } from "../parts/controls.js";
import { Empty, Failed, Loading, Notice, Status, toneOf } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { wheel, whyNot } from "../fleet/act.js";
import { Denied, fingersOf, GROUPS, KeyDialog, STATES } from "../fleet/keys.js";

const TELLING = /^salt\/(key|auth)(\/|$)/;

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Keys({ route }) {
  const { state: asked = "", q = "", sort = "id" } = route.query;
  const why = whyNot("wheel", "key.list_all");
  const found = useFetched(async (signal) => (why ? null : wheel("key.list_all", {}, signal)), []);
  useOnEvents(TELLING, () => why || found.again(), 1_000);
  const [picked, setPicked] = useState(new Set());
  const [doing, setDoing] = useState(null);
  const groups = useMemo(() => (found.data ? Object.fromEntries(STATES.map((state) => [state, found.data[GROUPS[state]] ?? []])) : null), [found.data]);
  // What waits comes first; with nothing waiting, those that are in.
  const state = STATES.includes(asked) ? asked : groups && !groups.pending.length ? "accepted" : "pending";
  useEffect(() => setPicked(new Set()), [state]);
  const head = html`<div class="screen-head"><div class="titles"><h1>${t("nav.keys")}</h1></div>
    <div class="actions"><${Button} icon="refresh" label=${t("act.refresh")} busy=${found.loading} onClick=${found.again} /></div></div>`;
  if (!groups) return html`<div class="screen">${head}${why ? html`<${Empty} icon="lock" title=${why} />` : found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} />`}</div>`;
  const done = () => {
    setDoing(null);
    setPicked(new Set());
    found.again();
  };
  return html`<div class="screen fill">${head}
    <div class="key-groups" role="group" aria-label=${t("keys.groups")}>${STATES.map((one) => html`<a key=${one} class="key-group" href=${href("/keys", { state: one, q })} aria-current=${one === state ? "true" : undefined}>
      <${Status} state=${one} /><b class=${groups[one].length && toneOf(one) === "failed" ? "is-failed" : ""}>${groups[one].length.toLocaleString()}</b></a>`)}</div>
    ${state === "denied" && groups.denied.length > 0 && html`<${Notice} tone="failed">${t("keys.denied.why")}<//>`}
    ${state === "pending" && groups.pending.length > 0 && html`<${Notice} tone="changed" icon="keys">${t("keys.pending.why")}<//>`}
    <div class="toolbar"><${QueryBox} main label=${t("keys.find")} placeholder=${t("keys.find")} value=${q} onChange=${(next) => setQuery({ q: next })} /></div>
    <section class="panel flush filler" aria-label=${t(`keys.${state}`)}>
      <${Group} key=${state} state=${state} ids=${groups[state]} accepted=${groups.accepted} q=${q} sort=${sort} picked=${picked} setPicked=${setPicked} act=${setDoing} />
    </section>
    ${doing?.act === "explain" && html`<${Denied} id=${doing.ids[0]} act=${(act) => setDoing({ ...doing, act })} onClose=${() => setDoing(null)} />`}
    ${doing && doing.act !== "explain" && html`<${KeyDialog} ...${doing} onDone=${done} onClose=${() => setDoing(null)} />`}
  </div>`;
}

/** What may be done with keys of a state. */
const ACTS = { pending: ["accept", "reject", "delete"], denied: ["explain", "delete"], rejected: ["accept", "delete"], accepted: ["reject", "delete"] };

function Group({ state, ids, q, sort, picked, setPicked, act }) {
  const shown = useMemo(() => {
    const sought = q.toLowerCase();
    const rows = ids.filter((id) => id.toLowerCase().includes(sought)).sort(natural);
    return (sort === "-id" ? rows.reverse() : rows).map((id) => ({ id }));
  }, [ids, q, sort]);
  const [sight, setSight] = useState(40);
  const fingers = useFingers(state, shown, sight);
  const columns = useMemo(() => columnsOf(state, fingers, act), [state, fingers]);
  const empty = html`<${Empty} icon="keys" title=${t(q ? "keys.none" : `keys.${state}.none`)}><p>${!q && state === "pending" && t("keys.pending.none.text")}</p><//>`;
  return html`${picked.size > 0 && html`<div class="bulk" role="group" aria-label=${t("keys.bulk")}><b>${t("bulk.selected", { n: picked.size })}</b>
      ${ACTS[state].filter((one) => one !== "explain").map((one) => html`<${Button} key=${one} small icon=${ICONS[one]} why=${whyNot("wheel", `key.${one}_dict`)} onClick=${() => act({ act: one, state, ids: [...picked] })}>${t(`keys.${one}`)}<//>`)}
      <span class="grow"></span><${Button} small kind="quiet" icon="close" label=${t("bulk.none")} onClick=${() => setPicked(new Set())} /></div>`}
    <${Table} label=${t(`keys.${state}`)} columns=${columns} rows=${shown} rowKey=${(row) => row.id} sort=${sort} onSort=${(next) => setQuery({ sort: next === "id" ? "" : next })}
      selected=${picked} onSelect=${setPicked} onNeed=${setSight} empty=${empty} />`;
}

const ICONS = { accept: "check", reject: "close", delete: "trash", explain: "info" };

function columnsOf(state, fingers, act) {
  return [
    { key: "id", label: t("minion.id"), sort: "id", head: true, at: "title", cell: ({ id }) => (state === "accepted" ? html`<a href=${href(at("minions", id))}>${id}</a>` : html`<button type="button" class="linkish quiet strong clip" onClick=${() => act({ act: state === "denied" ? "explain" : "accept", state, ids: [id] })}>${id}</button>`) },
    { key: "finger", label: t("parts.fingerprint"), width: "22rem", drop: 1, cell: ({ id }) => html`<span class="finger-line" title=${fingers.get(id)}>${short(fingers.get(id))}</span>` },
    { key: "acts", label: t("keys.acts"), width: state === "pending" ? "18.5rem" : "13rem", at: "end", cell: ({ id }) => html`<span class="row tight nowrap-row">${ACTS[state].map((one) => html`<${Button} key=${one} small kind=${one === "accept" ? undefined : "quiet"} icon=${ICONS[one]} why=${one === "explain" ? null : whyNot("wheel", `key.${one}`)}
      aria-label=${t("keys.one", { act: t(`keys.${one}`), id })} onClick=${() => act({ act: one, state, ids: [id] })}><span class="wide-only">${t(`keys.${one}`)}</span><//>`)}</span>` },
  ];
}

/** The first and the last groups: enough to tell two apart, not enough to be taken for the whole. */
const short = (finger) => (finger ? `${finger.slice(0, 23)} … ${finger.slice(-11)}` : "");

/** Fingerprints of the rows in sight, asked for as they come. */
function useFingers(state, rows, end) {
  const [known, setKnown] = useState(new Map());
  const may = whyNot("wheel", "key.finger") === null;
  const wanted = rows.slice(Math.max(0, end - 80), end).map((row) => row.id).filter((id) => !known.has(id));
  useEffect(() => {
    if (!may || !wanted.length) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      const found = await fingersOf(wanted, state, controller.signal).catch(() => new Map());
      if (!controller.signal.aborted) setKnown((before) => new Map([...before, ...wanted.map((id) => [id, found.get(id) ?? ""])]));
    }, 120);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [wanted.join("\n")]);
  return known;
}
