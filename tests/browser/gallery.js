/** The gallery: each component in the states that it can be in, with data that nobody should send. */
import { speak } from "/static/lib/i18n.js";
import { html, render, useState } from "/static/lib/ui.js";
import { Button, Confirm, CopyButton, Dialog, Icon, Menu, Tabs, toast, Toasts } from "/static/parts/controls.js";
import { Bars, Empty, Failed, Fingerprint, Loading, Notice, Panel, Progress, Spark, Status } from "/static/parts/facts.js";
import { Facets, QueryBox } from "/static/parts/fields.js";
import { Table } from "/static/parts/table.js";
import { Changes, Diff, Tree } from "/static/parts/tree.js";

/** The names that the sprite has. */
const ICONS = [...(await (await fetch("/static/style/icons.svg")).text()).matchAll(/ id="(\w+)"/g)].map(([, name]) => name);

const here = new URLSearchParams(location.search);
const page = document.documentElement;
for (const name of ["theme", "density"]) if (here.has(name)) page.dataset[name] = here.get(name);

const EVIL = "<img src=x onerror=alert(1)>";
const FINGER = "47:4d:1e:aa:90:3c:b5:f7:06:d1:e8:22:5b:4f:c9:70:1a:de:33:81:5e:6c:f2:b4:08:97:ad:40:7b:e5:12:c6";
const MINIONS = Array.from({ length: 10_000 }, (_, n) => ({
  id: n === 3 ? EVIL : n === 5 ? "a-name-of-a-minion-that-somebody-made-out-of-the-whole-fqdn-of-a-host.in.a.very.deep.zone.example.com" : `${["web", "db", "cache", "edge"][n % 4]}-${String(n).padStart(5, "0")}.fra1.example.com`,
  status: n % 97 === 4 ? "down" : n % 211 === 8 ? "never" : n % 400 === 12 ? "pending" : "up",
  address: `10.${n % 200}.${(n * 7) % 250}.${(n * 13) % 250}`,
  os: ["Debian 12", "Ubuntu 24.04", "Rocky 9", "SLES 15"][n % 4],
  version: n % 31 ? "3008.3" : "3006.9",
  seen: `${(n % 58) + 1} s`,
  highstate: ["ok", "ok", "ok", "changed", "failed", "unknown"][n % 6],
}));
const COLUMNS = [
  { key: "id", label: "Minion", sort: "id", head: true, at: "title", cell: (row) => html`<a href="#m">${row.id}</a>` },
  { key: "status", label: "Status", sort: "status", width: "8rem", at: "end", cell: (row) => html`<${Status} state=${row.status} />` },
  { key: "address", label: "Address", width: "9rem", cell: (row) => html`<span class="mono">${row.address}</span>` },
  { key: "os", label: "System", drop: 3, sort: "os", width: "9rem", cell: (row) => row.os },
  { key: "version", label: "Version", drop: 2, sort: "version", width: "6.5rem", cell: (row) => row.version },
  { key: "seen", label: "Last seen", drop: 2, num: true, width: "6.5rem", at: "hide", cell: (row) => row.seen },
  { key: "highstate", label: "Highstate", width: "8rem", at: "hide", cell: (row) => html`<${Status} state=${row.highstate} />` },
];
const GRAINS = {
  id: "web-00001", os: "Debian", osrelease: "12", num_cpus: 8, mem_total: 15904, master: "salt.example.com", virtual: "kvm", selinux: { enabled: false, enforced: "Disabled" },
  ip_interfaces: { lo: ["127.0.0.1", "::1"], eth0: ["10.20.30.40", "fe80::5054:ff:fe12:3456"] }, roles: ["web", "tls"], empty: {}, none: null, blank: "", [EVIL]: EVIL,
  "javascript:alert(1)": "javascript:alert(2)", "한국어": "값", long: "lorem ipsum ".repeat(60), deep: { a: { b: { c: { d: { e: "bottom" } } } } },
  many: Array.from({ length: 500 }, (_, n) => n * n),
};
const DIFF = "--- /etc/nginx/nginx.conf\n+++ new\n@@ -1,4 +1,5 @@\n user www-data;\n-worker_processes 2;\n+worker_processes auto;\n+worker_rlimit_nofile 65536;\n pid /run/nginx.pid;\n \n";

function Section({ title, children }) {
  return html`<${Panel} title=${title}><div class="stack">${children}</div><//>`;
}

function Minions() {
  const [sort, setSort] = useState("id");
  const [selected, setSelected] = useState(new Set());
  const [news, setNews] = useState(12);
  return html`<section class="panel flush gallery-table" aria-label="Minions">
    ${selected.size > 0 && html`<div class="bulk"><b>${selected.size} selected</b><${Button} small icon="play">Run…<//><${Button} small icon="ping">Ping<//>
      <${Button} small icon="trash" why="your rules do not allow key.delete">Delete key<//><${Button} small kind="quiet" icon="close" label="Select nothing" onClick=${() => setSelected(new Set())} /></div>`}
    <${Table} label="Minions" columns=${COLUMNS} rows=${MINIONS} rowKey=${(row) => row.id} sort=${sort} onSort=${setSort} selected=${selected} onSelect=${setSelected} news=${news} onNews=${() => setNews(0)} />
    <div class="table-foot">10,000 minions</div>
  </section>`;
}

function Gallery() {
  const [query, setQuery] = useState("os:Debian -down");
  const [find, setFind] = useState("");
  const [pasted, setPasted] = useState("");
  const [open, setOpen] = useState(here.get("open"));
  const [on, setOn] = useState({ Debian: true });
  const close = () => setOpen(null);
  return html`<div class="shell">
    <a class="skip" href="#main">Skip to the content</a>
    <header class="topbar">
      <span class="nav-toggle"><${Button} icon="menu" kind="quiet" label="Navigation" /></span>
      <a class="brand" href="#top"><${Icon} name="logo" /><span>trisalt</span></a>
      <nav class="health" aria-label="Fleet">
        <a class="health-item" href="#up"><b>1,201</b> / 1,203 up</a>
        <a class="health-item is-changed" href="#keys"><b>2</b> keys pending</a>
        <a class="health-item" href="#jobs"><b>3</b> running</a>
        <a class="health-item is-failed" href="#failed"><b>1</b> failed</a>
      </nav>
      <span class="grow"></span>
      <span class="live" data-live="connected">live</span>
      <${Menu} kind="quiet" icon="user" label="ruo91" end items=${[{ heading: "Theme" }, { label: "System", checked: true }, { label: "Dark", checked: false }, null, { label: "Log out", icon: "out" }]} />
    </header>
    <nav class="nav" aria-label="Main"><ul>
      ${["overview", "console", "minions", "jobs", "events", "states", "keys", "admin"].map((name) => html`<li key=${name}><a href=${`#${name}`} aria-current=${name === "minions" ? "page" : undefined}><${Icon} name=${name} /><span>${name[0].toUpperCase() + name.slice(1)}</span></a></li>`)}
    </ul></nav>
    <main class="main" id="main" tabindex="-1"><div class="screen">
      <div class="screen-head"><div class="titles"><h1>Gallery <${Status} state="running" pill /></h1><p class="lead">Every component, in every state, with data that nobody should send.</p></div>
        <div class="actions"><${Button} icon="refresh" label="Refresh" /><${Button}>Ping<//><${Button} kind="primary" icon="play">Run…<//></div></div>
      <div class="stats">
        <a class="stat" href="#a"><span class="label">Minions up</span><span class="value">1,201 <small>/ 1,203</small></span><span class="note"><span class="is-failed">2 down</span></span></a>
        <a class="stat" href="#b"><span class="label">Keys pending</span><span class="value">2</span><span class="note">1 denied</span></a>
        <a class="stat" href="#c"><span class="label">Jobs running</span><span class="value">3</span><span class="note">oldest 4 min</span></a>
        <a class="stat" href="#d"><span class="label">Failed, 24 h</span><span class="value is-failed">17</span><span class="note">of 2,310</span></a>
      </div>
      <${Tabs} label="Parts" panel="panel" current="table" tabs=${[{ key: "table", text: "Table", href: "#t", n: 10000 }, { key: "grains", text: "Grains", href: "#g" }, { key: "pillar", text: "Pillar", href: "#p" }, { key: "jobs", text: "Jobs", href: "#j", n: 14 }]} />
      <div id="panel" role="tabpanel" aria-labelledby="tab-table" class="split">
        <${Facets} label="Filters" onToggle=${(_key, value, now) => setOn({ ...on, [value]: now })} facets=${[
          { key: "status", title: "Status", items: [["up", 9877], ["down", 104], ["never", 19]].map(([value, n]) => ({ value, n, on: Boolean(on[value]), text: html`<${Status} state=${value} />` })) },
          { key: "os", title: "System", items: [["Debian", 5200], ["Ubuntu", 2400], [EVIL, 1]].map(([value, n]) => ({ value, n, on: Boolean(on[value]) })) },
          { key: "v", title: "Version", items: Array.from({ length: 12 }, (_, n) => ({ value: `3008.${n}`, n: n * 31, on: false })) },
        ]} />
        <div class="body">
          <div class="toolbar"><${QueryBox} label="Find minions" value=${query} onChange=${setQuery} note=${html`<span>as a target: <code>G@os:Debian and not L@down</code></span><a href="#run">Run a command on these</a>`} /><${Menu} icon="columns" label="Columns" items=${[{ label: "Address", checked: true }, { label: "System", checked: true }, { label: "Roles", checked: false }]} /></div>
          <${Minions} />
        </div>
      </div>
      <div class="columns two">
        <${Section} title="Buttons">
          <div class="row"><${Button} kind="primary" icon="play">Execute<//><${Button} icon="check">Accept<//><${Button} kind="quiet" icon="copy">Copy<//><${Button} kind="danger" icon="trash">Delete 3 keys<//></div>
          <div class="row"><${Button} busy icon="play">Working<//><${Button} why="your rules do not allow cmd.run on *" icon="play">Not allowed<//><${Button} pressed=${true} icon="pause">Pressed<//><${Button} small>Small<//><${CopyButton} text="x" label="Copied" /></div>
          <div class="row"><div class="btn-group" role="group" aria-label="Order"><${Button} pressed=${true}>Async<//><${Button} pressed=${false}>Sync<//></div>
            <${Menu} label="Actions" items=${[{ heading: "State" }, { label: "Highstate", icon: "states", onPick: () => toast("Highstate of 3 minions has begun", { href: "#job", link: "Show the job" }) }, { label: "Highstate, test=True" }, null, { label: "Delete key", icon: "trash", why: "your rules do not allow key.delete" }]} />
            <${Menu} square label="More" items=${[{ label: "Copy", keys: "c" }]} /></div>
          <div class="row">${["ok", "changed", "failed", "running"].map((tone) => html`<${Button} key=${tone} small onClick=${() => toast(`A notice that is ${tone}, of ${EVIL}`, { tone })}>${tone}<//>`)}
            <${Button} small onClick=${() => setOpen("dialog")}>Dialog<//><${Button} small onClick=${() => setOpen("confirm")}>Confirm<//></div>
        <//>
        <${Section} title="States">
          <div class="row">${["up", "down", "never", "pending", "denied", "rejected"].map((state) => html`<${Status} key=${state} state=${state} />`)}</div>
          <div class="row">${["ok", "changed", "failed", "running", "missing", "partial"].map((state) => html`<${Status} key=${state} state=${state} pill />`)}</div>
          <div class="row"><span class="tag">glob</span><a class="chip" href="#x">os:Debian</a><button type="button" class="chip" aria-pressed="true">failed <span class="n">3</span></button> <kbd>Ctrl</kbd> <kbd>K</kbd></div>
          <${Progress} total=${42} ok=${30} changed=${6} failed=${1} running=${3} note />
          <${Progress} total=${0} note />
        <//>
        <${Section} title="Fields">
          <div class="columns two">
            <label class="field"><span class="label">Target <span class="req">*</span></span><input class="input mono" value="G@os:Debian and web*" /></label>
            <label class="field"><span class="label">Format</span><select class="select"><option>Compound</option><option>Glob</option></select></label>
            <label class="field"><span class="label">Function</span><input class="input mono" value="stae.apply" aria-invalid="true" aria-describedby="bad" /><span class="hint error" id="bad"><${Icon} name="warning" small />no such function</span></label>
            <label class="field"><span class="label">Batch</span><input class="input" placeholder="25%" /><span class="hint">so many minions at a time</span></label>
            <label class="field"><span class="label">Disabled</span><input class="input" disabled value="no" /></label>
            <div class="stack tight"><label class="check"><input type="checkbox" checked /> test=True</label><label class="check"><input type="checkbox" class="switch" checked /> live</label><label class="check"><input type="radio" name="r" checked /> one</label></div>
          </div>
        <//>
        <${Section} title="Charts">
          <${Spark} label="Jobs per hour" values=${[3, 0, 0, 1, 8, 12, 9, 4, 18, 33, 29, 41, 38, 12, 0, 6, 14, 22, 18, 9, 3, 2, 5, 7]} from="24 h ago" to="now" />
          <${Bars} items=${[{ name: "Debian 12", count: 702, href: "#d" }, { name: "Ubuntu 24.04", count: 388, href: "#u" }, { name: "Rocky Linux 9.4 (Blue Onyx)", count: 101, href: "#r" }, { name: EVIL, count: 1 }]} />
        <//>
        <${Section} title="Tree">
          <${QueryBox} label="Find in grains" value=${find} onChange=${setFind} icon="filter" placeholder="find in names and values" />
          <${Tree} data=${GRAINS} label="Grains" find=${find} depth=${1} actions=${(path, value) => [{ label: `Target by ${path}:${value}`, icon: "target" }]} />
        <//>
        <div class="stack">
          <${Section} title="Masked"><${Tree} data=${{ db: { user: "app", password: "hunter2", ports: [5432, 5433] }, token: "s3cr3t" }} masked depth=${3} label="Pillar" /><//>
          <${Section} title="Differences"><${Diff} text=${DIFF} /><${Changes} changes=${{ "nginx-core": { old: "1.22.1-9", new: "1.22.1-9+deb12u2" }, mode: { old: "0644", new: "" }, diff: DIFF, pid: 12 }} /><//>
          <${Section} title="Fingerprint"><${Fingerprint} value=${FINGER} pasted=${pasted} /><label class="field"><span class="label">The minion's own</span><input class="input mono" value=${pasted} onInput=${(event) => setPasted(event.target.value)} /></label>
            <${Fingerprint} value=${FINGER} pasted=${FINGER.replace("5b:4f", "5b:4e")} /><//>
        </div>
        <${Section} title="Notices">
          ${["running", "ok", "changed", "failed"].map((tone) => html`<${Notice} key=${tone} tone=${tone} action=${html`<${Button} small>Accept<//>`}>Two minions ask to be let in. Compare their fingerprints before you accept them.<//>`)}
        <//>
        <${Panel} title="Nothing, coming, wrong" flush><${Empty} icon="keys" title="No keys are pending"><p>A minion that is pointed at this master appears here as soon as it signs in.</p><//><${Loading} rows=${3} /><${Failed} error=${{ status: 500, message: `The store is locked ${EVIL}` }} onRetry=${() => {}} /><//>
        <${Section} title="Icons"><div class="row">${ICONS.map((name) => html`<span key=${name} class="stack tight small faint"><${Icon} name=${name} label=${name} /></span>`)}</div><//>
        <${Panel} title="A list" flush><ul class="list">
          <li><${Icon} name="failed" class="is-failed" /><div class="grow"><b>web-00012</b> has been down for 14 min<div class="small muted">since 12:04:11</div></div><${Button} small>Ping<//></li>
          <li><${Icon} name="changed" class="is-changed" /><div class="grow">${EVIL}</div><${Button} small why="your rules do not allow key.accept">Accept<//></li></ul><//>
      </div>
    </div></main>
    <${Toasts} />
    ${open === "dialog" && html`<${Dialog} title="Accept the key of web-00012" onClose=${close} foot=${html`<${Button} onClick=${close}>Cancel<//><${Button} kind="primary">Accept<//>`}>
      <p>Compare these groups with what <code>salt-call --local key.finger</code> says on the minion.</p><${Fingerprint} value=${FINGER} pasted="" />
      <label class="field"><span class="label">Or paste it here</span><input class="input mono" /></label><//>`}
    ${open === "confirm" && html`<${Confirm} title="Delete 3 keys" verb="Delete 3 keys" danger typed="3" onYes=${close} onClose=${close}><p>These minions will have to be accepted again.</p><//>`}
  </div>`;
}

await speak(here.get("language") ?? "en");
render(html`<${Gallery} />`, document.getElementById("app"));
