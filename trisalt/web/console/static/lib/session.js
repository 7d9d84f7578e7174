/**
 * Who is signed in, and what he prefers.
 *
 * The session is asked of the server, told to all tabs, ended in time. The token itself stays in the cookie, where no
 * script reads it.
 */
import { effect, signal } from "../vendor/signals-core.js";
import { ApiError, ask, get, onStranger, put } from "./api.js";
import { LANGUAGES, preferred, speak } from "./i18n.js";
import { base } from "./paths.js";
import { may } from "./rules.js";
import { startStream, stopStream } from "./stream.js";
import { zone } from "../parts/facts.js";

/** Seconds before the end at which one is told of it. */
const WARNING = 120;
/** Milliseconds in which the server is not asked again who we are, because it refused something. */
const PAUSE = 2_000;

/** What `GET /api/v1/session` says; null: nobody is signed in; undefined: not known yet. */
export const session = signal(undefined);

/** What the sign-in page shows: `{eauths, motd, totp, oidc}`; `proxy`: the proxy before the server says who one is. */
export const greeting = signal({ eauths: [], motd: "", totp: false, oidc: null, proxy: false });

/** `soon` when the session ends within two minutes, `over` when it ended under one's hands, else empty. */
export const ending = signal("");

/** The server is not there: the reason, as far as there is one. */
export const unreachable = signal(false);

const tabs = new BroadcastChannel("trisalt-session");
let timers = [];
let asked = 0;
/** Whether the proxy's word was taken, or is not wanted: once for each page, or nobody could sign out. */
let vouched = false;

/** Ask the server who we are. */
export async function loadSession() {
  try {
    become(await ask("GET", "/api/v1/session", { quiet: true }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    unreachable.value = error.status !== 401;
    if (error.status === 401) {
      const { eauths = [], motd = "", totp = false, oidc = null, proxy = false } = error.body?.eauths ? error.body : (error.body?.return ?? {});
      greeting.value = { eauths, motd, totp, oidc, proxy };
      if (proxy && !vouched) {
        vouched = true;
        if (await login({ eauth: "proxy" }).then(() => true, () => false)) return;
      }
      if (session.peek()) ending.value = "over";
      become(null);
    }
  }
}

function become(who) {
  unreachable.value = false;
  timers.forEach(clearTimeout);
  timers = [];
  session.value = who;
  if (!who) return stopStream();
  ending.value = "";
  startStream(`${who.user}/${who.eauth}/${who.expire}`);
  const left = who.expire * 1000 - Date.now();
  timers = [at(left - WARNING * 1000, "soon"), at(left, "over")];
}

function at(ms, word) {
  // setTimeout counts in 31 bits; a session longer than that is asked about anew on the way.
  if (ms > 2 ** 31 - 1) return setTimeout(loadSession, 2 ** 31 - 1);
  return setTimeout(() => {
    if (word === "over") loadSession();
    else ending.value = word;
  }, Math.max(ms, 0));
}

/** @param {{username?: string, password?: string, eauth: string, code?: string}} credentials of the proxy's word: nothing but that */
export async function login(credentials) {
  await ask("POST", "/login", { json: credentials, quiet: true });
  await loadSession();
  tabs.postMessage("changed");
}

export async function logout() {
  await ask("POST", "/logout", { json: {}, quiet: true }).catch((error) => {
    if (error.status !== 401) throw error;
  });
  become(null);
  ending.value = "";
  vouched = true;
  await loadSession();
  tabs.postMessage("changed");
}

/** Listen to the other tabs, and for refusals of the server. */
export function startSession() {
  tabs.onmessage = loadSession;
  // A refusal may mean that one may not do this, or that one is not known any longer.
  onStranger(() => {
    if (!session.peek() || Date.now() - asked < PAUSE) return;
    asked = Date.now();
    loadSession();
  });
  return loadSession();
}

/** Whether who is signed in may do this: `yes`, `maybe`, `no`. */
export function allowed(client, fun) {
  const who = session.value;
  if (!who) return "no";
  return who.admin ? "yes" : may(who.perms, { client, fun });
}

/** Whether who is signed in is told to consent to what others ask for. Administrators may, without being told. */
export const mayApprove = () => session.value.perms.includes("@approver");

/** Whether one may see commands that wait for a second person. */
export const mayAsk = () => session.value.admin || /"@approver?"/.test(JSON.stringify(session.value.perms));

/*
 * What one prefers: kept on the server for each person, and in this browser for when that cannot be.
 *
 * Theme and density are also told to the server by a cookie, which is how the page comes in the right colours at once.
 */

const STORED = "trisalt-prefs";
const DEFAULTS = {
  theme: "system",
  density: "comfortable",
  zone: "browser",
  language: "",
  letters: false,
  collapsed: false,
  history: [],
  pinned: [],
  columns: {},
};
const VISIBLE = ["theme", "density", "language"];

/** All of it, as one object that is replaced and never changed. */
export const prefs = signal({ ...DEFAULTS, ...stored() });

let saving = 0;

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "") ?? {};
  } catch {
    return {};
  }
}

/** Change some of them: `prefer({theme: "dark"})`. */
export function prefer(patch) {
  prefs.value = { ...prefs.value, ...patch };
  try {
    localStorage.setItem(STORED, JSON.stringify(prefs.value));
  } catch {
    // A browser that keeps nothing: the server does.
  }
  clearTimeout(saving);
  saving = setTimeout(save, 800);
}

function save() {
  clearTimeout(saving);
  saving = 0;
  put("me/prefs", prefs.peek()).catch(() => {});
}

/** Fetch what the server keeps for who is signed in. */
export async function loadPrefs() {
  const kept = await get("me/prefs").catch(() => null);
  if (kept && typeof kept === "object") prefs.value = { ...DEFAULTS, ...stored(), ...kept };
}

/** Have the page look as preferred, now and whenever that changes. */
export function startPrefs() {
  // What has just been chosen is not lost with the page.
  addEventListener("pagehide", () => saving && save());
  effect(() => {
    const { theme, density, language, zone: clock } = prefs.value;
    const page = document.documentElement;
    page.dataset.theme = theme;
    page.dataset.density = density;
    zone.value = clock;
    speak(language in LANGUAGES ? language : preferred());
    for (const key of VISIBLE) {
      document.cookie = `trisalt_${key}=${prefs.value[key]}; Path=${base || "/"}; Max-Age=31536000; SameSite=Strict`;
    }
  });
}
