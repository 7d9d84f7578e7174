/** The keys, as `?` shows them. */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { PLACES } from "../lib/routes.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";

/** @param {{close: () => void}} props */
export function Help({ close }) {
  const groups = [
    [
      t("help.anywhere"),
      [
        ["?", t("help.key.help")],
        ["Ctrl K", t("help.key.palette")],
        ["/", t("help.key.search")],
        ["Esc", t("help.key.close")],
        ...PLACES.map(({ name, key }) => [`g ${key}`, t("help.key.go", { place: t(`nav.${name}`) })]),
      ],
    ],
    [
      t("help.lists"),
      [
        ["↑ ↓", t("help.key.move")],
        ["Enter", t("help.key.open")],
        ["x", t("help.key.select")],
        ["Shift x", t("help.key.range")],
        ["r", t("help.key.run")],
        ["p", t("help.key.pause")],
      ],
    ],
    [t("help.command"), [["Enter", t("help.key.execute")], ["Ctrl Enter", t("help.key.execute")]]],
  ];
  return html`<${Dialog} title=${t("help.title")} wide onClose=${close} foot=${html`<${Button} onClick=${close}>${t("help.close")}<//>`}>
    <p class="muted">${t("help.never")}</p>
    <div class="help-groups">${groups.map(
      ([title, keys]) => html`<section key=${title}>
        <h3>${title}</h3>
        <dl class="help-keys">${keys.map(([key, what]) => html`<div key=${key}><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
      </section>`,
    )}</div>
  <//>`;
}
