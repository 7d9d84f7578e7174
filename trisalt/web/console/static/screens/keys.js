/**
 * Keys: who may come in. Those that wait stand on top with their fingerprints; letting one in shows it to be compared, and
 * letting in many wants their number typed.
 */
import { html, useEffect, useMemo, useState } from "../lib/ui.js";
import { useFetched, useOnEvents } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { natural } from "../lib/results.js";
import { href, setQuery } from "../lib/router.js";
import { Button, Confirm, CopyButton, Dialog } from "../parts/controls.js";
import { compared, Empty, Failed, Fingerprint, Loading, Notice, Status, toneOf, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { attempt, Names, wheel, whyNot } from "../fleet/act.js";

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
  if (!groups) return html`<div class="screen">${head}${why ? html`<${Empty} icon="lock" title=${why} />` : waiting(found)}</div>`;
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

/* Keys of minions: what can be done with them, and the dialog in which one compares before one accepts. */

/* Keys by their states, and what is asked of the wheel for them: names are names there, never patterns. */

/** States of keys in the order of what wants a person. */
const STATES = ["pending", "denied", "rejected", "accepted"];

/** What the wheel calls them. */
const GROUPS = { pending: "minions_pre", denied: "minions_denied", rejected: "minions_rejected", accepted: "minions" };

/** A name in which nothing is a sign of a glob. */
const plain = (id) => /^[\w.:@-]+$/.test(id);

/** Names as globs of those names alone; a comma would end one, so any letter stands for it: `key.finger` takes a list. */
const quoted = (ids) => ids.map((id) => id.replace(/[*?[]/g, "[$&]").replaceAll(",", "?")).join(",");

/**
 * The fingerprints of some keys of a state, by one question.
 * @param {string[]} ids
 * @returns {Promise<Map<string, string>>}
 */
async function fingersOf(ids, state, signal) {
  const found = (await wheel("key.finger", { match: quoted(ids) }, signal))?.[GROUPS[state]] ?? {};
  return new Map(ids.map((id) => [id, found[id] ?? ""]));
}

/** All fingerprints that a name has: by state. @returns {Promise<Record<string, string>>} */
async function fingersByState(id, signal) {
  const found = await wheel("key.finger", { match: quoted([id]) }, signal);
  return Object.fromEntries(STATES.map((state) => [state, found?.[GROUPS[state]]?.[id]]).filter(([, finger]) => finger));
}

/**
 * Accept, reject or delete keys of one state. One that has a plain name is named by the function that rules know best.
 * @param {"accept" | "reject" | "delete"} act @param {string} state @param {string[]} ids
 */
function change(act, state, ids) {
  const others = act === "delete" ? {} : { ...(state === "rejected" ? { include_rejected: true } : {}), ...(state === "accepted" ? { include_accepted: true } : {}), ...(state === "denied" ? { include_denied: true } : {}) };
  // Deleting by name alone would take the accepted key of that name too.
  if (ids.length === 1 && plain(ids[0]) && act !== "delete") return wheel(`key.${act}`, { match: ids[0], ...others });
  return wheel(`key.${act}_dict`, { match: { [GROUPS[state]]: ids }, ...others });
}

/* The dialogs about keys: accepting one by its fingerprint, many by their number; rejecting and deleting; why one was denied. */

/** @param {{act: "accept" | "reject" | "delete", state: string, ids: string[], onDone: () => void, onClose: () => void}} props */
export function KeyDialog({ act, state, ids, onDone, onClose }) {
  const n = ids.length;
  const yes = async () => {
    if (await attempt(() => change(act, state, ids), t(`keys.did.${act}`, { n }))) onDone();
  };
  if (act === "accept" && n === 1) return html`<${Accept} id=${ids[0]} state=${state} yes=${yes} onClose=${onClose} />`;
  return html`<${Confirm} title=${t(`keys.${act}.sure`, { n })} verb=${t(`keys.${act}.verb`, { n })} danger=${act !== "accept"} typed=${n > 1 ? String(n) : undefined} onYes=${yes} onClose=${onClose}>
    <p>${t(act === "delete" && state === "denied" ? "keys.delete.denied" : `keys.${act}.text`)}</p><${Names} ids=${ids} /><//>`;
}

/** One key: its fingerprint is seen before it is let in, and held against the minion's own where that is pasted. */
function Accept({ id, state, yes, onClose }) {
  const found = useFetched((signal) => fingersByState(id, signal), [id]);
  const [pasted, setPasted] = useState("");
  const [busy, setBusy] = useState(false);
  const finger = found.data?.[state];
  const same = finger ? compared(finger, pasted) : null;
  const why = whyNot("wheel", "key.accept") ?? (finger ? (same === false ? t("keys.differs") : null) : found.loading ? t("parts.loading") : t("keys.gone"));
  const go = async () => {
    if (why || busy) return;
    setBusy(true);
    await yes();
    setBusy(false);
  };
  return html`<${Dialog} title=${t("keys.accept.one", { id })} onClose=${onClose} onSubmit=${go}
    foot=${html`<${Button} onClick=${onClose}>${t("parts.cancel")}<//><${Button} kind="primary" icon="check" busy=${busy} why=${why} onClick=${go}>${t("keys.accept")}<//>`}>
    <p>${t("keys.compare")}</p>
    ${finger
      ? html`<${Fingerprint} value=${finger} pasted=${pasted} />
          <div class="row"><code class="small">salt-call --local key.finger</code><${CopyButton} text="salt-call --local key.finger" label=${t("keys.copied")} /></div>
          <label class="field"><span class="label">${t("keys.paste")}</span>
            <input class="input mono" value=${pasted} spellcheck=${false} autocomplete="off" aria-invalid=${same === false ? "true" : undefined} aria-describedby="key-same" onInput=${(event) => setPasted(event.target.value)} /></label>
          <div id="key-same" role="status">${same === true && html`<${Notice} tone="ok">${t("keys.same")}<//>`}${same === false && html`<${Notice} tone="failed">${t("keys.different")}<//>`}</div>`
      : found.error
        ? html`<${Failed} error=${found.error} onRetry=${found.again} />`
        : found.loading
          ? html`<${Loading} rows=${2} />`
          : html`<p>${t("keys.gone")}</p>`}
  <//>`;
}

/** Why a key was denied: beside the one that is accepted under the same name, and what can be done. */
function Denied({ id, act, onClose }) {
  const found = useFetched((signal) => fingersByState(id, signal), [id]);
  const { accepted, denied } = found.data ?? {};
  return html`<${Dialog} title=${t("keys.denied.title", { id })} onClose=${onClose} foot=${html`<${Button} onClick=${onClose}>${t("parts.close")}<//>
    <${Button} icon="trash" why=${whyNot("wheel", "key.delete_dict")} onClick=${() => act("delete")}>${t("keys.denied.delete")}<//>`}>
    <p>${t("keys.denied.text")}</p>
    ${!found.data
      ? waiting(found, 3)
      : html`<h3>${t("keys.denied.ours")}</h3>${accepted ? html`<${Fingerprint} value=${accepted} />` : html`<p class="faint">${t("keys.denied.noOurs")}</p>`}
          <h3>${t("keys.denied.theirs")}</h3>${denied && html`<${Fingerprint} value=${denied} pasted=${accepted ?? ""} />`}
          <ul class="advice"><li>${t("keys.denied.if1")}</li><li>${t("keys.denied.if2")}</li></ul>`}
  <//>`;
}
