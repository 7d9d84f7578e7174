/** One minion's differences: what is not as it should be, and what would be done about it. */
import { html } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { useFetched, useOnEvents } from "../lib/fetched.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { Button, Icon } from "../parts/controls.js";
import { Empty, Failed, Loading, Panel, Status, Time } from "../parts/facts.js";
import { Changes } from "../parts/tree.js";
import { low, start, whyNot } from "../fleet/act.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Differences({ route }) {
  const { id } = route.params;
  const found = useFetched((signal) => get(`compliance/${encodeURIComponent(id)}`, {}, signal), [id]);
  useOnEvents(/^salt\/job\/\d+\/ret\//, found.again, 3_000);
  const one = found.data;
  const why = whyNot("local", "state.highstate");
  return html`<div class="screen">
    <div class="screen-head">
      <div class="titles"><a class="crumb" href=${href("/states")}><${Icon} name="back" small />${t("states.compliance")}</a>
        <h1><span class="mono-h">${id}</span>${one && html`<${Status} state=${one.state} pill />`}</h1>
        ${one?.at && html`<p class="lead">${t("compliance.checked")} <${Time} at=${one.at} ago /> · <a href=${href(at("jobs", one.jid))}>${t("compliance.job")}</a> · <a href=${href(at("minions", id), { tab: "highstate" })}>${t("minion.tab.highstate")}</a></p>`}</div>
      <div class="actions"><${Button} icon="eye" why=${why} onClick=${() => start(low("test", [id]), t("compliance.check"))}>${t("compliance.check")}<//>
        <${Button} icon="states" why=${why} onClick=${() => start(low("highstate", [id]), t("do.highstate"))}>${t("compliance.bring")}<//></div>
    </div>
    ${!one
      ? found.error ? html`<${Failed} error=${found.error} onRetry=${found.again} />` : html`<${Loading} />`
      : one.items.length === 0
        ? html`<${Panel} title=${t("compliance.differences")}><${Empty} icon=${one.state === "in" ? "check" : "states"} title=${t(one.state === "in" ? "compliance.inState" : one.jid ? "compliance.noDetails" : "compliance.unchecked")} /><//>`
        : html`<${Panel} title=${t("compliance.differences")} flush><ul class="list">${one.items.map((item, n) => html`<${Item} key=${n} item=${item} />`)}</ul><//>`}
  </div>`;
}

function Item({ item }) {
  const state = item.result === false ? "failed" : item.result === null ? "would_change" : "changed";
  const changes = Object.keys(item.changes ?? {}).length > 0;
  return html`<li><${Status} state=${state} quiet /><div class="grow stack tight">
    <div class="row"><b>${item.id}</b><span class="mono faint small">${item.fun}</span>${item.name && item.name !== item.id && html`<span class="muted">${item.name}</span>`}${item.sls && html`<span class="tag">${item.sls}</span>`}</div>
    <p class=${state === "failed" ? "is-failed" : "muted"}>${typeof item.comment === "string" ? item.comment : JSON.stringify(item.comment)}</p>
    ${changes && html`<${Changes} changes=${item.changes} />`}</div></li>`;
}
