// The exchange as a ladder: two lifelines, an arrow for each PDU, notes at the side that reports something.

const LABELS = { state: "state", hook: "call", completion: "done", log: "log", note: "note", transport: "link", offload: "card" };
const GROUPS = { pdu: "PDUs", state: "states", hook: "calls", completion: "calls", log: "log", note: "notes", transport: "link", offload: "card" };
const SILENCE = 0.1; // seconds without an event that are worth a line of their own

/** The ladder of a case; `opened(event, row)` is called for a PDU that the reader chooses. */
function ladder(events, opened) {
  const connections = [...new Set(events.map((event) => event.connection).filter(Boolean))];
  const several = connections.length > 1;
  const list = make("ol.rungs", { "aria-label": "Exchange" });
  let before = 0;
  for (const event of events) {
    if (event.time - before >= SILENCE) list.append(make("li.silence", {}, make("span", {}, `${clock(event.time - before)} of silence`)));
    before = event.time;
    list.append(rung(event, connections.indexOf(event.connection), several, opened));
  }
  const ends = make("div.ends", { "aria-hidden": "true" }, make("i", {}, "ms"), make("span", {}, "initiator"), make("span", {}, "target"));
  roving(list, "button.rung");
  return make("div.ladder", {}, toolbar(events, connections, list), ends, list);
}

function rung(event, connection, several, opened) {
  const side = event.source === "target" ? "from-target" : "from-initiator";
  const chip = several && event.connection ? make(`span.wire.w${connection % 6}`, {}, visible(event.connection)) : null;
  const time = make("span.when", {}, (event.time * 1000).toFixed(3));
  const item = make("li", { class: event.marked ? "marked" : null, "data-group": GROUPS[event.kind], "data-wire": connection });
  if (event.kind === "pdu") {
    const said = make("span.said", {}, chip, make("b", {}, visible(event.title)), "  ", make("span.detail", {}, visible(event.detail)));
    const label = `${event.title} from ${event.source}${event.marked ? ", offending" : ""}`;
    const attributes = { type: "button", "data-event": event.index, "aria-pressed": "false", "aria-label": `${label}. ${visible(event.detail)}` };
    const row = make(`button.rung.${side}.w${Math.max(connection, 0) % 6}`, attributes, time, make("span.lane", {}, said, make("span.arrow")));
    row.addEventListener("click", () => opened(event, item));
    item.append(row);
  } else {
    const what = make(`span.kind`, {}, LABELS[event.kind]);
    const said = make("span.said", {}, chip, what, make("b", {}, visible(event.title)), "  ", make("span.detail", {}, visible(event.detail)));
    item.append(make(`div.rung.aside.k-${event.kind}.${side}`, {}, time, make("span.lane", {}, said)));
  }
  if (event.remark) item.append(make("p.remark", {}, visible(event.remark)));
  if (event.placement) item.append(placementBar(event.placement));
  return item;
}

/** What became of a write's data: a bar of what was placed and what was copied, and the same in words. */
function placementBar({ placed, copied, reason }) {
  const parts = [[placed, "placed"], [copied, "copied"]].filter(([octets]) => octets);
  const [first, ...rest] = parts.length ? parts : [[0, "placed"]];
  const octets = [`${counted(first[0], "octet")} ${first[1]}`, ...rest.map(([more, what]) => `${more.toLocaleString("en")} ${what}`)].join(", ");
  const words = visible(reason ? `${octets}: ${reason}` : octets);
  const bar = make("span.shares", { "aria-hidden": "true" }, parts.map(([share, what]) => {
    const part = make(`i.${what}`);
    part.style.flexGrow = share;
    return part;
  }));
  return make("p.placement", { title: words }, bar, words);
}

/** Switches for the kinds of events and for the connections that occur. */
function toolbar(events, connections, list) {
  const groups = [...new Set(events.map((event) => GROUPS[event.kind]))];
  const bar = make("div.tools", { role: "group", "aria-label": "Show in the exchange" });
  const hidden = new Set();
  const apply = () => {
    for (const item of list.querySelectorAll("li[data-group]")) {
      item.hidden = hidden.has(`g:${item.dataset.group}`) || hidden.has(`w:${item.dataset.wire}`);
    }
  };
  const toggle = (key, what, ...label) => {
    const button = make(what, { type: "button", "aria-pressed": "true" }, ...label);
    button.addEventListener("click", () => {
      if (!hidden.delete(key)) hidden.add(key);
      button.setAttribute("aria-pressed", !hidden.has(key));
      apply();
    });
    bar.append(button);
  };
  const count = (group) => events.filter((event) => GROUPS[event.kind] === group).length;
  if (groups.length > 1) for (const group of groups) toggle(`g:${group}`, "button.switch", group, make("span.n", {}, count(group)));
  if (connections.length > 1) connections.forEach((name, place) => toggle(`w:${place}`, `button.switch.wire.w${place % 6}`, visible(name)));
  return bar;
}
