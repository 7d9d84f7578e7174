/** Admin: who may do what and why, who did what, what is wrong, how the server is, and what it was told. */
import { html } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { at } from "../lib/paths.js";
import { href } from "../lib/router.js";
import { Panel } from "../parts/blank.js";
import { Tabs } from "../parts/tabs.js";
import { Audit } from "../fleet/audit.js";
import { Issues } from "../fleet/issues.js";
import { Options, Stats } from "../fleet/master.js";
import { Notices } from "../fleet/notices.js";
import { Permissions } from "../fleet/permissions.js";

const PARTS = { permissions: Permissions, audit: Audit, issues: AllIssues, stats: Stats, options: Options, notices: Notices };
const FILL = new Set(["audit"]);

function AllIssues() {
  return html`<${Panel} title=${t("overview.attention")} flush><${Issues} /><//>`;
}

/** @param {{route: import("../lib/router.js").Route}} props */
export default function Admin({ route }) {
  const part = route.params.part in PARTS ? route.params.part : "permissions";
  const Part = PARTS[part];
  const tabs = Object.keys(PARTS).map((key) => ({ key, text: t(`admin.${key}`), href: href(key === "permissions" ? "/admin" : at("admin", key)) }));
  return html`<div class=${`screen ${FILL.has(part) ? "fill" : ""}`}>
    <div class="screen-head"><div class="titles"><h1>${t("nav.admin")}</h1></div></div>
    <${Tabs} label=${t("admin.parts")} tabs=${tabs} current=${part} panel="admin-panel" />
    <div id="admin-panel" class=${`tabpanel stack ${FILL.has(part) ? "filler" : ""}`} role="tabpanel" aria-labelledby=${`tab-${part}`}><${Part} key=${part} route=${route} /></div>
  </div>`;
}
