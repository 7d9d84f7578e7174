/** Orchestrations: the files of the file server that are to be run on the master, their states, and running them. */
import { html, useMemo, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { Button } from "../parts/button.js";
import { Empty, Failed, Loading, Panel } from "../parts/blank.js";
import { Confirm } from "../parts/dialog.js";
import { QueryBox } from "../parts/query.js";
import { Status } from "../parts/status.js";
import { Time } from "../parts/time.js";
import { Tree } from "../parts/tree.js";
import { start, useCommand, whyNot } from "./act.js";
import { argsOf, funOf } from "./job.js";
import { usePages } from "./pages.js";

/** A file's name as `state.orchestrate` takes it; null for one that is no SLS. Pure. */
export function modOf(path) {
  const found = /^(.+?)(\/init)?\.sls$/.exec(path);
  return found ? found[1].replaceAll("/", ".") : null;
}

/** @param {{route: import("../lib/router.js").Route}} props */
export function Orchestrations({ route }) {
  const { mods = "" } = route.query;
  // A blank says that no letters are wanted: without any word the usual ones are.
  const q = (route.query.q ?? "orch").trim();
  const mayList = whyNot("runner", "fileserver.file_list");
  const files = useCommand(mayList ? null : { client: "runner", fun: "fileserver.file_list" });
  const runs = usePages("jobs", { fun: "runner.state.orch*" }, { first: 12 });
  const names = useMemo(() => (Array.isArray(files.data) ? files.data : []).map(modOf).filter((one) => one && one !== "top"), [files.data]);
  const found = names.filter((one) => one.toLowerCase().includes(q.toLowerCase()));
  return html`<div class="columns list-first">
    <div class="stack"><${Panel} title=${t("orch.files")} flush>
      <div class="panel-search"><${QueryBox} main icon="filter" label=${t("orch.find")} placeholder=${t("orch.find")} value=${q} onChange=${(next) => setQuery({ q: next === "" ? " " : next })} wait=${120} /></div>
      ${mayList
        ? html`<${Empty} icon="lock" title=${mayList} />`
        : files.error ? html`<${Failed} error=${files.error} onRetry=${files.again} />`
        : files.loading ? html`<${Loading} rows=${4} />`
        : found.length === 0 ? html`<${Empty} icon="states" title=${t("orch.none")}><p>${t("orch.none.text")}</p><//>`
        : html`<ul class="pick-list">${found.slice(0, 200).map((one) => html`<li key=${one}><a href=${href(at("states", "orchestrations"), { mods: one, q })} aria-current=${one === mods ? "true" : undefined}>${one}</a></li>`)}</ul>`}
    <//></div>
    <div class="stack">${mods ? html`<${Orchestration} key=${mods} mods=${mods} />` : html`<${Panel} title=${t("states.orchestrations")}><${Empty} icon="states" title=${t("orch.choose")} /><//>`}
      <${Panel} title=${t("orch.runs")} flush>${runs.rows.length === 0 ? html`<${Empty} icon="jobs" title=${t("orch.noRuns")} />` : html`<ul class="list tight">${runs.rows.map((job) => html`<li key=${job.jid}><${Status} state=${job.state} quiet />
        <div class="grow clip"><a class="strong" href=${href(at("jobs", job.jid))}>${argsOf(job) || funOf(job)}</a></div><span class="muted small">${job.user}</span><span class="muted small"><${Time} at=${job.start} /></span></li>`)}</ul>`}<//></div>
  </div>`;
}

function Orchestration({ mods }) {
  const [test, setTest] = useState(false);
  const [asking, setAsking] = useState(false);
  const may = whyNot("runner", "state.orchestrate_show_sls");
  const high = useCommand(may ? null : { client: "runner", fun: "state.orchestrate_show_sls", arg: [mods] });
  const why = whyNot("runner", "state.orchestrate");
  // The answer stands below the name of the master's own minion.
  const data = high.data && typeof high.data === "object" && !Array.isArray(high.data) ? (Object.values(high.data)[0] ?? high.data) : high.data;
  const run = () => {
    setAsking(false);
    return start({ client: "runner_async", fun: "state.orchestrate", arg: [mods], ...(test ? { kwarg: { test: true } } : {}) }, mods);
  };
  return html`<${Panel} title=${mods} actions=${html`<label class="check small"><input type="checkbox" class="switch" checked=${test} onChange=${() => setTest(!test)} />test=True</label>
      <${Button} small kind="primary" icon="play" why=${why} onClick=${() => (test ? run() : setAsking(true))}>${t("orch.run")}<//>`}>
    ${may ? html`<p class="muted">${may}</p>` : high.error ? html`<${Failed} error=${high.error} onRetry=${high.again} />` : high.loading ? html`<${Loading} rows=${4} />`
      : Array.isArray(data) || typeof data === "string" ? html`<pre class="well">${[data].flat().join("\n")}</pre>` : html`<${Tree} data=${data ?? {}} label=${mods} depth=${2} bare />`}
    ${asking && html`<${Confirm} title=${t("orch.sure", { mods })} verb=${t("orch.run")} onYes=${run} onClose=${() => setAsking(false)}><p>${t("orch.sure.text")}</p><pre class="well">salt-run state.orchestrate ${mods}</pre><//>`}
  <//>`;
}
