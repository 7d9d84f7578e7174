/** Monitor → Event: what happens, as it happens, newest first. */
import { html, useMemo, useSignal } from "../lib/ui.js";
import { t } from "../lib/i18n.js";
import { route, setQuery } from "../lib/router.js";
import { Empty } from "../parts/blank.js";
import { useHeard } from "./heard.js";
import { EventList } from "./list.js";

/** @param {{find: string, paused: boolean}} props */
export function MonitorEvents({ find, paused }) {
  const { query } = useSignal(route);
  const filter = useMemo(() => ({ text: find.toLowerCase() }), [find]);
  const heard = useHeard({ filter, key: find, paused, most: 1000 });
  return html`<${EventList} label=${t("monitor.event")} events=${heard.rows} news=${heard.news} onNews=${heard.onNews} onScrolled=${heard.onScrolled}
    open=${query.open ?? ""} onOpen=${(key) => setQuery({ open: key })} empty=${html`<${Empty} icon="events" title=${t("monitor.events.empty")} />`} />`;
}
