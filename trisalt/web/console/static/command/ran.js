/**
 * The commands of this session: sent, answered, refused; and the history that is kept for each person.
 */
import { batch, signal } from "../vendor/signals-core.js";
import { html, useEffect, useSignal, useState } from "../lib/ui.js";
import { get, run } from "../lib/api.js";
import { fromLine, kindOf, templateCommand, toLine, toLow, toQuery } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { best } from "../lib/query.js";
import { href } from "../lib/router.js";
import { secretive } from "../lib/rules.js";
import { prefer, prefs, session } from "../lib/session.js";
import { onEvents } from "../lib/stream.js";
import { Button, Dialog, Menu } from "../parts/controls.js";
import { Empty, reasonOf, Time } from "../parts/facts.js";

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
  ["command.actions.state", ["state.highstate", "state.show_highstate", "state.show_lowstate", "state.running"]],
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
    [t("command.templates"), () => templateItems(listed, pinned, patch)],
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
  return html`<${Dialog} title=${t("command.history")} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("help.close")}<//>`}>
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
  const rows = [...groups].flatMap(([heading, all]) => [{ heading }, ...all.map((one) => ({ label: one.description || one.name, icon: "template", onPick: () => patch(templateCommand(one)) }))]);
  const own = pinned.map((line) => ({ label: line, icon: "pin", onPick: () => patch(recalled(line) ?? {}) }));
  const none = !rows.length && !own.length && { heading: t("templates.none") };
  return [...(own.length ? [{ heading: t("templates.own") }, ...own] : []), ...rows, none];
}

/** The address of the form with a command in it. @param {import("../lib/command.js").Command} command */
export function addressOf(command) {
  return href("/console", toQuery(command));
}
