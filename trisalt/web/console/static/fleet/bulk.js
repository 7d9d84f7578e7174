/** What is done to the minions that are selected: commands, shown before they go to many, and the deletion of keys. */
import { html, useState, useSignal } from "../lib/ui.js";
import { dangerous } from "../lib/danger.js";
import { t } from "../lib/i18n.js";
import { useKeys } from "../lib/keys.js";
import { href, navigate } from "../lib/router.js";
import { session } from "../lib/session.js";
import { Button } from "../parts/button.js";
import { Confirm } from "../parts/dialog.js";
import { Menu } from "../parts/menu.js";
import { attempt, onThese, start, wheel, whyNot } from "./act.js";

/** So many names fit into an address. */
const IN_ADDRESS = 150;
const NAMED = 200;

/** Commands that are at hand, in their order: `[text, icon, fun, arg]`. */
export const COMMANDS = {
  ping: ["ping", "test.ping", []],
  highstate: ["states", "state.highstate", []],
  test: ["eye", "state.highstate", ["test=True"]],
  grains: ["refresh", "saltutil.refresh_grains", []],
  pillar: ["refresh", "saltutil.refresh_pillar", []],
  sync: ["download", "saltutil.sync_all", []],
};

/** A command of these as `POST /` takes it. @param {string} name @param {string[]} ids */
export function low(name, ids) {
  const [, fun, arg] = COMMANDS[name];
  const kwarg = Object.fromEntries(arg.map((word) => [word.split("=")[0], word.endsWith("=True")]));
  return { client: "local_async", fun, ...onThese(ids), ...(arg.length ? { kwarg } : {}) };
}

/** @param {{ids: string[], onDone: () => void}} props */
export function Bulk({ ids, onDone }) {
  const { confirm_above: above = 50 } = useSignal(session) ?? {};
  const [asked, setAsked] = useState("");
  const [deleting, setDeleting] = useState(false);
  const begin = async (name) => {
    setAsked("");
    await start(low(name, ids), t(`do.${name}`));
  };
  const press = (name) => (ids.length > above || dangerous(COMMANDS[name][1]) ? setAsked(name) : begin(name));
  const tooMany = ids.length > IN_ADDRESS ? t("bulk.tooMany", { n: IN_ADDRESS }) : null;
  const compose = () => navigate(href("/console", ids.length === 1 ? { tgt: ids[0] } : { type: "list", tgt: ids.join(",") }));
  useKeys({ r: () => !tooMany && compose() });
  const item = (name) => ({ label: t(`do.${name}`), icon: COMMANDS[name][0], why: whyNot("local", COMMANDS[name][1]), onPick: () => press(name) });
  const remove = async () => {
    if (await attempt(() => wheel("key.delete_dict", { match: { minions: ids } }), t("keys.did.delete", { n: ids.length }))) onDone();
    setDeleting(false);
  };
  return html`<div class="bulk" role="group" aria-label=${t("bulk.label")}>
    <b>${t("bulk.selected", { n: ids.length })}</b>
    <${Button} small icon="play" why=${tooMany} onClick=${compose}>${t("do.run")}<//>
    ${["ping", "highstate", "test"].map((name) => html`<${Button} key=${name} small icon=${COMMANDS[name][0]} why=${whyNot("local", COMMANDS[name][1])} onClick=${() => press(name)}>${t(`do.${name}`)}<//>`)}
    <${Menu} small label=${t("act.more")} items=${[item("grains"), item("pillar"), item("sync"), null, { label: t("keys.delete"), icon: "trash", why: whyNot("wheel", "key.delete_dict"), onPick: () => setDeleting(true) }]} />
    <span class="grow"></span>
    <${Button} small kind="quiet" icon="close" label=${t("bulk.none")} onClick=${onDone} />
    ${asked && html`<${Confirm} title=${t("bulk.sure", { title: t(`do.${asked}`), n: ids.length })} verb=${t(`do.${asked}`)} onYes=${() => begin(asked)} onClose=${() => setAsked("")}>
      <${Names} ids=${ids} /><//>`}
    ${deleting && html`<${Confirm} title=${t("keys.delete.sure", { n: ids.length })} verb=${t("keys.delete")} danger typed=${ids.length > 1 ? String(ids.length) : undefined} onYes=${remove} onClose=${() => setDeleting(false)}>
      <p>${t("keys.delete.text")}</p><${Names} ids=${ids} /><//>`}
  </div>`;
}

/** The very names, before something is done to them. @param {{ids: string[]}} props */
export function Names({ ids }) {
  return html`<div class="well names" tabindex="0" role="group" aria-label=${t("bulk.names")}>${ids.slice(0, NAMED).map((id) => html`<div key=${id}>${id}</div>`)}${
    ids.length > NAMED && html`<div class="faint">${t("parts.more", { n: ids.length - NAMED })}</div>`}</div>`;
}
