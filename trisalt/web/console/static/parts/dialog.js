/**
 * Dialogs: the platform's own, so focus stays inside, Esc closes, and focus goes back to where it was.
 */
import { classes, html, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Button } from "./button.js";

let count = 0;

/** @param {{title: string, onClose: () => void, foot?: any, wide?: boolean, onSubmit?: () => void, children?: any}} props stands as long as it is drawn */
export function Dialog({ title, onClose, foot, wide, onSubmit, children }) {
  const dialog = useRef(null);
  const [id] = useState(() => `dialog-${(count += 1)}`);
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element.showModal();
    (element.querySelector("[autofocus]") ?? element.querySelector(".dialog-body :is(input, select, textarea), .dialog-foot .btn"))?.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const submit = (event) => {
    event.preventDefault();
    onSubmit?.();
  };
  // A press on the backdrop is one on the element itself: what is inside covers all of it.
  return html`<dialog class=${classes("dialog", wide && "wide")} aria-labelledby=${id} ref=${dialog} onCancel=${cancel}
    onMouseDown=${(event) => event.target === dialog.current && onClose()} onKeyDown=${(event) => event.stopPropagation()}>
    <div class="dialog-head"><h2 id=${id}>${title}</h2><${Button} icon="close" kind="quiet" small label=${t("parts.close")} onClick=${onClose} /></div>
    <form class="dialog-form" onSubmit=${submit}>
      <div class="dialog-body">${children}</div>
      ${foot && html`<div class="dialog-foot">${foot}</div>`}
    </form>
  </dialog>`;
}

/**
 * Asks once before something is done: shows what it is done to, and with `typed` wants that very word typed.
 * @param {{title: string, verb: string, onYes: () => any, onClose: () => void, danger?: boolean, typed?: string, children?: any}} props
 */
export function Confirm({ title, verb, onYes, onClose, danger, typed, children }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const ready = !typed || text.trim() === typed;
  const yes = async () => {
    if (!ready || busy) return;
    setBusy(true);
    try {
      await onYes();
    } finally {
      setBusy(false);
    }
  };
  const foot = html`<${Button} onClick=${onClose}>${t("parts.cancel")}<//>
    <${Button} kind=${danger ? "danger" : "primary"} busy=${busy} icon=${busy ? "refresh" : undefined} why=${ready ? null : t("parts.typeFirst", { word: typed })} onClick=${yes}>${verb}<//>`;
  return html`<${Dialog} title=${title} onClose=${onClose} foot=${foot} onSubmit=${yes}>
    ${children}
    ${typed && html`<label class="field"><span class="label">${t("parts.typeWord", { word: typed })}</span>
      <input class="input mono" autocomplete="off" spellcheck=${false} value=${text} onInput=${(event) => setText(event.target.value)} /></label>`}
  <//>`;
}
