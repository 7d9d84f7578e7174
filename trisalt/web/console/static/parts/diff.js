/**
 * What changed: unified differences of texts, and Salt's `changes` of states (old and new side by side).
 */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Tree } from "./tree.js";

const KINDS = { "+": "add", "-": "del", "@": "hunk" };

/** The lines of a unified difference: `{kind, sign, text}`. Pure. */
export function linesOf(diff) {
  return diff.replace(/\n$/, "").split("\n").map((line) => {
    if (/^(---|\+\+\+) /.test(line)) return { kind: "hunk", sign: "", text: line };
    const kind = KINDS[line[0]];
    if (kind === "hunk") return { kind, sign: "", text: line };
    return kind ? { kind, sign: line[0] === "-" ? "−" : "+", text: line.slice(1) } : { kind: "", sign: "", text: line.replace(/^ /, "") };
  });
}

/** Whether a text is a unified difference. Pure. */
export const isDiff = (value) => typeof value === "string" && /^(--- |@@ )/m.test(value) && value.includes("\n");

/** @param {{text: string, label?: string}} props */
export function Diff({ text, label }) {
  return html`<div class="diff" role="group" tabindex="0" aria-label=${label ?? t("parts.diff")}>
    ${linesOf(text).map(({ kind, sign, text: line }, n) => html`<div key=${n} class=${`diff-line ${kind}`}><span class="sign" aria-hidden="true">${sign}</span><span>${
      kind === "add" || kind === "del" ? html`<span class="sr">${t(`parts.${kind}`)} </span>` : null}${line || " "}</span></div>`)}
  </div>`;
}

/** @param {{changes: any}} props the `changes` of a state, or of a function: differences as such, old → new side by side, else a tree */
export function Changes({ changes }) {
  if (isDiff(changes)) return html`<${Diff} text=${changes} />`;
  if (changes === null || typeof changes !== "object" || Array.isArray(changes)) return html`<${Tree} data=${changes} />`;
  return html`<div>${Object.entries(changes).map(([name, value]) => html`<div class="change" key=${name}><span class="mono">${name}</span><div>${one(value)}</div></div>`)}</div>`;
}

function one(value) {
  if (isDiff(value)) return html`<${Diff} text=${value} />`;
  const pair = value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).every((key) => key === "old" || key === "new") && Object.keys(value).length;
  if (!pair) return html`<${Tree} data=${value} bare />`;
  if ([value.old, value.new].some((side) => side !== null && typeof side === "object")) return html`<${Tree} data=${value} bare />`;
  return html`<span class="row tight mono">${present(value.old) && html`<span class="old"><span class="sr">${t("parts.old")} </span>${String(value.old)}</span>`}
    <span class="faint" aria-hidden="true">→</span>
    ${present(value.new) ? html`<span class="new"><span class="sr">${t("parts.new")} </span>${String(value.new)}</span>` : html`<span class="faint">${t("parts.gone")}</span>`}</span>`;
}

const present = (value) => value !== undefined && value !== null && value !== "";
