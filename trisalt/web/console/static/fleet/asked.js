/** Tabs of a minion that have to ask it: schedules, beacons, packages. Who may not ask is told so instead. */
import { html, useMemo, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { setQuery } from "../lib/router.js";
import { Button } from "../parts/controls.js";
import { Empty, Failed, Loading, Panel } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { Table } from "../parts/table.js";
import { Tree } from "../parts/tree.js";
import { attempt, command, start, useCommand, whyNot } from "./act.js";

const local = (minion, fun, kwarg) => ({ client: "local", fun, tgt: [minion.id], tgt_type: "list", ...(kwarg ? { kwarg } : {}) });

/** What a minion answered, or what stands in its place. */
function useAsked(minion, fun, kwarg) {
  const why = whyNot("local", fun);
  const away = minion.status === "up" ? null : t("asked.away");
  const asked = useCommand(why || away ? null : local(minion, fun, kwarg));
  const value = asked.data?.[minion.id];
  const right = value !== null && typeof value === "object";
  let instead = null;
  if (why || away) instead = html`<${Empty} icon=${why ? "lock" : "clock"} title=${why ?? away} />`;
  else if (asked.error) instead = html`<${Failed} error=${asked.error} onRetry=${asked.again} />`;
  else if (asked.loading && !right) instead = html`<${Loading} rows=${4} label=${t("asked.waiting")} />`;
  else if (!right) instead = html`<${Empty} icon="warning" title=${value === undefined ? t("asked.silent") : t("asked.said")}>${typeof value === "string" && html`<p class="mono">${value}</p>`}<${Button} icon="refresh" onClick=${asked.again}>${t("parts.retry")}<//><//>`;
  return { value, instead, again: asked.again, loading: asked.loading };
}

/** Have it done on the minion at once, and look again. */
function useDo(minion, again) {
  const [busy, setBusy] = useState("");
  const run = async (key, fun, arg, done) => {
    setBusy(key);
    await attempt(async () => {
      const answer = (await command({ ...local(minion, fun), arg }))?.[minion.id];
      if (answer?.result === false || typeof answer === "string") throw new Error(answer?.comment ?? answer);
    }, done);
    setBusy("");
    again();
  };
  return { busy, run };
}

/** When an entry of a schedule runs, in few words. */
export function when(entry) {
  const every = ["seconds", "minutes", "hours", "days"].filter((unit) => entry[unit]).map((unit) => t(`schedule.every.${unit}`, { n: Number(entry[unit]) }));
  if (every.length) return every.join(" ");
  if (entry.cron) return `cron ${entry.cron}`;
  return [entry.when ?? entry.once].flat().filter(Boolean).join(", ") || "–";
}

export function Schedules({ minion }) {
  const { value, instead, again, loading } = useAsked(minion, "schedule.list", { return_yaml: false, show_all: true, show_disabled: true });
  const { busy, run } = useDo(minion, again);
  if (instead) return instead;
  const { enabled: whole = true, ...rest } = value.schedule ?? value;
  const entries = Object.entries(rest).filter(([, entry]) => entry && typeof entry === "object");
  return html`<${Panel} title=${t("minion.tab.schedules")} flush actions=${html`${whole === false && html`<span class="tag">${t("schedule.allOff")}</span>`}<${Button} small kind="quiet" icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />`}>
    ${entries.length === 0
      ? html`<${Empty} icon="calendar" title=${t("schedule.none")} />`
      : html`<ul class="list">${entries.map(([name, entry]) => {
          const on = entry.enabled !== false;
          return html`<li key=${name}><div class="grow"><div class="strong">${name}</div>
            <div class="muted small"><code>${String(entry.function ?? "")}</code> ${[entry.args ?? []].flat().map(String).join(" ")} · ${when(entry)}</div></div>
            ${!on && html`<span class="tag">${t("schedule.off")}</span>`}
            <${Button} small icon="play" why=${whyNot("local", "schedule.run_job")} busy=${busy === `run ${name}`} onClick=${() => run(`run ${name}`, "schedule.run_job", [name], t("schedule.ran", { name }))}>${t("schedule.run")}<//>
            <${Button} small kind="quiet" icon=${on ? "pause" : "play"} why=${whyNot("local", on ? "schedule.disable_job" : "schedule.enable_job")} busy=${busy === name} onClick=${() => run(name, on ? "schedule.disable_job" : "schedule.enable_job", [name], t(on ? "schedule.disabled" : "schedule.enabled", { name }))}>${t(on ? "schedule.disable" : "schedule.enable")}<//></li>`;
        })}</ul>`}
  <//>`;
}

/** A beacon's settings: a list of maps, or a map. */
const settings = (given) => (Array.isArray(given) ? Object.assign({}, ...given.filter((one) => one && typeof one === "object")) : (given ?? {}));

export function Beacons({ minion }) {
  const { value, instead, again, loading } = useAsked(minion, "beacons.list", { return_yaml: false });
  const { busy, run } = useDo(minion, again);
  if (instead) return instead;
  const entries = Object.entries(value.beacons ?? value).filter(([, given]) => given && typeof given === "object");
  return html`<${Panel} title=${t("minion.tab.beacons")} flush actions=${html`<${Button} small kind="quiet" icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />`}>
    ${entries.length === 0
      ? html`<${Empty} icon="events" title=${t("beacons.none")} />`
      : html`<ul class="list">${entries.map(([name, given]) => {
          const { enabled = true, ...rest } = settings(given);
          return html`<li key=${name}><div class="grow"><div class="strong">${name}</div><${Tree} data=${rest} bare depth=${1} label=${name} /></div>
            ${enabled === false && html`<span class="tag">${t("schedule.off")}</span>`}
            <${Button} small kind="quiet" icon=${enabled ? "pause" : "play"} why=${whyNot("local", enabled ? "beacons.disable_beacon" : "beacons.enable_beacon")} busy=${busy === name} onClick=${() => run(name, enabled ? "beacons.disable_beacon" : "beacons.enable_beacon", [name], t(enabled ? "schedule.disabled" : "schedule.enabled", { name }))}>${t(enabled ? "schedule.disable" : "schedule.enable")}<//></li>`;
        })}</ul>`}
  <//>`;
}

export function Packages({ minion, route }) {
  const { find = "" } = route.query;
  const { value, instead, again, loading } = useAsked(minion, "pkg.list_pkgs");
  const rows = useMemo(() => {
    const sought = find.toLowerCase();
    return Object.entries(value && typeof value === "object" ? value : {})
      .map(([name, version]) => ({ name, version: [version].flat().map((one) => (typeof one === "object" ? (one?.version ?? JSON.stringify(one)) : String(one))).join(", ") }))
      .filter(({ name }) => name.toLowerCase().includes(sought));
  }, [value, find]);
  const columns = useMemo(() => [
    { key: "name", label: t("packages.name"), head: true, at: "title", cell: (row) => row.name },
    { key: "version", label: t("minion.version"), width: "40%", cell: (row) => html`<span class="mono small">${row.version}</span>` },
  ], []);
  if (instead) return instead;
  return html`<div class="stack fill-stack"><div class="toolbar">
      <${QueryBox} main icon="filter" label=${t("packages.find")} placeholder=${t("packages.find")} value=${find} onChange=${(next) => setQuery({ find: next })} wait=${120} />
      <${Button} icon="refresh" busy=${loading} label=${t("act.refresh")} onClick=${again} />
      <${Button} icon="up" why=${whyNot("local", "pkg.list_upgrades")} onClick=${() => start({ client: "local_async", fun: "pkg.list_upgrades", tgt: [minion.id], tgt_type: "list" }, "pkg.list_upgrades")}>${t("packages.upgrades")}<//></div>
    <section class="panel flush" aria-label=${t("minion.tab.packages")}><${Table} label=${t("minion.tab.packages")} columns=${columns} rows=${rows} rowKey=${(row) => row.name} empty=${html`<${Empty} title=${t("packages.none")} />`} />
      <div class="table-foot">${t("packages.count", { n: rows.length })}</div></section></div>`;
}
