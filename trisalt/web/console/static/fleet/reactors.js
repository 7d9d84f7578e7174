/** The reactor: which events have which files run, what an event would have done, and what was done of late. */
import { html, useState } from "../lib/ui.js";
import { get, post, useFetched, useOnEvents } from "../lib/api.js";
import { again, BLANK, toLine, toQuery } from "../lib/command.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, setQuery } from "../lib/router.js";
import { Button, Dialog } from "../parts/controls.js";
import { Empty, Notice, Panel, reasonOf, Status, Time, waiting } from "../parts/facts.js";
import { QueryBox } from "../parts/fields.js";
import { whyNot } from "./act.js";

/** @param {{route: import("../lib/router.js").Route}} props */
export function Reactors({ route }) {
  const { tag = "" } = route.query;
  const found = useFetched((signal) => get("reactors", { tag }, signal), [tag]);
  useOnEvents(/^trisalt\/reacted/, found.again, 2_000);
  const [trying, setTrying] = useState(false);
  if (!found.data || found.error) return waiting(found);
  const { items, runs, counts, latest } = found.data;
  if (!items.length) return html`<${Empty} icon="events" title=${t("reactors.none")}><p>${t("reactors.none.text")}</p><//>`;
  return html`${!runs && html`<${Notice} tone="changed">${t("reactors.off")}<//>`}
    <div class="toolbar"><${QueryBox} main icon="events" label=${t("reactors.tag")} placeholder="salt/minion/web1/start" value=${tag} onChange=${(next) => setQuery({ tag: next })} />
      <${Button} icon="eye" why=${whyNot("runner", "event.send")} onClick=${() => setTrying(true)}>${t("reactors.try")}<//></div>
    <${Panel} title=${t("states.reactors")} flush foot=${html`<span class="note">${t("reactors.counts", counts)}</span>`}><ul class="list">${items.map((one, n) => html`<li key=${n} class=${one.matches === false ? "faint" : ""}><div class="grow stack tight">
      <div class="row"><a class="mono strong" href=${href("/events", { tag: one.tag })}>${one.tag}</a>${one.matches && html`<${Status} state="ok" text=${t("reactors.matches")} />`}</div>
      ${one.files.map((file) => html`<details key=${file.path}><summary class="mono small muted">${file.path}</summary>${file.source === null ? html`<p class="hint error">${file.error}</p>` : html`<pre class="well" tabindex="0">${file.source}</pre>`}</details>`)}</div></li>`)}</ul><//>
    ${latest.length > 0 && html`<${Panel} title=${t("reactors.latest")} flush><ul class="list tight">${latest.map(({ id, at: moment, data }) => html`<li key=${id}><${Status} state=${data.success ? "ok" : "failed"} quiet />
        <div class="grow stack tight"><div class="row">${data.jid ? html`<a class="mono strong" href=${href(at("jobs", data.jid))}>${data.fun}</a>` : html`<b class="mono">${data.fun}</b>`}<span class="muted">${data.id}</span></div>
          <span class="mono small faint clip">${data.to}</span>${data.error && html`<p class="hint error">${data.error}</p>`}</div><span class="muted small"><${Time} at=${moment} /></span></li>`)}</ul><//>`}
    ${trying && html`<${Trial} tag=${tag} close=${() => setTrying(false)} />`}`;
}

/** An event as one types it: what it would have done, and the console, to have it done. */
function Trial({ tag, close }) {
  const [typed, setTyped] = useState({ tag, data: "{}" });
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState("");
  const put = (name) => (change) => setTyped({ ...typed, [name]: change.target.value });
  const go = async () => {
    setAnswer(null);
    setError("");
    const event = read(typed);
    if (!event) return setError(t("reactors.bad"));
    try {
      setAnswer(await post("reactors/try", event));
    } catch (refusal) {
      setError(reasonOf(refusal));
    }
  };
  const fire = { ...BLANK, fun: "runner.event.send", words: [typed.tag, typed.data] };
  return html`<${Dialog} title=${t("reactors.try")} onClose=${close} onSubmit=${go} foot=${html`<${Button} onClick=${close}>${t("parts.close")}<//>
    ${answer && html`<a class="btn" href=${href("/console", toQuery(fire))}>${t("reactors.fire")}</a>`}<${Button} kind="primary" icon="eye" type="submit">${t("reactors.render")}<//>`}>
    <p class="muted">${t("reactors.try.text")}</p>
    <label class="field"><span class="label">${t("events.tag")}</span><input class="input mono" value=${typed.tag} required maxlength="512" spellcheck=${false} autocomplete="off" onInput=${put("tag")} /></label>
    <label class="field"><span class="label">${t("format.data")}</span><textarea class="input mono" spellcheck=${false} value=${typed.data} onInput=${put("data")}></textarea></label>
    <div class="stack tight" role="status">
      ${error && html`<p class="hint error">${error}</p>`}
      ${answer && !answer.files.length && html`<p>${t("reactors.nobody")}</p>`}
      ${answer?.problems.map((text, n) => html`<${Notice} key=${n} tone="failed">${text}<//>`)}
      ${answer?.items.map((one, n) => html`<div key=${n} class="stack tight"><span class="muted">${one.id}</span><pre class="well" tabindex="0">${lineOf(one)}</pre></div>`)}
    </div><//>`;
}

/** A reaction as one would type it. Pure. */
const lineOf = (one) => toLine({ ...again({ ...one, fun: one.fun.replace(/^local\./, ""), kwargs: one.kwarg }), mode: "sync" });

/** What is typed as an event; null while its data is no object. Pure. */
function read({ tag, data }) {
  try {
    const value = JSON.parse(data.trim() || "{}");
    return value && typeof value === "object" && !Array.isArray(value) ? { tag: tag.trim(), data: value } : null;
  } catch {
    return null;
  }
}
