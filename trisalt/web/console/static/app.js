/** The console's beginning: listens to the address, the keys and the session, and draws whoever is right. */
import { html, render, startKeys, startPresses, useSignal } from "./lib/ui.js";
import { language } from "./lib/i18n.js";
import { route, SCREENS, startRouter } from "./lib/router.js";
import { loadPrefs, session, startPrefs, startSession, unreachable } from "./lib/session.js";
import { startStore } from "./lib/store.js";
import { Frame } from "./frame/frame.js";
import { Login, Unreachable } from "./frame/login.js";

function App() {
  const who = useSignal(session);
  const away = useSignal(unreachable);
  // Nothing is drawn before there are words for it.
  if (!useSignal(language)) return null;
  if (who) return html`<${Frame} key=${`${who.user}/${who.eauth}`} />`;
  if (away) return html`<${Unreachable} />`;
  return who === null && html`<${Login} />`;
}

startRouter();
startPrefs();
startKeys();
startPresses();
startStore();
session.subscribe((who) => who && loadPrefs());
startSession();
// While the server says who we are, the screen comes.
SCREENS[route.peek().name]?.().catch(() => {});
render(html`<${App} />`, document.getElementById("app"));
