/**
 * Doing something: commands by `POST /`, as every client sends them, and what to say of them afterwards. And whether
 * somebody may, as far as the rules that the server tells say so.
 */
import { ask, ApiError } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { allowed, session } from "../lib/session.js";
import { useEffect, useState } from "../lib/ui.js";
import { reasonOf } from "../parts/blank.js";
import { toast } from "../parts/toast.js";

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
export const onThese = (ids) => ({ tgt: ids, tgt_type: "list" });

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
