// The packed run: an index of all cases, and chunks of exchanges that are inflated when one of their cases is opened.

async function unpack(id) {
  const packed = Uint8Array.from(atob(byId(id).textContent), (letter) => letter.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}

/** An event from the array that reports/evidence.py made of it. */
function unpackEvent(packed, index, layouts) {
  const [kind, time, source, destination, connection, title, detail, remark, marked, hex, length, preview, layout, values, placement] = packed;
  const fields = layouts[layout].map(([name, offset, bits, section], place) => {
    const entry = values[place];
    const [value, meaning, wrong] = typeof entry === "string" ? [entry] : entry;
    return { name, offset, section, value, meaning: meaning ?? "", marked: Boolean(wrong), bits, ...extent(offset, bits) };
  });
  const sent = length || hex.length / 2;
  return { index, kind, time, source, destination, connection, title, detail, remark, marked: Boolean(marked), hex, sent, preview, fields, placement: unpackPlacement(placement) };
}

function unpackPlacement(packed) {
  if (!packed) return null;
  const [placed, copied, reason] = packed;
  return { placed, copied, reason };
}

/** First and last byte of a field and, when it does not fill whole bytes, its bits within them. */
function extent(offset, bits) {
  if (offset < 0) return { first: -1, last: -2, partial: false, place: "" };
  const [low, high = low] = bits === "" ? [0, 7] : bits.split("-").map(Number);
  const first = offset + Math.floor(low / 8);
  const last = offset + Math.floor(high / 8);
  const partial = low % 8 !== 0 || high % 8 !== 7;
  const whole = first === last ? `${first}` : `${first}–${last}`;
  const within = low === high ? `${low % 8}` : `${low % 8}–${first === last ? high % 8 : high}`;
  return { first, last, low, high, partial, place: partial ? `${whole}:${within}` : whole };
}

class Evidence {
  constructor(index) {
    this.cases = index.cases;
    this.requirements = index.requirements;
    this.signs = index.signs;
    this.pdus = index.pdus;
    this.starts = [];
    index.chunks.reduce((start, size, chunk) => { this.starts[chunk] = start; return start + size; }, 0);
    this.inflated = new Map();
  }

  /** The events of one case. The last few chunks stay inflated. */
  async events(number) {
    let chunk = this.starts.length - 1;
    while (this.starts[chunk] > number) chunk -= 1;
    if (!this.inflated.has(chunk)) this.inflated.set(chunk, unpack(`chunk-${chunk}`));
    if (this.inflated.size > 8) this.inflated.delete(this.inflated.keys().next().value);
    const [layouts, exchanges] = await this.inflated.get(chunk);
    return exchanges[number - this.starts[chunk]].map((packed, place) => unpackEvent(packed, place, layouts));
  }
}
