"use strict";
// Which calls are open, and what is shown then. `data` is that of viz/page.py: a closed call is a node whose id is
// `data.nodes.length` more than the call's.
function createFolding(data) {
  const count = data.nodes.length;
  const calls = new Map(data.boxes.map((b) => [b.draw.id, b]));
  const byAge = new Map();
  for (const n of data.nodes) for (const age of [n.sequence, ...(n.ages || [])]) if (age !== undefined) byAge.set(age, n.id);
  for (const b of data.boxes) { b.members = []; b.closed.call = b.draw.id; }
  const around = (call) => {  // the calls around one, from the inside out, itself first
    const result = [];
    for (let at = call; at !== null && at !== undefined; at = calls.get(at).draw.parent) result.push(at);
    return result;
  };
  for (const n of data.nodes) for (const call of around(n.draw.box)) calls.get(call).members.push(n.id);
  const levels = new Set(data.boxes.map((b) => b.level)).size;
  let opened = new Set(data.start);

  const folding = {
    calls, levels, around,
    get opened() { return opened; },
    set opened(next) { opened = new Set(next); },
    toggle(call) { if (!opened.delete(call)) opened.add(call); },
    openTo(depth) { opened = new Set(data.boxes.filter((b) => b.level < depth).map((b) => b.draw.id)); },
    reveal(call) { for (const at of around(call)) opened.add(at); },
    depth() {  // the depth at which exactly these calls are open, or -1
      const is = (depth) => data.boxes.every((b) => opened.has(b.draw.id) === b.level < depth || !around(b.draw.parent).every((at) => opened.has(at)));
      for (let depth = levels; depth >= 0; depth--) if (is(depth)) return depth;
      return -1;
    },
    // the node that stands for a vertex: itself, or the outermost closed call around it
    shown(id) {
      const n = data.nodes[id], closed = around(n.draw.box).findLast((at) => !opened.has(at));
      return closed === undefined ? n : calls.get(closed).closed;
    },
    ofAge(age) { return byAge.get(age); },
    // what `drawGraph` takes, and the nodes and arrows that it shows
    view() {
      const isOpen = new Map([[null, true]]), all = (call) => around(call).every((at) => opened.has(at));
      for (const call of calls.keys()) isOpen.set(call, all(call));
      const inside = (draw) => isOpen.get(draw.box ?? null);
      const nodes = data.nodes.filter((n) => inside(n.draw)).map((n) => [n.id, n]);
      for (const b of data.boxes) {
        if (!isOpen.get(b.draw.id) && isOpen.get(b.draw.parent ?? null)) nodes.push([b.last, b.closed]);
      }
      nodes.sort((a, b) => a[0] - b[0]);
      const there = new Set(nodes.map(([, n]) => n.id));
      const edges = data.edges.filter((e) => there.has(e.source) && there.has(e.target));
      const lettered = new Set(edges.filter((e) => e.source >= count).map((e) => e.target));
      const drawing = {
        direction: data.direction, caption: data.caption, above: data.above, sizes: data.sizes,
        nodes: nodes.map(([, n]) => ({ ...n.draw, words: (lettered.has(n.id) && n.words) || n.draw.words, back: n.back ?? n.draw.back })),
        edges: edges.map((e) => (e.plain && lettered.has(e.target) ? { ...e, words: e.plain } : e)),
        boxes: data.boxes.filter((b) => isOpen.get(b.draw.id)).map((b) => b.draw),
      };
      return { drawing, nodes: nodes.map(([, n]) => n), edges };
    },
  };
  return folding;
}
