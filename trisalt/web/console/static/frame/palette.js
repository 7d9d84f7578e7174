/** Ctrl+K: everything that has a name, a few letters away. */
import { classes, html, useEffect, useLayoutEffect, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { BLANK, toQuery } from "../lib/command.js";
import { best } from "../lib/fuzzy.js";
import { t } from "../lib/i18n.js";
import { isJid } from "../lib/jid.js";
import { at } from "../lib/paths.js";
import { prefer, prefs } from "../lib/prefs.js";
import { href, navigate } from "../lib/router.js";
import { PLACES } from "../lib/routes.js";
import { shown, templateCommand } from "../lib/templates.js";
import { Icon } from "../parts/icon.js";

/** Milliseconds of rest in typing before the server is asked. */
const REST = 120;

/** @param {{close: () => void}} props */
export function Palette({ close }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState({ minions: [], jobs: [], functions: [], templates: [] });
  const [chosen, setChosen] = useState(0);
  const dialog = useRef(null);
  const { theme } = useSignal(prefs);
  const words = text.trim();

  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    if (!words) return setFound({ minions: [], jobs: [], functions: [], templates: [] });
    const controller = new AbortController();
    const timer = setTimeout(() => search(words, controller.signal).then((all) => controller.signal.aborted || setFound(all)), REST);
    return () => (clearTimeout(timer), controller.abort());
  }, [words]);
  useEffect(() => setChosen(0), [text]);

  const groups = useMemo(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const other = (theme === "system" ? dark : theme === "dark") ? "light" : "dark";
    const pages = PLACES.map(({ name, path, icon }) => ({ icon, text: t(`nav.${name}`), go: href(path) }));
    const actions = [{ icon: "sun", text: t("palette.theme"), do: () => prefer({ theme: other }) }];
    return [
      [t("palette.pages"), best(words, pages, ({ text: name }) => name, 8)],
      [t("palette.functions"), found.functions.map(({ fun, summary }) => ({ icon: "play", text: fun, note: summary, go: href("/console", { fun }) }))],
      [t("palette.minions"), found.minions.map(({ id, os }) => ({ icon: "minions", text: id, note: os, go: href(at("minions", id)) }))],
      [t("palette.jobs"), found.jobs.map(({ jid, fun, tgt }) => ({ icon: "jobs", text: fun ? `${fun} ${tgt}` : jid, note: fun ? jid : "", go: href(at("jobs", jid)) }))],
      [t("palette.templates"), found.templates.map((one) => ({ icon: "template", text: one.description, note: shown(one), go: href("/console", toQuery({ ...BLANK, ...templateCommand(one) })) }))],
      [t("palette.actions"), words ? best(words, actions, ({ text: name }) => name, 3) : actions],
    ].filter(([, items]) => items.length);
  }, [words, found, theme]);
  const all = groups.flatMap(([, items]) => items);
  const current = Math.min(chosen, all.length - 1);

  const pick = (item) => {
    close();
    if (item.do) item.do();
    else navigate(item.go);
  };
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) setChosen((current + step + all.length) % all.length);
    else if (event.key === "Enter" && all[current]) pick(all[current]);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    dialog.current.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current, groups]);

  let index = 0;
  return html`<dialog class="dialog palette" ref=${dialog} aria-label=${t("palette.label")} onCancel=${(event) => (event.preventDefault(), close())}
    onMouseDown=${(event) => event.target === dialog.current && close()}>
    <div class="palette-box">
      <${Icon} name="search" />
      <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" aria-label=${t("palette.label")}
        aria-activedescendant=${all.length ? `palette-${current}` : undefined} placeholder=${t("palette.hint")} value=${text} autofocus
        autocomplete="off" spellcheck=${false} onInput=${(event) => setText(event.target.value)} onKeyDown=${onKey} />
      <kbd>Esc</kbd>
    </div>
    <div class="palette-list" id="palette-list" role="listbox" aria-label=${t("palette.label")}>
      ${groups.map(([title, items]) => html`<div role="group" aria-label=${title} key=${title}>
        <div class="menu-label" aria-hidden="true">${title}</div>
        ${items.map((item) => {
          const mine = index++;
          return html`<div role="option" key=${mine} id=${`palette-${mine}`} class=${classes("palette-item", mine === current && "chosen")} aria-selected=${String(mine === current)}
            onMouseMove=${() => mine !== current && setChosen(mine)} onClick=${() => pick(item)}>
            <${Icon} name=${item.icon} /><span class="clip">${item.text}</span>${item.note && html`<span class="faint clip small">${item.note}</span>`}
          </div>`;
        })}
      </div>`)}
      ${!all.length && html`<p class="palette-none faint">${t("palette.none")}</p>`}
    </div>
    <p class="sr" role="status">${words && t("palette.found", { n: all.length })}</p>
  </dialog>`;
}

async function search(words, signal) {
  const list = (path, query) => get(path, query, signal).then((answer) => answer.items ?? [], () => []);
  const jobs = isJid(words) ? Promise.resolve([{ jid: words }]) : Promise.resolve([]);
  const [minions, functions, templates, found] = await Promise.all([
    list("minions", { q: words, limit: 6 }),
    list("docs", { q: words, limit: 8 }),
    list("templates", {}),
    jobs,
  ]);
  return { minions: minions.slice(0, 6), functions: functions.slice(0, 8), templates: best(words, templates, (one) => one.description ?? "", 5), jobs: found };
}
