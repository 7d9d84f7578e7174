/**
 * The commands of this session: sent, answered, refused; the history that is kept for each person, and what else fills
 * the form; whom a target means.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { html, useEffect, useSignal, useState } from "../lib/ui.js";
import { get, post, run } from "../lib/api.js";
import { FORMATS, fromLine, kindOf, templateCommand, toLine, toLow, toQuery } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { best } from "../lib/query.js";
import { formOf, href, navigate } from "../lib/router.js";
import { secretive } from "../lib/rules.js";
import { prefer, prefs, session } from "../lib/session.js";
import { onEvents } from "../lib/stream.js";
import { Button, Dialog, Icon, Menu } from "../parts/controls.js";
import { Empty, reasonOf, Time } from "../parts/facts.js";
import { Combo } from "../parts/fields.js";

/** Lines of the history. */
const KEPT = 100;

/**
 * @typedef {object} Sent
 * @property {number} id @property {string} line @property {number} at
 * @property {"sent" | "running" | "nobody" | "answered" | "refused"} state
 * @property {string} [jid] @property {any} [answer] @property {string} [error]
 */

/** Commands of this session, newest first. */
export const ran = signal(/** @type {Sent[]} */ ([]));
let count = 0;

session.subscribe((who) => {
  if (!who) ran.value = [];
});

function change(id, patch) {
  ran.value = ran.value.map((one) => (one.id === id ? { ...one, ...patch } : one));
}

/**
 * Send a command. What becomes of it is told in `ran`; `onJid` is given the jid as soon as there is one.
 * @param {import("../lib/command.js").Command} command @param {(jid: string) => void} [onJid]
 * @returns {Promise<string>} the jid, or empty where the command was answered without
 */
export async function execute(command, onJid = () => {}) {
  const id = ++count;
  const line = toLine(command);
  const low = toLow(command);
  const waits = !low.client.endsWith("_async");
  batch(() => {
    ran.value = [/** @type {Sent} */ ({ id, line, at: Date.now() / 1000, state: "sent" }), ...ran.value].slice(0, KEPT);
    // What holds a secret is not written down.
    if (!command.words.some(secretive)) remember(line);
  });
  const found = waits ? firstJid(command) : null;
  const begun = (jid) => {
    if (!jid) return;
    change(id, { jid });
    onJid(jid);
  };
  found?.jid.then(begun);
  try {
    const answer = await run(low);
    const jid = waits ? "" : (answer?.jid ?? "");
    begun(jid);
    if (jid) change(id, { state: "running" });
    else if (!waits) change(id, { state: "nobody" });
    else change(id, { state: "answered", answer: plain(low.client, answer) });
    return jid;
  } catch (error) {
    change(id, { state: "refused", error: reasonOf(error) });
    throw error;
  } finally {
    found?.end();
  }
}

/** What minions returned, by minion, whatever the client's shape. */
function plain(client, answer) {
  if (client === "local_batch") return Object.assign({}, ...(answer ?? []));
  return client === "wheel" ? answer?.data?.return : answer;
}

/** A command that is waited for tells its jid only at the end: the events tell it at once. */
function firstJid(command) {
  const me = session.peek()?.user;
  const { name, kind } = kindOf(command.fun);
  const tag = { local: /^salt\/(?:job|batch)\/(\d+)\/new$/, runner: /^salt\/run\/(\d+)\/new$/, wheel: /^salt\/wheel\/(\d+)\/new$/ }[kind];
  let tell;
  const jid = new Promise((resolve) => (tell = resolve));
  const stop = onEvents((events) => {
    for (const { tag: heard, data } of events) {
      const found = tag.exec(heard);
      if (!found || data?.user !== me || String(data.fun).replace(/^(runner|wheel)\./, "") !== name) continue;
      if (kind === "local" && String(data.tgt) !== command.tgt) continue;
      tell(found[1]);
      stop();
      return;
    }
  });
  return { jid, end: () => (stop(), tell("")) };
}

function remember(line) {
  const rest = prefs.peek().history.filter((one) => one.line !== line);
  prefer({ history: [{ line, at: Math.round(Date.now() / 1000) }, ...rest].slice(0, KEPT) });
}

/** Keep a line as a template of one's own, or no longer. */
function pin(line) {
  const { pinned } = prefs.peek();
  prefer({ pinned: pinned.includes(line) ? pinned.filter((one) => one !== line) : [line, ...pinned] });
}

/** The command of a line of the history; null when it cannot be read. */
export function recalled(line) {
  try {
    return fromLine(line);
  } catch {
    return null;
  }
}

/* What fills the form at one press: common functions, the history, templates. */

/** @type {[string, string[]][]} */
const ACTIONS = [
  ["nav.states", ["state.highstate", "state.show_highstate", "state.show_lowstate", "state.running"]],
  [
    "command.actions.test",
    ["test.ping", "test.echo", "test.conf_test", "test.fib", "test.collatz", "test.sleep", "test.rand_sleep", "test.get_opts", "test.providers", "test.version", "test.versions_information"],
  ],
];

/** Lines that the menu of the history shows; the dialog has all. */
const LATEST = 10;
/** So narrow that there is room for one menu only. */
const NARROW = "(max-width: 47.99rem)";

/** @param {{command: import("../lib/command.js").Command, pick: (fun: string) => void, ping: () => void, patch: Function}} props */
export function Fillers({ command, pick, ping, patch }) {
  const { history, pinned } = useSignal(prefs);
  const listed = useTemplates();
  const narrow = useMedia(NARROW);
  const [open, setOpen] = useState(false);
  const why = command.tgt ? null : t("command.lacks.tgt");
  const lists = [
    [t("command.actions"), () => actionItems(pick)],
    [t("command.history"), () => historyItems(history, patch, () => setOpen(true))],
    [t("states.templates"), () => templateItems(listed, pinned, patch)],
  ];
  const all = () => [{ label: t("command.ping"), icon: "ping", onPick: ping, why }, ...lists.flatMap(([heading, items]) => [null, { heading }, ...items()])];
  return html`${narrow
      ? html`<${Menu} small square end label=${t("command.fillers")} items=${all} />`
      : html`<${Button} icon="ping" small onClick=${ping} why=${why}>${t("command.ping")}<//>
          ${lists.map(([label, items]) => html`<${Menu} small key=${label} label=${label} items=${items} />`)}`}
    ${open && html`<${Whole} history=${history} patch=${patch} close=${() => setOpen(false)} />`}`;
}

function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const hear = () => setMatches(list.matches);
    list.addEventListener("change", hear);
    return () => list.removeEventListener("change", hear);
  }, [query]);
  return matches;
}

function actionItems(pick) {
  return ACTIONS.flatMap(([heading, functions]) => [{ heading: t(heading) }, ...functions.map((label) => ({ label, onPick: () => pick(label) }))]);
}

function historyItems(history, patch, search) {
  const lines = history.slice(0, LATEST).map(({ line }) => ({ label: line, onPick: () => patch(recalled(line) ?? {}), why: recalled(line) ? null : t("history.unreadable") }));
  return [...lines, lines.length > 0 && null, { label: t("history.all"), icon: "search", onPick: search, why: history.length ? null : t("history.empty") }];
}

function Whole({ history, patch, close }) {
  const { pinned } = useSignal(prefs);
  const [text, setText] = useState("");
  const found = text ? best(text, history, ({ line }) => line, 100) : history;
  const take = (line) => {
    patch(recalled(line) ?? {});
    close();
  };
  return html`<${Dialog} title=${t("command.history")} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("parts.close")}<//>`}>
    <input class="input" type="search" aria-label=${t("history.search")} placeholder=${t("history.search")} value=${text} onInput=${(event) => setText(event.target.value)} />
    ${!found.length && html`<${Empty} icon="history" title=${t("history.none")} />`}
    <ul class="history-list">${found.map(
      ({ line, at }) => html`<li key=${line}>
        <button type="button" class="linkish mono grow" onClick=${() => take(line)}>${line}</button>
        <span class="faint small"><${Time} at=${at} ago /></span>
        <${Button} kind="quiet" small icon="pin" pressed=${pinned.includes(line)} label=${t(pinned.includes(line) ? "history.unpin" : "history.pin")} onClick=${() => pin(line)} />
      </li>`,
    )}</ul>
  <//>`;
}

/** What the server has ready; null while it has not said. */
function useTemplates() {
  const [listed, setListed] = useState(null);
  useEffect(() => {
    const controller = new AbortController();
    get("templates", {}, controller.signal).then(
      ({ items }) => setListed(items),
      (error) => error.name !== "AbortError" && setListed([]),
    );
    return () => controller.abort();
  }, []);
  return listed;
}

function templateItems(listed, pinned, patch) {
  const groups = new Map();
  for (const one of listed ?? []) {
    for (const category of one.categories?.length ? one.categories : [t("templates.other")]) {
      groups.set(category, [...(groups.get(category) ?? []), one]);
    }
  }
  const rows = [...groups].flatMap(([heading, all]) => [{ heading }, ...all.map((one) => ({ label: one.description || one.name, icon: "template", onPick: () => (one.parameters ? navigate(formOf(one)) : patch(templateCommand(one))) }))]);
  const own = pinned.map((line) => ({ label: line, icon: "pin", onPick: () => patch(recalled(line) ?? {}) }));
  const none = !rows.length && !own.length && { heading: t("templates.none") };
  return [...(own.length ? [{ heading: t("templates.own") }, ...own] : []), ...rows, none];
}

/** The address of the form with a command in it. @param {import("../lib/command.js").Command} command */
export function addressOf(command) {
  return href("/console", toQuery(command));
}

/* Whom a command is for: the format, the target, and at once which minions these are. */

/** Milliseconds of rest before the server is asked whom a target means. */
const REST = 200;

/** @typedef {{ids: string[], total: number, up: number, down: number, allowed: boolean | null, because: string, approval?: boolean}} Preview */

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

/** @param {{found: ReturnType<typeof usePreview>, list?: () => void}} props */
export function Preview({ found: { preview, error }, list }) {
  if (error) return html`<span class="hint error"><${Icon} name="warning" />${error}</span>`;
  if (!preview) return html`<span class="faint">${t("command.preview.none")}</span>`;
  const { total, down } = preview;
  if (!total) return html`<span class="is-changed">${t("command.preview.nobody")}</span>`;
  return html`<span aria-hidden="true" class="faint">→</span>
    <b>${t("command.preview.n", { n: total })}</b>
    ${down > 0 && html`<span class="is-changed">${t("command.preview.down", { n: down })}</span>`}
    ${list && html`<${Button} small kind="quiet" onClick=${list}>${t("format.list")}<//>`}`;
}

function Listed({ preview, close }) {
  return html`<${Dialog} title=${t("command.preview.n", { n: preview.total })} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("parts.close")}<//>`}>
    <${Names} preview=${preview} />
  <//>`;
}

/** The names of who is meant, as many as the server told. @param {{preview: Preview}} props */
export function Names({ preview: { ids, total } }) {
  return html`<ul class="names">${ids.map((id) => html`<li key=${id}><a class="mono" href=${href(at("minions", id))}>${id}</a></li>`)}</ul>
    ${total > ids.length && html`<p class="muted">${t("command.preview.more", { n: total - ids.length })}</p>`}`;
}

/** Names of minions, for the formats that have such; of a list the last one. */
export function suggestFor(format) {
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
