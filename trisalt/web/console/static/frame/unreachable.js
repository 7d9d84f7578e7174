/** The server has not said who we are: nothing to show but that, and the next try. */
import { html, useEffect } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { loadSession } from "../lib/session.js";
import { Button } from "../parts/button.js";
import { Icon } from "../parts/icon.js";

/** Milliseconds between tries. */
const AGAIN = 3_000;

export function Unreachable() {
  useEffect(() => {
    const timer = setInterval(loadSession, AGAIN);
    return () => clearInterval(timer);
  }, []);
  return html`<main class="alone">
    <div class="blank" role="alert">
      <${Icon} name="warning" />
      <h1>${t("unreachable.title")}</h1>
      <p>${t("unreachable.text")}</p>
      <${Button} icon="refresh" onClick=${loadSession}>${t("unreachable.retry")}<//>
    </div>
  </main>`;
}
