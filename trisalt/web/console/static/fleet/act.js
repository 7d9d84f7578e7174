/** Doing something to minions: asking the server for it, saying how it went, and the buttons that a list of them has. */
import { html, useEffect, useKeys, useSignal, useState } from "../lib/ui.js";
import { ApiError, ask } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href, navigate } from "../lib/router.js";
import { dangerous } from "../lib/rules.js";
import { allowed, session } from "../lib/session.js";
import { Button, Confirm, Icon, Menu, toast } from "../parts/controls.js";
import { reasonOf } from "../parts/facts.js";

/*
 * Doing something: commands by `POST /`, as every client sends them, and what to say of them afterwards. And whether
 * somebody may, as far as the rules that the server tells say so.
 */

/**
 * Run one command as it stands: arguments are data, nothing is read as YAML.
 * @param {{client: string, fun: string, tgt?: string | string[], tgt_type?: string, arg?: any[], kwarg?: Record<string, any>, timeout?: number}} low
 * @param {AbortSignal} [signal]
 */
export async function command(low, signal) {
  const answer = await ask("POST", "/", { json: [low], signal, quiet: true });
  return answer.return[0];
}

/** What a function of the wheel gave. Throws ApiError where it says that it failed. */
export async function wheel(fun, kwarg = {}, signal) {
  return unwrapped(await command({ client: "wheel", fun, kwarg }, signal));
}

/** @param {any} answer of a wheel function */
export function unwrapped(answer) {
  const { data } = answer ?? {};
  if (!data?.success) throw new ApiError(500, typeof data?.return === "string" ? data.return : "");
  return data.return;
}

/** The job of a command that runs on its own; tells where to look at it. @returns {Promise<string>} the jid, or empty */
export async function start(low, title) {
  try {
    const answer = await command(low);
    const jid = answer?.jid ?? "";
    if (jid) toast(t("act.started", { title }), { tone: "running", href: href(at("jobs", jid)), link: t("act.show") });
    else toast(t("act.nobody", { title }), { tone: "changed" });
    return jid;
  } catch (error) {
    toast(`${title}: ${reasonOf(error)}`, { tone: "failed" });
    return "";
  }
}

/** Have something done, tell what came of it, and whether it did. @param {() => Promise<any>} action */
export async function attempt(action, done) {
  try {
    await action();
    toast(done, { tone: "ok" });
    return true;
  } catch (error) {
    toast(reasonOf(error), { tone: "failed" });
    return false;
  }
}

/** Why somebody may not do this, or null: `whyNot("wheel", "key.accept")`. */
export function whyNot(client, fun) {
  return allowed(client, fun) === "no" ? t("act.mayNot", { fun: client === "local" ? fun : `${client}.${fun}` }) : null;
}

/** Why somebody may not enter a room that is no function: `audit`, `stats`; or null. */
export function whyNotIn(room) {
  const who = session.peek();
  return who?.admin || who?.rooms?.includes(room) ? null : t("act.mayNot", { fun: `@${room}` });
}

/** Words of a target for some minions: what `POST /` takes. @param {string[]} ids */
const onThese = (ids) => ({ tgt: ids, tgt_type: "list" });

/**
 * What a command gave that was run for this screen; run again by `again`. Nothing is run while `low` is null.
 * @returns {{data: any, error: any, loading: boolean, again: () => void, set: (data: any) => void}}
 */
export function useCommand(low) {
  const [state, setState] = useState({ data: undefined, error: null, loading: Boolean(low) });
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(low);
  useEffect(() => {
    if (!low) return undefined;
    const controller = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    command(low, controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, error: null, loading: false }),
      (error) => controller.signal.aborted || setState({ data: undefined, error, loading: false }),
    );
    return () => controller.abort();
  }, [key, turn]);
  return { ...state, again: () => setTurn(turn + 1), set: (data) => setState({ data, error: null, loading: false }) };
}

/* What is done to the minions that are selected: commands, shown before they go to many, and the deletion of keys. */

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

/* A job in a row: what it ran, on whom, and how many of each outcome. */

/** What it ran, with several functions between commas. */
export const funOf = ({ fun }) => (Array.isArray(fun) ? fun.join(", ") : (fun ?? ""));

/** Its arguments on one line. */
export const argsOf = ({ arg = [] }) => arg.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" ");

const LETTERS = { compound: "C", list: "L", grain: "G", grain_pcre: "P", pcre: "E", pillar: "I", pillar_pcre: "J", pillar_exact: "I", nodegroup: "N", ipcidr: "S", range: "R" };

/** Whom it was for: the target, after the kind where that is no glob. */
export function targetOf({ tgt, tgt_type: type, fun }) {
  if (/^(runner|wheel)\./.test(Array.isArray(fun) ? fun[0] : (fun ?? ""))) return t("jobs.onMaster");
  const text = Array.isArray(tgt) ? tgt.join(",") : String(tgt ?? "");
  return type in LETTERS ? `-${LETTERS[type]} ${text}` : text;
}

const PARTS = [["ok", "ok"], ["changed", "changed"], ["failed", "failed"], ["missing", "missing"]];

/** How many of each outcome, those that there are: symbol and number, with the word for ears and as a hint. @param {{job: any}} props */
export function Counts({ job }) {
  return html`<span class="job-counts">${PARTS.filter(([part]) => job[part] > 0).map(([part, sign]) => html`<span key=${part} class=${`is-${part}`} title=${t("jobs.counts", { n: job[part], state: t(`status.${part}`) })}>
    <${Icon} name=${sign} small />${job[part].toLocaleString()}<span class="sr"> ${t(`status.${part}`)}</span></span>`)}</span>`;
}
