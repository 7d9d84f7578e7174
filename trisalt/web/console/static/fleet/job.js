/** A job in a row: what it ran, on whom, and how many of each outcome. */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { Icon } from "../parts/icon.js";

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
