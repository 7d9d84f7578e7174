/**
 * Asking the server. The cookie says who asks; each request says that it is ours, and no token is kept here.
 *
 * Every refusal is an `ApiError` whose message is fit to be shown. One that says "who are you?" tells `onStranger`.
 */
import { form } from "./command.js";
import { root } from "./paths.js";

/** A refusal: `status` 0 means that nobody answered. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {Headers} [headers] @param {any} [body] */
  constructor(status, message, headers, body) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
    /** Seconds to wait before the next try, if the server says so. */
    this.retryAfter = Number(headers?.get("Retry-After")) || 0;
  }
}

const HEADERS = { Accept: "application/json", "X-Requested-With": "trisalt" };
let stranger = () => {};

/** Have `hear` called when the server does not know us any longer. */
export function onStranger(hear) {
  stranger = hear;
}

/**
 * @param {string} method @param {string} path below the API's root, as `/api/v1/jobs`
 * @param {{query?: Record<string, unknown>, json?: unknown, body?: BodyInit, headers?: Record<string, string>,
 *   signal?: AbortSignal, quiet?: boolean}} [options] `quiet`: a 401 is the caller's to handle
 */
export async function ask(method, path, { query, json, body, headers, signal, quiet = false } = {}) {
  let answer;
  try {
    answer = await fetch(root + path + words(query), {
      method,
      headers: { ...HEADERS, ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: json === undefined ? body : JSON.stringify(json),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  const content = await read(answer);
  if (answer.ok) return content;
  if (answer.status === 401 && !quiet) stranger();
  const said = typeof content === "object" && content ? content.return : content;
  throw new ApiError(answer.status, typeof said === "string" ? said : "", answer.headers, content);
}

/** What an answer holds. One that is cut off is no answer, and one that nobody waits for any longer is none either. */
async function read(answer) {
  let text;
  try {
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  if (!(answer.headers.get("Content-Type") ?? "").includes("json")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function words(query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return text ? `?${text}` : "";
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => ask("GET", `/api/v1/${path}`, { query, signal });

/** @param {string} path @param {unknown} json @param {AbortSignal} [signal] */
export const post = (path, json, signal) => ask("POST", `/api/v1/${path}`, { json, signal });

/** @param {string} path @param {unknown} json */
export const put = (path, json) => ask("PUT", `/api/v1/${path}`, { json });

/**
 * Run one command by `POST /`, as every client of the API does; what the server answered for it.
 *
 * `arg` are words as on the command line: the server reads each as YAML, and `name=value` as a keyword.
 * @param {{client: string, fun: string, tgt?: string, tgt_type?: string, arg?: string[], batch?: string,
 *   timeout?: string}} command @param {AbortSignal} [signal]
 */
export async function run(command, signal) {
  const body = form(command);
  const answer = await ask("POST", "/", { body, signal });
  return command.client === "local_batch" ? answer.return : answer.return[0];
}
