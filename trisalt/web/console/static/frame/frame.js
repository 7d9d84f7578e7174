/** What stands around every screen: the top bar, the navigation, the palette, help. */
import { classes, html, useEffect, useErrorBoundary, useKeys, useLayoutEffect, useMemo, useRef, useSignal, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { BLANK, shown, templateCommand, toQuery } from "../lib/command.js";
import { isJid } from "../lib/events.js";
import { language, LANGUAGES, t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { best } from "../lib/query.js";
import { formOf, href, navigate, PLACES, route, SCREENS, WITHIN } from "../lib/router.js";
import { allowed, logout, mayApprove, prefer, prefs, session } from "../lib/session.js";
import { fleet, waits } from "../lib/store.js";
import { link } from "../lib/stream.js";
import { Button, Dialog, Icon, Menu, toast, Toasts } from "../parts/controls.js";
import { Empty, Failed, Loading, reasonOf } from "../parts/facts.js";
import { Ending, Factor } from "./login.js";

/* The page around all screens: top bar, navigation, the screen itself, and what floats above them. */

/** SaltGUI's single letters, for who has asked for them. */
const LETTERS = { m: "/minions", j: "/jobs", e: "/events", c: "/console", k: "/keys", o: "/overview", h: "/states", n: "/minions" };

export function Frame() {
  const here = useSignal(route);
  const { collapsed, letters } = useSignal(prefs);
  const [open, setOpen] = useState("");
  const main = useRef(null);

  const go = Object.fromEntries(PLACES.map(({ key, path }) => [`g ${key}`, () => navigate(href(path))]));
  const single = Object.fromEntries(Object.entries(LETTERS).map(([key, path]) => [key, () => navigate(href(path))]));
  useKeys({
    ...(letters ? single : {}),
    ...go,
    "?": () => setOpen("help"),
    "ctrl+k": () => setOpen(open === "palette" ? "" : "palette"),
    "/": () => {
      const box = main.current.querySelector("[data-search]");
      if (box) box.focus();
      else setOpen("palette");
    },
  });
  useEffect(() => setOpen(""), [here.path]);
  // Another screen begins where its heading is, for ears and for keys.
  const before = useRef(here.path);
  useEffect(() => {
    if (before.current !== here.path) main.current.focus({ preventScroll: true });
    before.current = here.path;
  }, [here.path]);

  return html`<div class="shell" data-nav=${open === "nav" ? "open" : collapsed ? "narrow" : "wide"}>
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>${t("frame.skip")}</a>
    <${TopBar} menu=${() => setOpen(open === "nav" ? "" : "nav")} open=${setOpen} />
    <${Navigation} here=${WITHIN[here.name] ?? here.name} narrow=${collapsed && open !== "nav"} collapsed=${collapsed} />
    <main class="main" id="main" tabindex="-1" ref=${main} onClick=${() => open === "nav" && setOpen("")}>
      <${Screen} key=${here.path} route=${here} />
    </main>
    <${Toasts} />
    <${Ending} />
    ${open === "palette" && html`<${Palette} close=${() => setOpen("")} />`}
    ${open === "help" && html`<${Help} close=${() => setOpen("")} />`}
    ${open === "factor" && html`<${Factor} close=${() => setOpen("")} />`}
  </div>`;
}

function Navigation({ here, narrow, collapsed }) {
  const waiting = useSignal(waits);
  return html`<nav class="nav" aria-label=${t("frame.navigation")}>
    <ul>${PLACES.filter(mayVisit).map(
      ({ name, path, icon }) => html`<li key=${name}>
        <a href=${href(path)} aria-current=${name === here ? "page" : undefined} title=${narrow ? t(`nav.${name}`) : undefined}>
          <${Icon} name=${icon} /><span class=${narrow ? "sr" : undefined}>${t(`nav.${name}`)}${name === "approvals" && waiting > 0 && ` (${waiting})`}</span>
        </a>
      </li>`,
    )}</ul>
    <div class="nav-foot">
      <${Button} kind="quiet" small icon=${collapsed ? "right" : "back"} label=${t(collapsed ? "frame.widen" : "frame.narrow")} onClick=${() => prefer({ collapsed: !collapsed })} />
    </div>
  </nav>`;
}

/** Keys are for who may list them, approvals for who gives or waits for one; everything else says on its own page what somebody may not see. */
function mayVisit({ name }) {
  if (name === "approvals") return mayApprove() || waits.peek() > 0;
  return name in SCREENS && (name !== "keys" || allowed("wheel", "key.list_all") !== "no");
}

const loaded = new Map();

function Screen({ route: here }) {
  const [module, setModule] = useState(loaded.get(here.name) ?? null);
  const [failure, setFailure] = useState(null);
  const [broken, mend] = useErrorBoundary((error) => console.error(error));
  useEffect(() => {
    document.title = `${titleOf(here)} · trisalt`;
    if (module || !(here.name in SCREENS)) return;
    let stays = true;
    SCREENS[here.name]().then(
      (found) => {
        loaded.set(here.name, found);
        if (stays) setModule(found);
      },
      (error) => stays && setFailure(error),
    );
    return () => {
      stays = false;
    };
  }, [here.name]);
  if (!(here.name in SCREENS)) {
    return html`<div class="screen"><h1>${t("lost.title")}</h1><${Empty} icon="search" title=${t("lost.text")}><a class="btn" href=${href("/overview")}>${t("lost.home")}</a><//></div>`;
  }
  if (broken || failure) {
    return html`<div class="screen"><h1>${titleOf(here)}</h1><${Failed} error=${{ message: t("frame.broken") }} onRetry=${broken ? mend : () => location.reload()} /></div>`;
  }
  if (!module) return html`<div class="screen"><${Loading} /></div>`;
  return html`<${module.default} route=${here} />`;
}

function titleOf({ name, params }) {
  return params.id ?? params.jid ?? t(`nav.${name}`);
}

/* The bar at the top: how the fleet is, the way to everything else, whether events come, and who one is. */

/** @param {{menu: () => void, open: (what: string) => void}} props */
function TopBar({ menu, open }) {
  return html`<header class="topbar">
    <span class="nav-toggle"><${Button} kind="quiet" icon="menu" label=${t("frame.menu")} onClick=${menu} /></span>
    <a class="brand" href=${href("/overview")} aria-label="trisalt"><${Icon} name="logo" /><span>trisalt</span></a>
    <${Health} />
    <button type="button" class="palette-button" aria-label=${t("frame.search")} onClick=${() => open("palette")} aria-keyshortcuts="Control+K">
      <${Icon} name="search" /><span>${t("frame.search")}</span><kbd>Ctrl K</kbd>
    </button>
    <${Live} />
    <${Person} open=${open} />
  </header>`;
}

function Health() {
  const numbers = useSignal(fleet);
  if (!numbers) return html`<div class="health" aria-hidden="true"></div>`;
  const { up, down, never } = numbers.minions;
  const total = up + down + (never ?? 0);
  // Whoever may not list keys is not told of them.
  const { pending, denied } = numbers.keys ?? { pending: 0, denied: 0 };
  const { running, failed_1h: failed } = numbers.jobs;
  return html`<nav class="health" aria-label=${t("health.label")}>
    <${Number} path="/minions" query=${{ q: up < total ? "down" : "" }} tone=${down ? "is-changed" : ""} text=${t("health.minions")} short=${`${up.toLocaleString()}/${total.toLocaleString()}`} says=${t("health.minions.says", { up, total })} />
    ${pending > 0 && html`<${Number} path="/keys" tone="is-changed" text=${t("health.keys")} short=${pending.toLocaleString()} says=${t("health.keys.says", { n: pending })} />`}
    ${denied > 0 && html`<${Number} path="/keys" query=${{ state: "denied" }} tone="is-failed" text=${t("status.denied")} short=${denied.toLocaleString()} says=${`${denied} ${t("status.denied")}`} />`}
    <${Number} path="/jobs" query=${{ state: "running" }} text=${t("status.running")} short=${running.toLocaleString()} says=${t("health.running.says", { n: running })} />
    ${failed > 0 && html`<${Number} path="/jobs" query=${{ state: "failed" }} tone="is-failed" text=${t("status.failed")} short=${failed.toLocaleString()} says=${t("health.failed.says", { n: failed })} />`}
  </nav>`;
}

function Number({ path, query, tone, text, short, says }) {
  return html`<a data-zero=${short === "0" ? "true" : undefined} class=${`health-item ${tone ?? ""}`} href=${href(path, query)} aria-label=${says}><b>${short}</b> ${text}</a>`;
}

function Live() {
  const state = useSignal(link);
  const word = state === "connected" || state === "refused" ? state : "reconnecting";
  return html`<span class="live" data-live=${word} role="status" title=${t(`live.${word}.says`)}>${t(`live.${word}`)}</span>`;
}

function Person({ open }) {
  const who = useSignal(session);
  const { theme, density, zone, letters } = useSignal(prefs);
  const tongue = useSignal(language);
  const leave = () => logout().catch((error) => toast(reasonOf(error), { tone: "failed" }));
  const choice = (heading, name, value, values) => [
    { heading },
    ...Object.entries(values).map(([one, label]) => ({ label, checked: one === value, onPick: () => prefer({ [name]: one }) })),
  ];
  const items = () => [
    ...choice(t("prefs.theme"), "theme", theme, { system: t("prefs.theme.system"), light: t("prefs.theme.light"), dark: t("prefs.theme.dark") }),
    ...choice(t("prefs.density"), "density", density, { comfortable: t("prefs.density.comfortable"), compact: t("prefs.density.compact") }),
    ...choice(t("prefs.zone"), "zone", zone, { browser: t("prefs.zone.browser"), utc: "UTC" }),
    ...choice(t("prefs.language"), "language", tongue, LANGUAGES),
    null,
    { label: t("prefs.letters"), checked: letters, onPick: () => prefer({ letters: !letters }) },
    { label: t("help.title"), icon: "help", keys: "?", onPick: () => open("help") },
    // Who signs in elsewhere, by no password, has it there.
    who?.totp && who.eauths.includes(who.eauth) && { label: t("factor.title"), icon: "lock", onPick: () => open("factor") },
    { label: t("person.logout"), icon: "out", onPick: leave },
  ];
  return html`<${Menu} label=${t("person.label", { user: who?.user })} icon="user" kind="quiet" end items=${items}><span class="person">${who?.user}</span><//>`;
}

/* Ctrl+K: everything that has a name, a few letters away. */

/** Milliseconds of rest in typing before the server is asked. */
const REST = 120;
/** @type {Record<"minions" | "jobs" | "functions" | "templates", any[]>} */
const NOTHING = { minions: [], jobs: [], functions: [], templates: [] };

/** @param {{close: () => void}} props */
function Palette({ close }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState(NOTHING);
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
    if (!words) return setFound(NOTHING);
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
      [t("nav.minions"), found.minions.map(({ id, os }) => ({ icon: "minions", text: id, note: os, go: href(at("minions", id)) }))],
      [t("nav.jobs"), found.jobs.map(({ jid, fun, tgt }) => ({ icon: "jobs", text: fun ? `${fun} ${tgt}` : jid, note: fun ? jid : "", go: href(at("jobs", jid)) }))],
      [t("states.templates"), found.templates.map((one) => ({ icon: "template", text: one.description, note: shown(one), go: one.parameters ? formOf(one) : href("/console", toQuery({ ...BLANK, ...templateCommand(one) })) }))],
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

/* The keys, as `?` shows them. */

/** @param {{close: () => void}} props */
function Help({ close }) {
  const groups = [
    [
      t("help.anywhere"),
      [
        ["?", t("help.key.help")],
        ["Ctrl K", t("help.key.palette")],
        ["/", t("help.key.search")],
        ["Esc", t("help.key.close")],
        ...PLACES.map(({ name, key }) => [`g ${key}`, t("help.key.go", { place: t(`nav.${name}`) })]),
      ],
    ],
    [
      t("help.lists"),
      [
        ["↑ ↓", t("help.key.move")],
        ["Enter", t("help.key.open")],
        ["x", t("help.key.select")],
        ["Shift x", t("help.key.range")],
        ["r", t("help.key.run")],
        ["p", t("help.key.pause")],
      ],
    ],
    [t("help.command"), [["Enter", t("help.key.execute")], ["Ctrl Enter", t("help.key.execute")]]],
  ];
  return html`<${Dialog} title=${t("help.title")} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("parts.close")}<//>`}>
    <p class="muted">${t("help.never")}</p>
    <div class="help-groups">${groups.map(
      ([title, keys]) => html`<section key=${title}>
        <h3>${title}</h3>
        <dl class="help-keys">${keys.map(([key, what]) => html`<div key=${key}><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
      </section>`,
    )}</div>
  <//>`;
}
