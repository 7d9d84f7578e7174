/** Approvals: commands that wait for a second person. One's own, and for who may consent those of the others. */
import { html, useEffect, useState } from "../lib/ui.js";
import { post, useOnEvents, usePages } from "../lib/api.js";
import { again, toLine } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { refreshWaits } from "../lib/store.js";
import { Button, Confirm, Tabs } from "../parts/controls.js";
import { Empty, Panel, Status, Time, waiting } from "../parts/facts.js";
import { attempt } from "../fleet/act.js";

const TELLING = /^trisalt\/approval\//;
const STATES = ["waiting", "all"];

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Approvals({ route }) {
  const state = route.query.state === "all" ? "all" : "waiting";
  const list = usePages("approvals", { state: state === "all" ? "" : state }, { all: true });
  useOnEvents(TELLING, list.again, 500);
  useEffect(refreshWaits, [list.rows]);
  const [doing, setDoing] = useState(null);
  const tabs = STATES.map((key) => ({ key, text: t(`approvals.${key}`), href: href("/approvals", { state: key === "all" && key }) }));
  return html`<div class="screen">
    <div class="screen-head"><div class="titles"><h1>${t("nav.approvals")}</h1><p class="lead">${t("approvals.lead")}</p></div></div>
    <${Tabs} label=${t("nav.approvals")} tabs=${tabs} current=${state} panel="approvals" />
    <div id="approvals" role="tabpanel" aria-labelledby=${`tab-${state}`}>
      <${Panel} title=${t(`approvals.${state}`)} flush>${list.rows.length
        ? html`<ul class="list">${list.rows.map((wish) => html`<${Wish} key=${wish.id} wish=${wish} act=${(act) => setDoing({ act, wish })} />`)}</ul>`
        : list.loading || list.error
          ? waiting(list)
          : html`<${Empty} icon="check" title=${t("approvals.none")} />`}<//>
    </div>
    ${doing && html`<${Decision} ...${doing} onClose=${() => setDoing(null)} onDone=${list.again} />`}
  </div>`;
}

function Wish({ wish, act }) {
  const { state, user, minions, why, by, note, jid, mine } = wish;
  const acts = mine ? ["withdraw"] : ["refuse", "approve"];
  return html`<li>
    <${Status} state=${state} />
    <div class="grow"><code class="strong">${lineOf(wish)}</code>
      <div class="small muted">${t("approvals.by", { user, n: minions })} · <${Time} at=${wish.asked} ago />${why && html` · ${why}`}</div>
      ${by && html`<div class="small muted">${t(`status.${state}`)}: ${by}${note && ` · ${note}`}${jid && html` · <a href=${href(at("jobs", jid))}>${t("nav.job")}</a>`}</div>`}
    </div>
    ${state === "waiting" && html`<span class="acts row tight">${acts.map((one) => html`<${Button} key=${one} small kind=${one === "approve" ? "primary" : undefined} onClick=${() => act(one)}>${t(`approvals.${one}`)}<//>`)}</span>`}
  </li>`;
}

const lineOf = (wish) => toLine({ ...again({ ...wish, kwargs: wish.kwarg }), mode: "sync" });

/** @param {{act: "approve" | "refuse" | "withdraw", wish: any, onClose: () => void, onDone: () => void}} props */
function Decision({ act, wish, onClose, onDone }) {
  const [note, setNote] = useState("");
  const yes = async () => {
    await attempt(() => post(`approvals/${wish.id}`, { approve: act === "approve", note }), t("approvals.did"));
    onClose();
    onDone();
  };
  return html`<${Confirm} title=${t(`approvals.${act}.sure`, { user: wish.user })} verb=${t(`approvals.${act}`)} danger=${act === "refuse"} onYes=${yes} onClose=${onClose}>
    <code>${lineOf(wish)}</code>
    <label class="field"><span class="label">${t("approvals.note")}</span><input class="input" maxlength="1000" value=${note} onInput=${(event) => setNote(event.target.value)} /></label>
  <//>`;
}
