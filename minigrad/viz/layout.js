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
  const GAP = 14, SIDE = 16, PAD = 9, LINE = 5, FEW = 4, [SWEEPS, ROUNDS] = nodes.length < 1500 ? [12, 24] : [4, 10];
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
    for (const [links, end] of [[ins, "from"], [outs, "to"]]) {  // one port for many that carry the same value
      const same = new Map();
      for (const l of links) append(same, valueOf(l), l);
      for (const group of same.values()) {
        const parts = group.length > FEW ? [group] : group.map((l) => [l]);
        for (const part of parts) {
          const port = { port: part.map((l) => l.run.i), width: LINE, height: 0 };
          for (const l of part) l[end] = port;
        }
      }
    }
    const title = hasTitle ? { title: true, width: here.title.width, height: here.title.height } : null;
    const top = ins.length || (title && !backwards) ? 1 : 0;
    const last = rank(items, here.links, top);
    const end = outs.length || (title && backwards) ? last + 1 : last;
    for (const l of ins) l.from.rank = 0;
    for (const l of outs) l.to.rank = end;
    if (title) title.rank = backwards ? end : 0;

    const layers = Array.from({ length: end + 1 }, () => []);
    for (const v of new Set([...ins.map((l) => l.from), ...items, ...outs.map((l) => l.to)])) layers[v.rank].push(v);
    const segments = Array.from({ length: end }, () => []);  // between a layer and the next
    const join = (u, v, run) => {
      const straight = (u.dummy || u.port !== undefined) + (v.dummy || v.port !== undefined);
      segments[u.rank].push({ u, v, run, weight: [1, 2, 8][straight] });
    };
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
        const v = r === middle ? { label: l.run.i, width: l.width + 2 * LINE, height: l.height } : { width: LINE, height: 0 };
        Object.assign(v, { rank: r, dummy: true });
        join(trunk.at(-1), v, l.run.i);
        trunk.push(v);
        layers[r].push(v);
      }
      l.branch = [];
      if (last < l.to.rank) {
        const v = { label: l.run.i, width: l.width + 2 * LINE, height: l.height, rank: last, dummy: true };
        l.branch.push(v);
        layers[last].push(v);
      }
      l.branch.push(l.to);
      [trunk[l.stem - 1], ...l.branch].forEach((v, k, way) => { if (k) join(way[k - 1], v, l.run.i); });
    }
    sortLayers(layers, segments);
    if (title) layers[title.rank].unshift(title);
    placeAcross(layers, segments, title, [...trunks.values()]);
    placeAlong(here, layers, segments);
    finish(here, layers, title);
  }

  // What a line carries: the value of its source, where it goes its way; a turned one shares nothing.
  function valueOf(l) {
    if (l.run.turned) return -1 - l.run.i;
    const start = !l.from ? "" : l.from.port ? `port ${l.from.port[0]}` : l.from.order;
    return `${l.run.ends[0][0]} ${start}`;
  }

  // Longest paths from the top; what nothing enters then comes down to its first reader.
  function rank(items, links, top) {
    const inside = links.filter((l) => l.from.port === undefined && l.to.port === undefined);
    const pairs = new Map(), entering = new Map(), leaving = new Map(items.map((v) => [v, []]));
    for (const v of items) { v.rank = top; entering.set(v, 0); }
    for (const l of inside) {
      if (!pairs.has(l.from)) pairs.set(l.from, new Map());
      const count = pairs.get(l.from);
      count.set(l.to, (count.get(l.to) || 0) + 1);
      entering.set(l.to, entering.get(l.to) + 1);
      leaving.get(l.from).push(l);
    }
    const apart = (l) => (l.width || pairs.get(l.from).get(l.to) > 1 ? 2 : 1);
    const left = new Map(entering), order = items.filter((v) => !left.get(v));
    for (let i = 0; i < order.length; i++) {
      for (const l of leaving.get(order[i])) {
        l.to.rank = Math.max(l.to.rank, l.from.rank + apart(l));
        left.set(l.to, left.get(l.to) - 1);
        if (!left.get(l.to)) order.push(l.to);
      }
    }
    const read = new Map();
    for (const l of links) if (l.from.port !== undefined) read.set(l.to, true);
    for (const v of order.reverse()) {
      const out = leaving.get(v);
      if (out.length && !read.has(v) && out.length > entering.get(v)) v.rank = Math.min(...out.map((l) => l.to.rank - apart(l)));
    }
    return Math.max(top - 1, ...items.map((v) => v.rank));
  }

  // Where the line of an edge meets what stands in a layer, from its centre.
  function offset(v, run) {
    if (v.ports) return v.ports.get(run) - v.width / 2;
    return v.label === undefined ? 0 : LINE / 2 - v.width / 2;
  }

  // Few crossings: each layer by the mean place of its neighbours, down and up; the best order stays.
  function sortLayers(layers, segments) {
    const index = () => { for (const layer of layers) layer.forEach((v, i) => { v.at = i; }); };
    const place = (v, run) => v.at + (v.ports ? offset(v, run) / (v.width + 1) : 0);
    const crossings = () => {
      let count = 0;
      for (const between of segments) {
        const pairs = between.map((s) => [place(s.u, s.run), place(s.v, s.run)]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        const sorted = [];  // the second places so far: those behind a new one are crossed
        for (const [, v] of pairs) {
          let [low, high] = [0, sorted.length];
          while (low < high) { const mid = (low + high) >> 1; if (sorted[mid] <= v) low = mid + 1; else high = mid; }
          count += sorted.length - low;
          sorted.splice(low, 0, v);
        }
      }
      return count;
    };
    index();
    let least = crossings(), best = layers.map((layer) => [...layer]);
    for (let sweep = 0; sweep < SWEEPS && least; sweep++) {
      const down = sweep % 2 === 0;
      for (let k = 1; k < layers.length; k++) {
        const r = down ? k : layers.length - 1 - k, sums = new Map();
        for (const s of segments[down ? r - 1 : r]) {
          const [mine, other] = down ? [s.v, s.u] : [s.u, s.v], sum = sums.get(mine) || [0, 0];
          sums.set(mine, [sum[0] + place(other, s.run), sum[1] + 1]);
        }
        for (const v of layers[r]) v.wish = sums.has(v) ? sums.get(v)[0] / sums.get(v)[1] : v.at;
        layers[r].sort((a, b) => a.wish - b.wish);
        layers[r].forEach((v, i) => { v.at = i; });
      }
      const count = crossings();
      if (count < least) [least, best] = [count, layers.map((layer) => [...layer])];
    }
    best.forEach((layer, r) => { layers[r].splice(0, layers[r].length, ...layer); });
    index();
  }

  // Places across the flow: least squares to the neighbours under the distances, by pooling (isotonic regression).
  function placeAcross(layers, segments, title, trunks) {
    for (const layer of layers) {
      let x = 0;
      for (const v of layer) { v.x = x + v.width / 2; x += v.width + SIDE; }
      for (const v of layer) v.x -= x / 2;
    }
    const near = new Map();
    for (const between of segments) {
      for (const s of between) {
        const apart = offset(s.u, s.run) - offset(s.v, s.run);
        for (const [mine, other, by] of [[s.u, s.v, -apart], [s.v, s.u, apart]]) {
          append(near, mine, { other, by, weight: s.weight, up: other === s.u });
        }
      }
    }
    for (let round = 0; round < ROUNDS; round++) {
      const way = round < ROUNDS - 4 ? round % 2 : 2;  // from above, from below, at last from both
      const order = way === 1 ? [...layers].reverse() : layers;
      for (const layer of order) {
        const free = layer.filter((v) => v !== title);
        for (const v of free) {
          let wish = 0, weight = 0;
          for (const n of near.get(v) || []) {
            if (way !== 2 && n.up !== (way === 0)) continue;
            wish += n.weight * (n.other.x + n.by);
            weight += n.weight;
          }
          [v.wish, v.weight] = weight ? [wish / weight, weight] : [v.x, 0.01];
        }
        pool(free);
      }
    }
    for (const trunk of trunks) straighten(layers, trunk.filter((v) => v.dummy && v.label === undefined));
    if (!title) return;
    const others = layers.flat().filter((v) => v !== title), beside = layers[title.rank].filter((v) => v !== title);
    title.x = Math.min(0, ...others.map((v) => v.x - v.width / 2)) + title.width / 2;
    for (const v of beside) title.x = Math.min(title.x, v.x - v.width / 2 - SIDE - title.width / 2);
  }

  function apart(a, b) {  // the least distance of two neighbours
    return (a.width + b.width) / 2 + (a.dummy && b.dummy ? LINE : SIDE);
  }

  function straighten(layers, line) {  // as few bends as the room beside a long line allows
    const room = line.map((v) => {
      const layer = layers[v.rank], before = layer[v.at - 1], after = layer[v.at + 1];
      return [before ? before.x + apart(before, v) : -Infinity, after ? after.x - apart(v, after) : Infinity];
    });
    for (let i = 0; i < line.length;) {
      let [low, high] = room[i], k = i + 1, sum = line[i].x;
      for (; k < line.length; k++) {
        const [l, h] = [Math.max(low, room[k][0]), Math.min(high, room[k][1])];
        if (l > h) break;
        [low, high] = [l, h];
        sum += line[k].x;
      }
      const x = Math.min(high, Math.max(low, sum / (k - i)));
      for (; i < k; i++) line[i].x = x;
    }
  }

  function pool(layer) {
    const blocks = [];
    let start = 0;
    layer.forEach((v, i) => {
      if (i) start += apart(layer[i - 1], v);
      v.start = start;
      let block = { sum: v.weight * (v.wish - start), weight: v.weight, first: i };
      while (blocks.length && blocks.at(-1).sum / blocks.at(-1).weight > block.sum / block.weight) {
        const before = blocks.pop();
        block = { sum: before.sum + block.sum, weight: before.weight + block.weight, first: before.first };
      }
      blocks.push(block);
    });
    blocks.forEach((b, i) => {
      const end = i + 1 < blocks.length ? blocks[i + 1].first : layer.length;
      for (const v of layer.slice(b.first, end)) v.x = b.sum / b.weight + v.start;
    });
  }

  // Places along the flow: bands; the farther the lines between two go, the farther these are apart.
  function placeAlong(here, layers, segments) {
    let y = 0;
    here.bands = layers.map((layer, r) => {
      const height = Math.max(0, ...layer.map((v) => v.height));
      const band = { top: y, bottom: y + height };
      for (const v of layer) v.y = y + height / 2;
      const far = Math.max(0, ...(segments[r] || []).map((s) => Math.abs(s.u.x + offset(s.u, s.run) - s.v.x - offset(s.v, s.run))));
      y += height + GAP + Math.min(60, far / 7);
      return band;
    });
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

  // ---- lines
  const spread = spreadEnds();
  const parts = edges.map(() => ({ pieces: [], label: null }));
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
    result.edges[run.i] = { path: pathOf(points), label, start, end, way };
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

if (typeof module !== "undefined") module.exports = { layout };
