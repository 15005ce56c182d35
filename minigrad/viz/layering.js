"use strict";
// One level of a layout: what stands in which layer, in which order, and where.
//
// What stands in a layer has a `rank`, the layer's number, and a `width` and `height`; placed, it has its centre `x`, `y`.
// It is a node, a box, a title, a port at the border (with `port`) or a point of a line (with `dummy`, and the edge's
// number as `label` where the line has its label). `segments[r]` are the pieces of lines from layer r to the next: { u, v,
// run, weight }.
const layering = (() => {
  const GAP = 14, SIDE = 16, LINE = 5;

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
  function sortLayers(layers, segments, sweeps) {
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
    for (let sweep = 0; sweep < sweeps && least; sweep++) {
      const down = sweep % 2 === 0;
      for (let k = 1; k < layers.length; k++) {
        const r = down ? k : layers.length - 1 - k;
        for (const v of layers[r]) v.sum = v.count = 0;
        for (const s of segments[down ? r - 1 : r]) {
          const mine = down ? s.v : s.u;
          mine.sum += place(down ? s.u : s.v, s.run);
          mine.count += 1;
        }
        for (const v of layers[r]) v.wish = v.count ? v.sum / v.count : v.at;
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
  function placeAcross(layers, segments, title, trunks, rounds) {
    for (const layer of layers) {
      let x = 0;
      for (const v of layer) { v.x = x + v.width / 2; x += v.width + SIDE; }
      for (const v of layer) v.x -= x / 2;
    }
    for (const layer of layers) for (const v of layer) v.above = v.below = null;
    for (const between of segments) {  // each end has a list of its pieces, which goes on at `nextAbove` and `nextBelow`
      for (const s of between) {
        s.apart = offset(s.u, s.run) - offset(s.v, s.run);
        [s.nextBelow, s.u.below] = [s.u.below, s];
        [s.nextAbove, s.v.above] = [s.v.above, s];
      }
    }
    const placed = title ? layers.map((layer) => layer.filter((v) => v !== title)) : layers, upwards = [...placed].reverse();
    const fromAbove = (v) => {
      for (let s = v.above; s; s = s.nextAbove) { v.sum += s.weight * (s.u.x + s.apart); v.weight += s.weight; }
    };
    const fromBelow = (v) => {
      for (let s = v.below; s; s = s.nextBelow) { v.sum += s.weight * (s.v.x - s.apart); v.weight += s.weight; }
    };
    for (let round = 0; round < rounds; round++) {
      const way = round < rounds - 4 ? round % 2 : 2;  // from above, from below, at last from both
      for (const layer of way === 1 ? upwards : placed) {
        for (const v of layer) {
          v.sum = v.weight = 0;
          if (way !== 1) fromAbove(v);
          if (way !== 0) fromBelow(v);
          if (v.weight) v.wish = v.sum / v.weight;
          else [v.wish, v.weight] = [v.x, 0.01];
        }
        pool(layer);
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

  // A point of a line in a layer, and a piece of it to the next; with all their fields at once they are made faster.
  function point(rank, label, width, height) {
    return { dummy: true, rank, label, width, height, x: 0, y: 0, at: 0, sum: 0, count: 0, wish: 0, weight: 0, start: 0, above: null, below: null };
  }
  function piece(u, v, run, weight) {
    return { u, v, run, weight, apart: 0, nextAbove: null, nextBelow: null };
  }

  return { point, piece, rank, sortLayers, placeAcross, placeAlong, offset, LINE };
})();
