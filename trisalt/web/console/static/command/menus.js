/** What fills the form at one press: common functions, the history, templates. */
import { html, useEffect, useSignal, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { toQuery } from "../lib/command.js";
import { best } from "../lib/fuzzy.js";
import { t } from "../lib/i18n.js";
import { prefs } from "../lib/prefs.js";
import { href } from "../lib/router.js";
import { templateCommand } from "../lib/templates.js";
import { Empty } from "../parts/blank.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { Menu } from "../parts/menu.js";
import { Time } from "../parts/time.js";
import { pin, recalled } from "./ran.js";

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
