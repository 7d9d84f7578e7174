/** The notices of this tab: what stood in the corner, and is gone. */
import { html, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Empty, Panel } from "../parts/blank.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { notices } from "../parts/toast.js";

export function Notices() {
  const all = useSignal(notices);
  if (!all.length) return html`<${Empty} icon="info" title=${t("notices.none")} />`;
  return html`<${Panel} title=${t("admin.notices")} flush><ul class="list tight">${all.map(({ n, at, text, tone, href, link }) => html`<li key=${n}><${Status} state=${tone} quiet /><div class="grow">${text}${href && html` <a href=${href}>${link}</a>`}</div><span class="muted small"><${Time} at=${at} /></span></li>`)}</ul><//>`;
}
