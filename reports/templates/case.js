// What a case opens to: the judgement in words on top, the evidence below.

const narrow = matchMedia("(max-width: 1020px)");

/** The body of an opened case. `chosen(index)` is told which PDU is being looked at; -1 for none. */
function caseBody(entry, evidence, chosen, events) {
  const body = make(`div.body.v-${entry.verdict}`, { role: "region", "aria-label": visible(entry.title) });
  body.append(judgement(entry, evidence));
  if (entry.traceback) body.append(make("pre.traceback", {}, visible(entry.traceback)));
  if (!events.length) {
    body.append(make("p.empty", {}, "No exchange was recorded for this case."));
    return { body, open: () => {} };
  }
  const panel = make("aside.inspector", { "aria-label": "Decoded PDU" });
  const drawn = ladder(events, (event, item) => show(event, item, true));
  const open = (index) => {
    const row = drawn.querySelector(`[data-event="${index}"]`);
    if (row) show(events[index], row.parentElement, false);
  };
  let current = null;
  function show(event, item, byReader) {
    if (current === item && byReader && narrow.matches) return close();
    for (const row of drawn.querySelectorAll('.rung[aria-pressed="true"]')) row.setAttribute("aria-pressed", "false");
    item.firstElementChild.setAttribute("aria-pressed", "true");
    current = item;
    panel.replaceChildren(inspector(event));
    place();
    chosen(byReader ? event.index : -1);
    if (byReader) say(`${event.title} decoded, ${counted(event.fields.length, "field")}`);
    return undefined;
  }
  function close() {
    current.firstElementChild.setAttribute("aria-pressed", "false");
    current = null;
    panel.remove();
    chosen(-1);
  }
  function place() {
    if (narrow.matches) current?.append(panel);
    else exchange.append(panel);
  }
  const exchange = make("div.exchange", {}, drawn);
  narrow.addEventListener("change", () => { if (current) place(); });
  body.append(exchange);
  const first = events.find((event) => event.marked && event.kind === "pdu");
  const fallback = narrow.matches ? null : events.find((event) => event.kind === "pdu");
  if (first ?? fallback) open((first ?? fallback).index);
  return { body, open };
}

function judgement(entry, evidence) {
  const rows = [
    ["Rule", entry.rule, "rule", entry.clause],
    ["Expected", entry.expected, "expected"],
    ["Observed", entry.observed, `observed v-${entry.verdict}`],
    ["Deviation", entry.deviation, "deviation"],
    ...(entry.findings ?? []).map(({ kind, text, count }) => ["Finding", text, "finding", count > 1 ? `${kind}, ${count} times` : kind]),
  ].filter(([, text]) => text);
  const list = make("dl.judgement", {}, rows.map(([name, text, kind, clause]) => make("div", { class: kind },
    make("dt", {}, name), make("dd", {}, visible(text), " ", clause ? make("span.clause", {}, visible(clause)) : null))));
  list.append(requirements(entry, evidence));
  if (entry.repeat_command) {
    list.append(make("div.again", {}, make("dt", {}, "Repeat"),
      make("dd", {}, make("code", {}, visible(entry.repeat_command)), copyButton(entry.repeat_command))));
  }
  const facts = [entry.id, clock(entry.duration ?? 0), entry.worker].filter(Boolean).map((fact) => make("code", {}, visible(fact)));
  list.append(make("div.about", {}, make("dt", {}, "Case"), make("dd", {}, facts)));
  return list;
}

function requirements(entry, evidence) {
  const items = (entry.requirements ?? []).map((id) => {
    const [section, level, text] = evidence.requirements[id] ?? ["", "", "not in the catalogue"];
    return make("li", {},
      make("button.plain", { type: "button", "data-requirement": id, title: "Show the cases of this requirement" }, visible(id)),
      level ? make("span.level", {}, visible(level)) : null,
      section ? make("span.section", {}, "§ ", clauseLink(section, id.split("-")[0])) : null,
      make("span.wording", {}, visible(text)));
  });
  if (!items.length) return "";
  return make("div.requirements", {}, make("dt", {}, items.length === 1 ? "Requirement" : "Requirements"), make("dd", {}, make("ul", {}, items)));
}
