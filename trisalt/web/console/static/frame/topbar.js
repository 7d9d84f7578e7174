/** The bar at the top: how the fleet is, the way to everything else, whether events come, and who one is. */
import { html, useSignal } from "../lib/ui.js";
import { LANGUAGES, language, t } from "../lib/i18n.js";
import { prefer, prefs } from "../lib/prefs.js";
import { href } from "../lib/router.js";
import { logout, session } from "../lib/session.js";
import { fleet } from "../lib/store.js";
import { link } from "../lib/stream.js";
import { Button } from "../parts/button.js";
import { reasonOf } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { Menu } from "../parts/menu.js";
import { toast } from "../parts/toast.js";

/** @param {{menu: () => void, search: () => void, help: () => void}} props */
export function TopBar({ menu, search, help }) {
  return html`<header class="topbar">
    <span class="nav-toggle"><${Button} kind="quiet" icon="menu" label=${t("frame.menu")} onClick=${menu} /></span>
    <a class="brand" href=${href("/overview")} aria-label="trisalt"><${Icon} name="logo" /><span>trisalt</span></a>
    <${Health} />
    <button type="button" class="palette-button" aria-label=${t("frame.search")} onClick=${search} aria-keyshortcuts="Control+K">
      <${Icon} name="search" /><span>${t("frame.search")}</span><kbd>Ctrl K</kbd>
    </button>
    <${Live} />
    <${Person} help=${help} />
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
    ${pending + denied > 0 && html`<${Number} path="/keys" tone="is-changed" text=${t("health.keys")} short=${(pending + denied).toLocaleString()} says=${t("health.keys.says", { n: pending + denied })} />`}
    <${Number} path="/jobs" query=${{ state: "running" }} text=${t("health.running")} short=${running.toLocaleString()} says=${t("health.running.says", { n: running })} />
    ${failed > 0 && html`<${Number} path="/jobs" query=${{ state: "failed" }} tone="is-failed" text=${t("health.failed")} short=${failed.toLocaleString()} says=${t("health.failed.says", { n: failed })} />`}
  </nav>`;
}

function Number({ path, query, tone, text, short, says }) {
  return html`<a class=${`health-item ${tone ?? ""}`} href=${href(path, query)} aria-label=${says}><b>${short}</b> ${text}</a>`;
}

function Live() {
  const state = useSignal(link);
  const word = state === "connected" || state === "refused" ? state : "reconnecting";
  return html`<span class="live" data-live=${word} role="status" title=${t(`live.${word}.says`)}>${t(`live.${word}`)}</span>`;
}

function Person({ help }) {
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
    { label: t("help.title"), icon: "help", keys: "?", onPick: help },
    { label: t("person.logout"), icon: "out", onPick: leave },
  ];
  return html`<${Menu} label=${t("person.label", { user: who?.user })} icon="user" kind="quiet" end items=${items}><span class="person">${who?.user}</span><//>`;
}
