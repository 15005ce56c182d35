"use strict";
// An SVG of a picture that `layout` laid out: what the program dot draws, with its ids and classes.
//
// drawGraph(drawing, styles, prefix): `drawing` and `styles` are those of viz/layout.py, ids begin with `prefix`.
function drawGraph(drawing, styles, prefix = "") {
  const FAMILY = "Helvetica,Arial,sans-serif", GREY = "#767676", BACK = "#c44e00", ON_FILL = "#8a3700";
  const [SIZE, SMALL] = drawing.sizes, pen = document.createElement("canvas").getContext("2d");
  const measure = (words, size) => {
    pen.font = `${size}px ${FAMILY}`;
    return Math.max(0, ...words.map((word) => pen.measureText(word).width));
  };
  const make = (parent, tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return parent ? parent.appendChild(element) : element;
  };
  const write = (parent, text, x, y, size, fill, anchor = "start") =>
    make(parent, "text", { x, y, fill, "font-size": size, "font-family": FAMILY, "text-anchor": anchor }, text);
  const line = 1.2;  // of a text, in its size
  const lines = (item) => (item.back ? [...item.words, item.back] : item.words).filter((word) => word !== "");

  const nodes = drawing.nodes.map((n) => {
    const words = lines(n), round = styles[n.kind].shape === "ellipse", stretch = round ? 1.25 : 1;
    const width = Math.max(38, measure(words, SIZE) * stretch + 18), extra = styles[n.kind].shape === "cylinder" ? 8 : 0;
    return { ...n, round, width, height: (words.length * SIZE * line + 10) * stretch + extra };
  });
  const boxes = drawing.boxes.map((b) => ({ ...b, width: measure([b.title], SIZE) + 4, height: SIZE * line + 4 }));
  const edges = drawing.edges.map((e) => {
    const words = lines(e);
    return { ...e, width: words.length ? measure(words, SMALL) + 2 : 0, height: words.length * SMALL * line };
  });
  const plan = layout(nodes, edges, boxes, drawing.direction);

  const caption = drawing.caption ? drawing.caption.split("\n") : [], head = caption.length * SIZE * line + (caption.length ? 6 : 0);
  const width = Math.max(plan.width, measure(caption, SIZE) + 16), height = plan.height + head;
  const svg = make(null, "svg", { width: `${width}pt`, height: `${height}pt`, viewBox: `0 0 ${width} ${height}` });
  const graph = make(svg, "g", { id: `${prefix}graph0`, class: "graph" });
  caption.forEach((word, i) => {
    const y = (drawing.above ? 0 : plan.height) + (i + 1) * SIZE * line;
    write(graph, word, width / 2, y, SIZE, GREY, "middle");
  });
  const all = make(svg, "g", { transform: `translate(${(width - plan.width) / 2} ${drawing.above ? head : 0})` });
  for (const b of boxes) {
    const at = plan.boxes.get(b.id);
    if (!at) continue;
    const frame = make(all, "g", { id: `${prefix}clust${b.id}`, class: "cluster" });
    make(frame, "rect", { ...at, rx: 8, fill: "none", stroke: b.colour || "#9aa5b1" });
    write(frame, b.title, at.x + 9, at.y + SIZE + 5, SIZE, GREY);
  }
  edges.forEach((e, i) => {
    const at = plan.edges[i], group = make(all, "g", { id: `${prefix}e${i}`, class: "edge" });
    const [wx, wy] = at.way, colour = e.colour || GREY;
    const tip = ([x, y], sign, shape, fill) => {  // an arrow's head at (x, y)
      const [dx, dy] = [wx * sign, wy * sign];
      const points = shape.map(([along, across]) => [x - along * dx + across * dy, y - along * dy - across * dx].join(","));
      make(group, "polygon", { points: points.join(" "), fill, stroke: fill });
    };
    const dash = e.dashed ? { "stroke-dasharray": "5,2" } : {}, wide = e.colour ? { "stroke-width": 2 } : {};
    make(group, "path", { d: at.path, fill: "none", stroke: colour, ...dash, ...wide });
    tip(at.end, 1, [[0, 0], [7, 2.5], [7, -2.5]], colour);
    if (e.back) {  // what flows back runs beside it
      const [sx, sy] = [2 * Math.abs(wy), 2 * Math.abs(wx)];
      make(group, "path", { d: at.path, fill: "none", stroke: BACK, transform: `translate(${sx} ${sy})` });
      tip([at.start[0] + sx, at.start[1] + sy], -1, [[0, 0], [7, 3], [4.5, 0], [7, -3]], BACK);
    }
    lines(e).forEach((word, k) => {
      const fill = e.back && k === lines(e).length - 1 ? BACK : e.colour || GREY;
      write(group, word, at.label.x, at.label.y + SMALL + k * SMALL * line, SMALL, fill);
    });
  });
  for (const n of nodes) {
    const { x, y } = plan.nodes.get(n.id), [w, h] = [n.width / 2, n.height / 2], style = styles[n.kind];
    const group = make(all, "g", { id: `${prefix}n${n.id}`, class: "node" });
    const looks = (style.style || "").split(",");
    const paint = { fill: style.fillcolor, stroke: style.shape === "plaintext" ? "none" : style.color };
    if (looks.includes("dashed")) paint["stroke-dasharray"] = "5,2";
    if (looks.includes("bold")) paint["stroke-width"] = 2;
    if (n.ring) { paint.stroke = n.ring; paint["stroke-width"] = 3; }
    const corners = (by) => [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) => `${x + a * (w + by)},${y + b * (h + by)}`).join(" ");
    if (n.round) make(group, "ellipse", { cx: x, cy: y, rx: w, ry: h, ...paint });
    else if (style.shape === "cylinder") {
      const [l, r, t, b] = [x - w, x + w, y - h + 4, y + h - 4];
      make(group, "path", { d: `M ${l} ${t} L ${l} ${b} A ${w} 4 0 0 0 ${r} ${b} L ${r} ${t} A ${w} 4 0 0 1 ${l} ${t} A ${w} 4 0 0 1 ${r} ${t}`, ...paint });
    } else if (looks.includes("rounded")) {
      make(group, "path", { d: `M ${x - w + 6} ${y - h} h ${2 * w - 12} q 6 0 6 6 v ${2 * h - 12} q 0 6 -6 6 h ${12 - 2 * w} q -6 0 -6 -6 v ${12 - 2 * h} q 0 -6 6 -6 z`, ...paint });
    } else make(group, "polygon", { points: corners(0), ...paint });
    if (style.peripheries) make(group, "polygon", { points: corners(-3), fill: "none", stroke: paint.stroke });
    const words = lines(n), first = y - (words.length * SIZE * line) / 2 + SIZE * 0.95 + (style.shape === "cylinder" ? 2 : 0);
    words.forEach((word, k) => {
      const fill = n.back && k === words.length - 1 ? ON_FILL : "#000";
      write(group, word, x, first + k * SIZE * line, SIZE, fill, "middle");
    });
  }
  return svg;
}
