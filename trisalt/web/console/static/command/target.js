/** Whom a command is for: the format, the target, and at once which minions these are. */
import { html, useEffect, useState } from "../lib/ui.js";
import { get, post } from "../lib/api.js";
import { FORMATS } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { best } from "../lib/query.js";
import { href } from "../lib/router.js";
import { session } from "../lib/session.js";
import { Button, Dialog, Icon } from "../parts/controls.js";
import { reasonOf } from "../parts/facts.js";
import { Combo } from "../parts/fields.js";

/** Milliseconds of rest before the server is asked whom a target means. */
const REST = 200;

/** @typedef {{ids: string[], total: number, up: number, down: number, allowed: boolean | null, because: string}} Preview */

/** Which minions a target means, now. @param {{tgt: string, tgt_type: string, fun?: string}} command @param {AbortSignal} [signal] @returns {Promise<Preview>} */
export function matched({ tgt, tgt_type, fun }, signal) {
  return post("target/preview", { tgt, tgt_type, ...(fun ? { fun } : {}) }, signal);
}

/**
 * Which minions a target means, asked when typing rests.
 * @returns {{preview: Preview | null, error: string, stale: boolean}}
 */
export function usePreview({ tgt, tgt_type, fun }) {
  const [state, setState] = useState({ preview: /** @type {Preview | null} */ (null), error: "", of: "" });
  const of = JSON.stringify([tgt, tgt_type, fun]);
  useEffect(() => {
    if (!tgt) return setState({ preview: null, error: "", of });
    const controller = new AbortController();
    const timer = setTimeout(() => {
      matched({ tgt, tgt_type, fun }, controller.signal).then(
        (preview) => controller.signal.aborted || setState({ preview, error: "", of }),
        (error) => controller.signal.aborted || setState({ preview: null, error: reasonOf(error), of }),
      );
    }, REST);
    return () => (clearTimeout(timer), controller.abort());
  }, [of]);
  return { ...state, stale: state.of !== of };
}

const PLACEHOLDERS = {
  glob: "web*",
  compound: "G@os:Debian and web*",
  list: "web1,web2,db1",
  grain: "os:Debian",
  grain_pcre: "os:(Debian|Ubuntu)",
  pcre: "web\\d+",
  pillar: "role:web",
  pillar_pcre: "role:web.*",
  pillar_exact: "role:web",
  nodegroup: "webservers",
  ipcidr: "10.0.0.0/24",
  range: "%cluster",
  data: "role:web",
};

/** @param {{command: import("../lib/command.js").Command, patch: Function, found: ReturnType<typeof usePreview>}} props */
export function Target({ command, patch, found }) {
  const [listed, setListed] = useState(false);
  const { tgt, tgt_type } = command;
  return html`<div class="command-row">
    <label class="field command-format"><span class="label">${t("command.format")}</span>
      <select class="select" value=${tgt_type} onChange=${(event) => patch({ tgt_type: event.target.value })}>
        ${Object.keys(FORMATS).map((name) => html`<option key=${name} value=${name} selected=${name === tgt_type}>${t(`format.${name}`)}</option>`)}
      </select>
    </label>
    <div class="field grow"><label class="label" for="command-target">${t("command.target")}</label>
      <${Combo} name="command-target" mono value=${tgt} onInput=${(value) => patch({ tgt: value })} suggest=${suggestFor(tgt_type)} placeholder=${PLACEHOLDERS[tgt_type]} invalid=${Boolean(found.error)} describedby="command-preview" />
    </div>
    <div class="command-preview" id="command-preview" role="status" aria-busy=${String(found.stale)}>
      <${Preview} found=${found} list=${() => setListed(true)} />
    </div>
    ${listed && found.preview && html`<${Listed} preview=${found.preview} close=${() => setListed(false)} />`}
  </div>`;
}

function Preview({ found: { preview, error }, list }) {
  if (error) return html`<span class="hint error"><${Icon} name="warning" />${error}</span>`;
  if (!preview) return html`<span class="faint">${t("command.preview.none")}</span>`;
  const { total, down } = preview;
  if (!total) return html`<span class="is-changed">${t("command.preview.nobody")}</span>`;
  return html`<span aria-hidden="true" class="faint">→</span>
    <b>${t("command.preview.n", { n: total })}</b>
    ${down > 0 && html`<span class="is-changed">${t("command.preview.down", { n: down })}</span>`}
    <${Button} small kind="quiet" onClick=${list}>${t("command.preview.list")}<//>`;
}

function Listed({ preview, close }) {
  return html`<${Dialog} title=${t("command.preview.n", { n: preview.total })} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("help.close")}<//>`}>
    <${Names} preview=${preview} />
  <//>`;
}

/** The names of who is meant, as many as the server told. @param {{preview: Preview}} props */
export function Names({ preview: { ids, total } }) {
  return html`<ul class="names">${ids.map((id) => html`<li key=${id}><a class="mono" href=${href(at("minions", id))}>${id}</a></li>`)}</ul>
    ${total > ids.length && html`<p class="muted">${t("command.preview.more", { n: total - ids.length })}</p>`}`;
}

/** Names of minions, for the formats that have such; of a list the last one. */
function suggestFor(format) {
  return async (text, signal) => {
    if (format === "nodegroup") {
      const names = session.peek()?.features?.nodegroups ?? [];
      return best(text, names, (name) => name, 12).map((value) => ({ value }));
    }
    if (!["glob", "list", "compound"].includes(format)) return [];
    const cut = format === "glob" ? 0 : Math.max(text.lastIndexOf(","), text.lastIndexOf(" ")) + 1;
    const word = text.slice(cut);
    if (!/^[\w.-]+$/.test(word)) return [];
    const { items = [] } = await get("minions", { q: word, limit: 8 }, signal);
    return items.map(({ id, os }) => ({ value: text.slice(0, cut) + id, note: os }));
  };
}
