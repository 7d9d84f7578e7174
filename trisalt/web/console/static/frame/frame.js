/** The page around all screens: top bar, navigation, the screen itself, and what floats above them. */
import { html, useEffect, useErrorBoundary, useRef, useSignal, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { useKeys } from "../lib/keys.js";
import { prefer, prefs } from "../lib/prefs.js";
import { href, navigate, route } from "../lib/router.js";
import { PLACES, SCREENS, WITHIN } from "../lib/routes.js";
import { allowed } from "../lib/session.js";
import { Button } from "../parts/button.js";
import { Empty, Failed, Loading } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { Toasts } from "../parts/toast.js";
import { Ending } from "./ending.js";
import { Help } from "./help.js";
import { Palette } from "./palette.js";
import { TopBar } from "./topbar.js";

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
    <${TopBar} menu=${() => setOpen(open === "nav" ? "" : "nav")} search=${() => setOpen("palette")} help=${() => setOpen("help")} />
    <${Navigation} here=${WITHIN[here.name] ?? here.name} narrow=${collapsed && open !== "nav"} collapsed=${collapsed} />
    <main class="main" id="main" tabindex="-1" ref=${main} onClick=${() => open === "nav" && setOpen("")}>
      <${Screen} key=${here.path} route=${here} />
    </main>
    <${Toasts} />
    <${Ending} />
    ${open === "palette" && html`<${Palette} close=${() => setOpen("")} />`}
    ${open === "help" && html`<${Help} close=${() => setOpen("")} />`}
  </div>`;
}

function Navigation({ here, narrow, collapsed }) {
  return html`<nav class="nav" aria-label=${t("frame.navigation")}>
    <ul>${PLACES.filter(mayVisit).map(
      ({ name, path, icon }) => html`<li key=${name}>
        <a href=${href(path)} aria-current=${name === here ? "page" : undefined} title=${narrow ? t(`nav.${name}`) : undefined}>
          <${Icon} name=${icon} /><span class=${narrow ? "sr" : undefined}>${t(`nav.${name}`)}</span>
        </a>
      </li>`,
    )}</ul>
    <div class="nav-foot">
      <${Button} kind="quiet" small icon=${collapsed ? "right" : "back"} label=${t(collapsed ? "frame.widen" : "frame.narrow")} onClick=${() => prefer({ collapsed: !collapsed })} />
    </div>
  </nav>`;
}

/** Keys are for who may list them; everything else says on its own page what somebody may not see. */
function mayVisit({ name }) {
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
