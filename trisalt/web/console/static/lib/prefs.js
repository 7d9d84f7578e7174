/**
 * What one prefers: kept on the server for each person, and in this browser for when that cannot be.
 *
 * Theme and density are also told to the server by a cookie, which is how the page comes in the right colours at once.
 */
import { effect, signal } from "../vendor/signals-core.js";
import { zone } from "../parts/time.js";
import { get, put } from "./api.js";
import { base } from "./places.js";
import { LANGUAGES, preferred, speak } from "./i18n.js";

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
    return JSON.parse(localStorage.getItem(STORED)) ?? {};
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
  saving = setTimeout(() => put("me/prefs", prefs.peek()).catch(() => {}), 800);
}

/** Fetch what the server keeps for who is signed in. */
export async function loadPrefs() {
  const kept = await get("me/prefs").catch(() => null);
  if (kept && typeof kept === "object") prefs.value = { ...DEFAULTS, ...stored(), ...kept };
}

/** Have the page look as preferred, now and whenever that changes. */
export function startPrefs() {
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
