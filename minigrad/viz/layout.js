"use strict";
// A layered layout of a graph with nested boxes, after Sugiyama, Tagawa and Toda (1981).
//
// layout(nodes, edges, boxes, direction)
//   nodes: [{ id, width, height, box, round }]   box: the id of the innermost box around it, or null
//   edges: [{ source, target, width, height }]   ids of nodes; the size of its label, 0 without
//   boxes: [{ id, parent, width, height }]       the size of its title; parent: a box's id, or null
//   direction: "TB", "LR", "BT" or "RL"
// gives { width, height, nodes: Map(id -> {x, y}), boxes: Map(id -> {x, y, width, height}), edges: [edge, …] }, an edge
// as { path, label, start, end, way }. x and y of a node are its centre, of a box and a label the upper left corner;
// `path` is that of SVG, from `start` to `end`, along `way` at both ends: [0, 1] is down.
//
// Each box is laid out alone, then stands in the box around it as one big node. An edge that leaves it goes through a
// port at its border. Lines are vertical beside what stands in a layer and curved only between layers, so no line
// crosses a node, the border of a box it does not enter, or a title.
function layout(nodes, edges, boxes, direction = "TB") {
  const PAD = 9, FEW = 4, [SWEEPS, ROUNDS] = nodes.length < 1500 ? [12, 24] : [4, 10];
  const { LINE, offset } = layering;
  const sideways = direction === "LR" || direction === "RL", backwards = direction === "BT" || direction === "RL";
  const parent = new Map(boxes.map((b) => [b.id, b.parent ?? null]));
  const home = new Map(nodes.map((n) => [n.id, n.box ?? null]));

  // ---- levels: what stands directly in each box, and which edges run there
  const level = new Map([[null, { id: null, items: new Map(), links: [], title: null }]]);
  for (const b of boxes) level.set(b.id, { id: b.id, items: new Map(), links: [], title: b.width ? b : null });
  const nodeItem = new Map(), boxItem = new Map();
  for (const n of nodes) {
    const [width, height] = sideways ? [n.height, n.width] : [n.width, n.height];
    const item = { node: n, width, height, order: nodeItem.size };
    nodeItem.set(n.id, item);
    level.get(n.box ?? null).items.set(item, item);
  }
  const chain = (id) => {  // the boxes around a node, from the inside out; the last is the page
    const result = [];
    for (let at = home.get(id); at !== null; at = parent.get(at)) result.push(at);
    return [...result, null];
  };
  for (const n of nodes) {
    for (const id of chain(n.id).slice(0, -1)) {
      if (boxItem.has(id)) continue;
      const item = { box: id, ports: new Map(), order: nodeItem.get(n.id).order };
      boxItem.set(id, item);
      level.get(parent.get(id)).items.set(item, item);
    }
  }
  const runs = edges.map((e, i) => {
    const from = chain(e.source), to = chain(e.target), inside = new Set(to);
    const meeting = from.find((id) => inside.has(id));
    const below = (path) => path.slice(0, path.indexOf(meeting));
    const first = (id, path) => (path.length ? boxItem.get(path.at(-1)) : nodeItem.get(id));
    const [a, b] = [below(from), below(to)];
    const run = { i, meeting, ends: [[e.source, a], [e.target, b]], turned: false };
    run.items = [first(e.source, a), first(e.target, b)];
    return run;
  });
  const meetings = new Map();
  for (const run of runs) append(meetings, run.meeting, run);
  for (const here of meetings.values()) breakCycles(here);
  for (const run of runs) {
    const [[source, out], [target, into]] = run.turned ? [...run.ends].reverse() : run.ends;
    const [a, b] = run.turned ? [...run.items].reverse() : run.items;
    const e = edges[run.i], [width, height] = sideways ? [e.height || 0, e.width || 0] : [e.width || 0, e.height || 0];
    level.get(run.meeting).links.push({ run, from: a, to: b, width, height });
    const item = (id, path, k) => (k ? boxItem.get(path[k - 1]) : nodeItem.get(id));
    out.forEach((id, k) => level.get(id).links.push({ run, from: item(source, out, k), to: null, width: 0, height: 0 }));
    into.forEach((id, k) => level.get(id).links.push({ run, from: null, to: item(target, into, k), width: 0, height: 0 }));
  }

  function append(lists, key, item) {
    if (lists.has(key)) lists.get(key).push(item); else lists.set(key, [item]);
  }

  // Turn the edges that close a cycle: boxes may read each other.
  function breakCycles(here) {
    const next = new Map();
    for (const run of here) append(next, run.items[0], run);
    const state = new Map(), starts = [...next.keys()].sort((a, b) => a.order - b.order);
    for (const start of starts) {
      if (state.has(start)) continue;
      const stack = [[start, 0]];
      state.set(start, 1);
      while (stack.length) {
        const top = stack.at(-1), run = (next.get(top[0]) || [])[top[1]++];
        if (!run) { state.set(top[0], 2); stack.pop(); continue; }
        const to = run.items[1];
        if (state.get(to) === 1) run.turned = true;
        else if (!state.has(to)) { state.set(to, 1); stack.push([to, 0]); }
      }
    }
  }

  // ---- one level: ranks, order, places
  function arrange(here) {
    const items = [...here.items.values()].sort((a, b) => a.order - b.order);
    for (const item of items) if (item.ports) arrange(level.get(item.box));
    const hasTitle = here.title && !sideways;
    const ins = here.links.filter((l) => !l.from), outs = here.links.filter((l) => !l.to);
    // What carries the same value leaves through one port, since its line goes on as one; it enters so where there is much.
    for (const [links, end, few] of [[ins, "from", FEW], [outs, "to", 0]]) {
      const same = new Map();
      for (const l of links) append(same, valueOf(l), l);
      for (const group of same.values()) {
        const parts = group.length > few ? [group] : group.map((l) => [l]);
        for (const part of parts) {
          const port = { port: part.map((l) => l.run.i), width: LINE, height: 0 };
          for (const l of part) l[end] = port;
        }
      }
    }
    const title = hasTitle ? { title: true, width: here.title.width, height: here.title.height } : null;
    const top = ins.length || (title && !backwards) ? 1 : 0;
    const last = layering.rank(items, here.links, top);
    const end = outs.length || (title && backwards) ? last + 1 : last;
    for (const l of ins) l.from.rank = 0;
    for (const l of outs) l.to.rank = end;
    if (title) title.rank = backwards ? end : 0;

    const layers = Array.from({ length: end + 1 }, () => []);
    for (const v of new Set([...ins.map((l) => l.from), ...items, ...outs.map((l) => l.to)])) layers[v.rank].push(v);
    const segments = Array.from({ length: end }, () => []);  // between a layer and the next
    const join = (u, v, run) => {
      const straight = (u.dummy || u.port !== undefined) + (v.dummy || v.port !== undefined);
      segments[u.rank].push(layering.piece(u, v, run, [1, 2, 8][straight]));
    };
    const labelAt = (l, r) => layering.point(r, l.run.i, l.width + 2 * LINE, l.height);
    const readers = new Map(), trunks = new Map();  // one line for all that carry the same value, until their labels
    for (const l of here.links) append(readers, valueOf(l), l);
    for (const l of here.links) {
      const value = valueOf(l), shared = readers.get(value).length > 1;
      const middle = l.width ? (shared ? l.to.rank - 1 : (l.from.rank + l.to.rank) >> 1) : -1;
      if (!trunks.has(value)) trunks.set(value, [l.from]);
      const trunk = trunks.get(value), last = shared && l.width ? middle : l.to.rank;
      l.trunk = trunk;
      l.stem = last - l.from.rank;  // so many pieces are the trunk's
      for (let r = l.from.rank + trunk.length; r < last; r++) {
        const v = r === middle ? labelAt(l, r) : layering.point(r, undefined, LINE, 0);
        join(trunk.at(-1), v, l.run.i);
        trunk.push(v);
        layers[r].push(v);
      }
      l.branch = [];
      if (last < l.to.rank) {
        const v = labelAt(l, last);
        l.branch.push(v);
        layers[last].push(v);
      }
      l.branch.push(l.to);
      [trunk[l.stem - 1], ...l.branch].forEach((v, k, way) => { if (k) join(way[k - 1], v, l.run.i); });
    }
    layering.sortLayers(layers, segments, SWEEPS);
    if (title) layers[title.rank].unshift(title);
    layering.placeAcross(layers, segments, title, [...trunks.values()], ROUNDS);
    layering.placeAlong(here, layers, segments);
    finish(here, layers, title);
  }

  // What a line carries: the value of its source, where it goes its way; a turned one shares nothing.
  function valueOf(l) {
    if (l.run.turned) return -1 - l.run.i;
    const start = !l.from ? "" : l.from.port ? `port ${l.from.port[0]}` : l.from.order;
    return `${l.run.ends[0][0]} ${start}`;
  }

  function finish(here, layers, title) {
    const all = layers.flat(), page = here.id === null;
    let left = Infinity, right = -Infinity;
    for (const v of all) [left, right] = [Math.min(left, v.x - v.width / 2), Math.max(right, v.x + v.width / 2)];
    if (!all.length) left = right = 0;
    const strip = here.title && sideways ? here.title.height + 4 : 0;
    const x0 = left - PAD - strip, bottom = here.bands.at(-1).bottom;
    here.width = right - x0 + PAD;
    const wide = strip ? here.title.width + 2 * PAD : 0;
    here.height = Math.max(bottom + 2 * PAD, wide);
    here.origin = [-x0, PAD];
    if (page) return;
    const item = boxItem.get(here.id);
    [item.width, item.height] = [here.width, here.height];
    for (const v of all) for (const run of v.port || []) item.ports.set(run, v.x - x0);
    // a port's line reaches the border
    here.bands[0].top -= PAD;
    here.bands.at(-1).bottom = here.height - PAD;
  }

  arrange(level.get(null));

  // ---- from each box's own coordinates to the page's
  const page = level.get(null);
  page.x = page.y = 0;
  const [W, H] = [page.width, page.height];
  const turn = (x, y) => {
    const along = backwards ? H - y : y;
    return sideways ? [along, x] : [x, along];
  };
  const result = { width: sideways ? H : W, height: sideways ? W : H, nodes: new Map(), boxes: new Map(), edges: [] };
  const queue = [page];
  while (queue.length) {
    const here = queue.pop(), [ox, oy] = [here.x + here.origin[0], here.y + here.origin[1]];
    here.origin = [ox, oy];
    for (const item of here.items.values()) {
      const [x, y] = [ox + item.x, oy + item.y];
      if (item.node) { const [cx, cy] = turn(x, y); result.nodes.set(item.node.id, { x: cx, y: cy }); continue; }
      const inner = level.get(item.box);
      [inner.x, inner.y] = [x - item.width / 2, y - item.height / 2];
      const [a, b] = [turn(inner.x, inner.y), turn(inner.x + item.width, inner.y + item.height)];
      const corner = [Math.min(a[0], b[0]), Math.min(a[1], b[1])];
      result.boxes.set(item.box, { x: corner[0], y: corner[1], width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) });
      queue.push(inner);
    }
  }
  result.edges = layoutLines({ runs, level, parent, turn, sideways, backwards });
  return result;
}
