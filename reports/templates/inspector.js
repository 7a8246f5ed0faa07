// One PDU, decoded: its fields as a table, its bytes as a dump, each pointing at the other.

const BYTES_SHOWN = 1024;

/** Where a clause can be read; plain numbers are RFC 7143's. */
function clauseLink(section, document_ = "7143") {
  if (!/^\d+(\.\d+)*$/.test(section)) return visible(section);
  const href = `https://www.rfc-editor.org/rfc/rfc${document_}#section-${section}`;
  return make("a", { href, rel: "noopener noreferrer", target: "_blank", title: `RFC ${document_}, section ${section}` }, section);
}

function inspector(event) {
  const box = make("div.pdu", { role: "group", "aria-label": `${event.title}, decoded` });
  const dump = hexDump(event);
  const strip = make("p.bits", { "aria-hidden": "true" });
  const marked = event.fields.filter((field) => field.marked);
  const highlight = (fields) => {
    dump.highlight(fields);
    for (const row of box.querySelectorAll("tr[data-field]")) {
      row.classList.toggle("lit", fields.includes(event.fields[row.dataset.field]));
    }
    strip.replaceChildren(...bitStrip(event, fields.length ? fields : marked));
  };
  dump.hover(highlight);
  box.append(pduHead(event));
  if (event.remark) box.append(make("p.remark", {}, visible(event.remark)));
  if (event.fields.length) box.append(fieldTable(event, highlight));
  if (event.hex) box.append(make("div.bytes", {}, bytesHead(event), dump.element, strip));
  if (event.preview) box.append(preview(event));
  highlight([]);
  return box;
}

function pduHead(event) {
  const way = [`${event.source} → ${event.destination}`, event.connection, `at ${clock(event.time)}`, counted(event.sent, "byte")];
  return make("header", {},
    make("h4", { tabindex: "-1" }, visible(event.title), event.marked ? " " : null, event.marked ? make("span.culprit", {}, "offending PDU") : null),
    make("p", {}, visible(way.filter(Boolean).join(" · "))));
}

/** The data segment as text; folded when the field table already goes through it to the end. */
function preview(event) {
  const decoded = event.fields.some((field) => field.last >= event.hex.length / 2 - 2);
  return make("details.preview", { open: !decoded }, make("summary", {}, "Data segment as text"), make("pre", {}, visible(event.preview)));
}

function bytesHead(event) {
  const cut = event.hex.length / 2 < event.sent ? `, the first ${event.hex.length / 2} of ${event.sent}` : "";
  return make("h5", {}, `Bytes${cut}`, copyButton(event.hex, "Copy hex"));
}

function fieldTable(event, highlight) {
  const titles = ["Field", "Value", "Meaning", "Byte:bit", "Clause"];
  const head = make("tr", { role: "row" }, titles.map((title) => make("th", { role: "columnheader", scope: "col" }, title)));
  const body = make("tbody", { role: "rowgroup" }, event.fields.map((field, place) => fieldRow(field, place, highlight)));
  const table = make("table.fields", { role: "table", "aria-label": `Fields of ${event.title}` }, make("thead", { role: "rowgroup" }, head), body);
  roving(table, "tr[data-field]");
  return table;
}

/** A name in snake case that may go on in the next line after an underscore. */
const breakable = (name) => name.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]);

function fieldRow(field, place, highlight) {
  const cell = (name, ...content) => make(`td.${name}`, { role: "cell" }, ...content);
  const long = field.value.length > 16;
  const alone = long && !field.meaning; // a text key's value takes the room of the meaning that it lacks
  const quiet = field.name.startsWith("rsvd") && /^(0x)?0*$/.test(field.value);
  const row = make("tr", { role: "row", "data-field": place, class: field.marked ? "marked" : quiet ? "quiet" : null },
    cell("name", breakable(visible(field.name)), field.marked ? make("span.unseen", {}, " (offending field)") : null),
    make(`td.value${long ? ".long" : ""}`, { role: "cell", colspan: alone ? 2 : null }, visible(field.value)),
    alone ? null : cell("meaning", visible(field.meaning)),
    cell("place", field.place),
    cell("section", field.section ? clauseLink(field.section) : ""));
  for (const reached of ["mouseenter", "focus"]) row.addEventListener(reached, () => highlight([field]));
  for (const left of ["mouseleave", "blur"]) row.addEventListener(left, () => highlight([]));
  return row;
}

/** The bytes in rows of sixteen, in the RFC's words of four; CSS breaks a row in two where the page is narrow. */
function hexDump(event) {
  const bytes = (event.hex.match(/../g) ?? []).map((digits) => parseInt(digits, 16));
  const element = make("div.hex", { role: "img", "aria-label": `${bytes.length} bytes in hexadecimal` });
  const cells = [];
  const draw = (from, to) => {
    for (let start = from; start < to; start += 16) {
      const halves = [start, start + 8].flatMap((half) => hexHalf(bytes, half, Math.min(half + 8, to), cells));
      element.append(make("div.octets", {}, halves));
    }
  };
  draw(0, Math.min(bytes.length, BYTES_SHOWN));
  if (bytes.length > BYTES_SHOWN) {
    const rest = make("button.plain", { type: "button" }, `Show all ${bytes.length} bytes`);
    rest.addEventListener("click", () => { rest.remove(); draw(BYTES_SHOWN, bytes.length); });
    element.append(rest);
  }
  const covering = (octet) => event.fields.filter((field) => field.first <= octet && octet <= field.last);
  return {
    element,
    highlight(fields) {
      const wrong = (octet) => event.fields.some((field) => field.marked && field.first <= octet && octet <= field.last);
      cells.forEach((pair, octet) => pair.forEach((cell) => {
        cell.classList.toggle("lit", fields.some((field) => field.first <= octet && octet <= field.last));
        cell.classList.toggle("wrong", wrong(octet));
      }));
    },
    hover(highlight) {
      element.addEventListener("mouseover", (moved) => {
        if (moved.target.dataset.octet) highlight(covering(Number(moved.target.dataset.octet)));
      });
      element.addEventListener("mouseleave", () => highlight([]));
    },
  };
}

function hexHalf(bytes, start, end, cells) {
  const digits = make("span.digits");
  const letters = make("span.letters");
  for (let octet = start; octet < end; octet += 1) {
    const shown = bytes[octet] >= 0x20 && bytes[octet] < 0x7f ? String.fromCharCode(bytes[octet]) : "·";
    const pair = [make("span", { "data-octet": octet }, bytes[octet].toString(16).padStart(2, "0")), make("span", { "data-octet": octet }, shown)];
    digits.append(pair[0]);
    letters.append(pair[1]);
    cells[octet] = pair;
  }
  return [make("span.at", {}, start < end ? start.toString(16).padStart(4, "0") : ""), digits, letters];
}

/** The bits of a field that does not fill its bytes. */
function bitStrip(event, fields) {
  const field = fields.length === 1 ? fields[0] : null;
  if (!field || !field.partial || field.last - field.first > 3) return [];
  const base = field.first * 8 - Math.floor(field.low / 8) * 8;
  const parts = [`byte ${field.place.split(":")[0]}  `];
  for (let octet = field.first; octet <= field.last; octet += 1) {
    const bits = parseInt(event.hex.slice(octet * 2, octet * 2 + 2), 16).toString(2).padStart(8, "0");
    [...bits].forEach((bit, place) => {
      const position = octet * 8 + place - base;
      parts.push(make(position >= field.low && position <= field.high ? "b" : "span", {}, bit));
    });
  }
  return [...parts, `  ${visible(field.name)} = ${visible(field.value)}`];
}
