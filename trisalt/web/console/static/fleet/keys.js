/** Keys of minions: what can be done with them, and the dialog in which one compares before one accepts. */
import { html, useState } from "../lib/ui.js";
import { useFetched } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { Button, Confirm, CopyButton, Dialog } from "../parts/controls.js";
import { compared, Failed, Fingerprint, Loading, Notice } from "../parts/facts.js";
import { attempt, Names, wheel, whyNot } from "./act.js";

/* Keys by their states, and what is asked of the wheel for them: names are names there, never patterns. */

/** States of keys in the order of what wants a person. */
export const STATES = ["pending", "denied", "rejected", "accepted"];

/** What the wheel calls them. */
export const GROUPS = { pending: "minions_pre", denied: "minions_denied", rejected: "minions_rejected", accepted: "minions" };

/** A name in which nothing is a sign of a glob. */
const plain = (id) => /^[\w.:@-]+$/.test(id);

/** Names as globs of those names alone; a comma would end one, so any letter stands for it: `key.finger` takes a list. */
const quoted = (ids) => ids.map((id) => id.replace(/[*?[]/g, "[$&]").replaceAll(",", "?")).join(",");

/**
 * The fingerprints of some keys of a state, by one question.
 * @param {string[]} ids
 * @returns {Promise<Map<string, string>>}
 */
export async function fingersOf(ids, state, signal) {
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
export function Denied({ id, act, onClose }) {
  const found = useFetched((signal) => fingersByState(id, signal), [id]);
  const { accepted, denied } = found.data ?? {};
  return html`<${Dialog} title=${t("keys.denied.title", { id })} onClose=${onClose} foot=${html`<${Button} onClick=${onClose}>${t("parts.close")}<//>
    <${Button} icon="trash" why=${whyNot("wheel", "key.delete_dict")} onClick=${() => act("delete")}>${t("keys.denied.delete")}<//>`}>
    <p>${t("keys.denied.text")}</p>
    ${!found.data
      ? found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} rows=${3} />`
      : html`<h3>${t("keys.denied.ours")}</h3>${accepted ? html`<${Fingerprint} value=${accepted} />` : html`<p class="faint">${t("keys.denied.noOurs")}</p>`}
          <h3>${t("keys.denied.theirs")}</h3>${denied && html`<${Fingerprint} value=${denied} pasted=${accepted ?? ""} />`}
          <ul class="advice"><li>${t("keys.denied.if1")}</li><li>${t("keys.denied.if2")}</li></ul>`}
  <//>`;
}
