/** Before and after a session: signing in, its end, and a server that is not there; and what else a sign-in takes. */
import { html, useEffect, useLayoutEffect, useRef, useSignal, useState } from "../lib/ui.js";
import { get, post, put, useFetched } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { ending, greeting, loadSession, login, session } from "../lib/session.js";
import { href, route, setQuery } from "../lib/router.js";
import { Button, CopyButton, Dialog, Icon } from "../parts/controls.js";
import { reasonOf, waiting } from "../parts/facts.js";

/*
 * The sign-in. It stands at whatever address was asked for, so that afterwards one is there.
 */

/** The method of the last sign-in, which is most likely the next one's. */
const STORED = "trisalt-eauth";

export function Login() {
  const { motd } = useSignal(greeting);
  const over = useSignal(ending) === "over";
  useEffect(() => {
    document.title = `${t("login.title")} · trisalt`;
  }, []);
  return html`<main class="alone login">
    <div class="panel">
      <div class="login-head">
        <${Icon} name="logo" />
        <h1>trisalt</h1>
        <p class="muted">${t("login.lead")}</p>
      </div>
      ${motd && html`<p class="login-motd">${motd}</p>`}
      ${over && html`<p class="hint" role="status">${t("login.over")}</p>`}
      <${Credentials} />
    </div>
  </main>`;
}

/** The form itself, also for who signs in again without leaving what is on the page. @param {{user?: string, eauth?: string, done?: () => void}} props */
function Credentials({ user = "", eauth = "", done }) {
  const { eauths, totp, oidc, proxy } = { ...useSignal(greeting), ...(useSignal(session) ?? {}) };
  const elsewhere = useSingleSignOn();
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(elsewhere);
  const [left, setLeft] = useState(0);
  const form = useRef(null);
  const last = remembered();

  useEffect(() => {
    form.current?.elements.namedItem(user ? "password" : "username")?.focus();
  }, []);
  useEffect(() => {
    if (!left) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);

  const submit = (event) => {
    event.preventDefault();
    if (busy || left) return;
    const said = new FormData(form.current);
    go({
      username: String(said.get("username") ?? user),
      password: String(said.get("password")),
      eauth: String(said.get("eauth") ?? (eauth || eauths[0] || "pam")),
      ...(said.get("code") ? { code: String(said.get("code")) } : {}),
    });
  };
  const go = async (credentials) => {
    setBusy(true);
    setError("");
    try {
      await login(credentials);
      remember(credentials.eauth);
      done?.();
    } catch (refusal) {
      setError(refusal.status === 401 ? t("login.refused") : refusal.status === 429 ? "" : refusal.status ? t("login.failed", { reason: refusal.message || refusal.status }) : t("login.unreachable"));
      setLeft(refusal.status === 429 ? Math.ceil(refusal.retryAfter) || 10 : 0);
      form.current?.elements.namedItem("password")?.select();
    } finally {
      setBusy(false);
    }
  };

  const problem = left ? t("login.wait", { n: left }) : error;
  const trusted = proxy && (!eauth || eauth === "proxy");
  const button = trusted
    ? html`<${Button} busy=${busy} onClick=${() => go({ eauth: "proxy" })}>${t("login.sso", { name: "SSO" })}<//>`
    : oidc && (!eauth || eauth === "oidc") && html`<a class="btn" href=${`${oidc.url}?${new URLSearchParams({ next: here() })}`}>${t("login.sso", { name: oidc.name || "OpenID Connect" })}</a>`;
  if (eauth === "oidc" || eauth === "proxy" || (!eauth && !eauths.length && (oidc || trusted))) return html`<div class="stack"><${Problem} text=${problem} />${button}</div>`;
  return html`<form class="stack" ref=${form} onSubmit=${submit}>
    ${user
      ? html`<p class="muted">${t("login.as", { user })}</p>`
      : html`<label class="field"><span class="label">${t("login.user")}</span>
          <input class="input" name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required maxlength="256" />
        </label>`}
    <label class="field"><span class="label">${t("login.password")}</span>
      <span class="inputbox">
        <input class="input" name="password" type=${shown ? "text" : "password"} autocomplete="current-password" required maxlength="4096"
          aria-invalid=${error && error !== elsewhere ? "true" : undefined} aria-describedby="login-problem" />
        <span class="end"><${Button} icon=${shown ? "hidden" : "eye"} kind="quiet" small label=${t(shown ? "login.hide" : "login.show")} pressed=${shown} onClick=${() => setShown(!shown)} /></span>
      </span>
    </label>
    ${totp &&
    html`<label class="field"><span class="label">${t("login.code")}</span>
      <input class="input" name="code" inputmode="numeric" autocomplete="one-time-code" autocapitalize="none" spellcheck=${false} maxlength="32" />
    </label>`}
    ${!eauth && eauths.length > 1 &&
    html`<label class="field"><span class="label">${t("login.method")}</span>
      <select class="select" name="eauth">${eauths.map((name) => html`<option key=${name} value=${name} selected=${name === last}>${name}</option>`)}</select>
    </label>`}
    <${Problem} text=${problem} />
    <button type="submit" class="btn primary" aria-disabled=${busy || left ? "true" : undefined}>${busy ? t("login.busy") : t("login.title")}</button>
    ${button}
  </form>`;
}

/** Where one is, without what was said of a sign-in. */
function here() {
  const { path, query } = route.peek();
  return href(path, { ...query, sso: "" });
}

function Problem({ text }) {
  return html`<p class="hint error" id="login-problem" role="alert">${text && html`<${Icon} name="warning" />${text}`}</p>`;
}

/** What came of signing in elsewhere, once: it is taken out of the address. */
function useSingleSignOn() {
  const [said] = useState(() => route.peek().query.sso);
  useEffect(() => {
    if (said) setQuery({ sso: "" });
  }, []);
  return said === "failed" || said === "refused" ? t(`login.sso.${said}`) : "";
}

function remembered() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(eauth) {
  try {
    localStorage.setItem(STORED, eauth);
  } catch {
    // It is only a convenience.
  }
}

/* Two minutes before a session ends: the way to go on, without leaving what is on the page. */

export function Ending() {
  const word = useSignal(ending);
  const who = useSignal(session);
  const [open, setOpen] = useState(false);
  if (word !== "soon" || !who) return null;
  const minutes = Math.max(1, Math.ceil((who.expire - Date.now() / 1000) / 60));
  return html`<div class="ending" role="alert">
      <${Icon} name="clock" /><span>${t("ending.soon", { n: minutes })}</span>
      <${Button} small onClick=${() => setOpen(true)}>${t("ending.stay")}<//>
    </div>
    ${open && html`<${Again} user=${who.user} eauth=${who.eauth} close=${() => setOpen(false)} />`}`;
}

function Again({ user, eauth, close }) {
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current.showModal(), []);
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="again" onCancel=${(event) => (event.preventDefault(), close())}>
    <div class="dialog-head"><h2 id="again">${t("ending.stay")}</h2><${Button} icon="close" kind="quiet" small label=${t("parts.close")} onClick=${close} /></div>
    <div class="dialog-body"><p class="muted">${t("ending.text")}</p><${Credentials} user=${user} eauth=${eauth} done=${close} /></div>
  </dialog>`;
}

/* The second factor of one's own account: set up by a secret and a code that comes of it, or taken away. */

/** What is asked for at each step. */
const ASKED = { begin: ["password"], confirm: ["code"], remove: ["password", "code"], done: [] };

/** @param {{close: () => void}} props */
export function Factor({ close }) {
  const found = useFetched((signal) => get("me/factor", {}, signal), []);
  const [made, setMade] = useState(/** @type {{secret?: string, uri?: string, backup?: string[]}} */ ({}));
  const [said, setSaid] = useState({});
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const box = useRef(null);
  const step = made.backup ? "done" : made.secret ? "confirm" : found.data?.enrolled ? "remove" : "begin";
  useEffect(() => box.current?.querySelector("input:not([readonly])")?.focus(), [step, !found.data]);
  const go = async () => {
    if (busy || !found.data || step === "done") return;
    setBusy(true);
    setError("");
    try {
      if (step === "begin") setMade(await post("me/factor", said));
      else if (step === "confirm") setMade(await put("me/factor", said));
      else {
        await post("me/factor/remove", said);
        found.again();
      }
      setSaid({});
    } catch (refusal) {
      setError(reasonOf(refusal));
    }
    setBusy(false);
  };
  const copied = (name, text) => html`<div class="field"><span class="label" aria-hidden="true">${t(`factor.${name}`)}</span>
    <span class="inputbox"><input class="input mono" readonly aria-label=${t(`factor.${name}`)} value=${text} /><span class="end"><${CopyButton} text=${text} label=${t("factor.copy")} /></span></span></div>`;
  return html`<${Dialog} title=${t("factor.title")} onClose=${close} onSubmit=${go} foot=${html`<${Button} onClick=${close}>${t("parts.close")}<//>
    ${found.data && step !== "done" && html`<${Button} kind=${step === "remove" ? "danger" : "primary"} busy=${busy} type="submit">${t(`factor.${step}`)}<//>`}`}>
    ${!found.data
      ? waiting(found, 2)
      : html`<div class="stack" ref=${box}>
          <p>${t(`factor.${step}.text`, { n: found.data.backup })}</p>
          ${made.secret && html`${copied("secret", made.secret.replace(/.{4}(?=.)/g, "$& "))}${copied("uri", made.uri)}`}
          ${made.backup && html`<div class="finger">${made.backup.map((code) => html`<span key=${code}>${code}</span>`)}</div>
            <div class="row"><${CopyButton} text=${made.backup.join("\n")} label=${t("factor.copy")}>${t("factor.copy")}<//></div>`}
          ${ASKED[step].map((name) => html`<label class="field" key=${name}><span class="label">${t(name === "code" ? "factor.code" : "login.password")}</span>
            <input class="input" type=${name === "code" ? "text" : "password"} autocomplete=${name === "code" ? "one-time-code" : "current-password"} value=${said[name] ?? ""} onInput=${(event) => setSaid({ ...said, [name]: event.target.value })} /></label>`)}
          <${Problem} text=${error} /></div>`}
  <//>`;
}

/* The server has not said who we are: nothing to show but that, and the next try. */

/** Milliseconds between tries. */
const AGAIN = 3_000;

export function Unreachable() {
  useEffect(() => {
    const timer = setInterval(loadSession, AGAIN);
    return () => clearInterval(timer);
  }, []);
  return html`<main class="alone">
    <div class="blank" role="alert">
      <${Icon} name="warning" />
      <h1>${t("unreachable.title")}</h1>
      <p>${t("unreachable.text")}</p>
      <${Button} icon="refresh" onClick=${loadSession}>${t("unreachable.retry")}<//>
    </div>
  </main>`;
}
