/** Two minutes before a session ends: the way to go on, without leaving what is on the page. */
import { html, useLayoutEffect, useRef, useSignal, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { ending, session } from "../lib/session.js";
import { Button } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { Credentials } from "./login.js";

export function Ending() {
  const word = useSignal(ending);
  const who = useSignal(session);
  const [open, setOpen] = useState(false);
  if (word !== "soon" || !who) return null;
  const minutes = Math.max(1, Math.ceil((who.expire - Date.now() / 1000) / 60));
  return html`<div class="ending" role="alert">
      <${Icon} name="clock" /><span>${t("ending.soon", { n: minutes })}</span>
      <${Button} small onClick=${() => setOpen(true)}>${t("ending.stay")}<//>
    </div>
    ${open && html`<${Again} user=${who.user} eauth=${who.eauth} close=${() => setOpen(false)} />`}`;
}

function Again({ user, eauth, close }) {
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current.showModal(), []);
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="again" onCancel=${(event) => (event.preventDefault(), close())}>
    <div class="dialog-head"><h2 id="again">${t("ending.title")}</h2><${Button} icon="close" kind="quiet" small label=${t("help.close")} onClick=${close} /></div>
    <div class="dialog-body"><p class="muted">${t("ending.text")}</p><${Credentials} user=${user} eauth=${eauth} done=${close} /></div>
  </dialog>`;
}
