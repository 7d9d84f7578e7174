/** The console's beginning: listens to the address, the keys and the session, and draws whoever is right. */
import { html, render, useSignal } from "./lib/ui.js";
import { language } from "./lib/i18n.js";
import { startKeys } from "./lib/keys.js";
import { loadPrefs, startPrefs } from "./lib/prefs.js";
import { startRouter } from "./lib/router.js";
import { session, startSession, unreachable } from "./lib/session.js";
import { startStore } from "./lib/store.js";
import { Frame } from "./frame/frame.js";
import { Login } from "./frame/login.js";
import { Unreachable } from "./frame/unreachable.js";

function App() {
  const who = useSignal(session);
  const away = useSignal(unreachable);
  useSignal(language);
  if (who) return html`<${Frame} key=${`${who.user}/${who.eauth}`} />`;
  if (away) return html`<${Unreachable} />`;
  return who === null && html`<${Login} />`;
}

startRouter();
startPrefs();
startKeys();
startStore();
session.subscribe((who) => who && loadPrefs());
startSession();
render(html`<${App} />`, document.getElementById("app"));
