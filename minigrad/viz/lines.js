"use strict";
// The lines of a layout, as SVG paths: vertical beside what stands in a layer, curved between layers.
//
// `runs` are the edges, `level` the boxes with what stands in them, placed on the page, `parent` the box around each;
// `turn` takes a place of a layout from top to bottom to its own, `sideways` and `backwards` say which that is.
function layoutLines({ runs, level, parent, turn, sideways, backwards }) {
  const { offset, LINE } = layering;
  const spread = spreadEnds();
  const parts = runs.map(() => ({ pieces: [], label: null }));
  for (const here of level.values()) {
    for (const l of here.links) {
      const depth = l.to.port !== undefined ? -chainLength(here.id) : l.from.port !== undefined ? chainLength(here.id) : null;
      parts[l.run.i].pieces.push({ depth, bars: bars(here, l) });
    }
  }
  function chainLength(id) {
    let n = 1;
    for (let at = id; at !== null; at = parent.get(at)) n += 1;
    return n;
  }
  function spreadEnds() {  // lines at one end of a node stand beside each other, in the order of where they go
    const ends = new Map(), shift = new Map();
    const note = (item, side, key, next, run) => {
      if (!item.node) return;
      if (!ends.has(item)) ends.set(item, { in: new Map(), out: new Map() });
      ends.get(item)[side].set(key, next.x + offset(next, run));
    };
    for (const here of level.values()) {
      for (const l of here.links) {
        note(l.from, "out", l.trunk, l.trunk[1] || l.branch[0], l.run.i);
        note(l.to, "in", l, l.branch.length > 1 ? l.branch[0] : l.trunk[l.stem - 1], l.run.i);
      }
    }
    for (const [item, sides] of ends) {
      for (const places of [sides.in, sides.out]) {
        const list = [...places].sort((a, b) => a[1] - b[1]), step = Math.min(9, (0.6 * item.width) / Math.max(1, list.length));
        list.forEach(([key], i) => shift.set(key, (i - (list.length - 1) / 2) * step));
      }
    }
    return shift;
  }
  function bars(here, l) {  // vertical pieces [x, from, to] of a line on one level, on the page
    const { trunk } = l;
    if (!trunk.bars) trunk.bars = joined(trunk.map((v, k) => bar(here, l, v, k === 0, trunk)));
    const { whole, count, ends } = trunk.bars, at = l.stem - 1;
    const stem = whole.slice(0, count[at]), [x, top] = stem.pop();
    return [...stem, [x, top, ends[at]], ...l.branch.map((v) => bar(here, l, v, false, l))];
  }
  function joined(pieces) {  // straight ones in one; for each piece how many are before its end, and where that is
    const whole = [], count = [], ends = [];
    for (const piece of pieces) {
      if (whole.length && Math.abs(whole.at(-1)[0] - piece[0]) < 0.05) whole.at(-1)[2] = piece[2];
      else whole.push([...piece]);
      count.push(whole.length);
      ends.push(piece[2]);
    }
    return { whole, count, ends };
  }
  function bar(here, l, v, first, end) {
    const [ox, oy] = here.origin, run = v.label ?? l.run.i, band = here.bands[v.rank];
    let dx = offset(v, run), [top, bottom] = [band.top, band.bottom];
    if (v.node || v.ports) {
      if (v.node) dx = spread.get(end);
      let half = v.height / 2;
      if (v.node && v.node.round) half *= Math.sqrt(Math.max(0, 1 - ((2 * dx) / v.width) ** 2));
      [top, bottom] = first ? [v.y + half, band.bottom] : [band.top, v.y - half];
    }
    if (v.label !== undefined) {
      const [a, b] = [turn(ox + v.x + dx + LINE, oy + v.y - v.height / 2), turn(ox + v.x + dx + v.width, oy + v.y + v.height / 2)];
      parts[run].label = { x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]) };
    }
    return [ox + v.x + dx, oy + top, oy + bottom];
  }
  const result = [];
  for (const run of runs) {
    const { pieces, label } = parts[run.i];
    // from the inside out, over the level where both ends meet, and in again
    pieces.sort((a, b) => (a.depth === null ? 0 : a.depth) - (b.depth === null ? 0 : b.depth));
    const lines = pieces.flatMap((piece) => piece.bars);
    const points = [];
    for (const [x, top, bottom] of joined(lines).whole) points.push([x, top], [x, bottom]);
    if (run.turned) points.reverse();
    const sign = run.turned !== backwards ? -1 : 1, way = sideways ? [sign, 0] : [0, sign];
    const [start, end] = [turn(...points[0]), turn(...points.at(-1))];
    result[run.i] = { path: pathOf(points), label, start, end, way };
  }
  return result;
  function pathOf(points) {
    const say = (x, y) => turn(x, y).map((n) => Math.round(n * 10) / 10).join(" ");
    let text = `M ${say(...points[0])}`, [x, y] = points[0];
    for (const [nx, ny] of points.slice(1)) {
      if (Math.hypot(nx - x, ny - y) < 0.05) continue;
      const half = (y + ny) / 2;
      text += Math.abs(nx - x) < 0.05 ? ` L ${say(nx, ny)}` : ` C ${say(x, half)} ${say(nx, half)} ${say(nx, ny)}`;
      [x, y] = [nx, ny];
    }
    return text;
  }
}
