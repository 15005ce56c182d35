"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const stage = $("stage"), frame = $("view");
  const folding = createFolding(data), camera = createCamera(stage, frame, $("map"), ["LR", "RL"].includes(data.direction));
  let view = null, lit = null;

  const fragments = {
    node: (n) => $(`n${n.id}`),
    edge: (i) => $(`e${i}`),
    box: (call) => $(`clust${call}`),
    back: (e, words) => { for (const t of e.querySelectorAll('text[fill="#8a3700"]')) t.textContent = words; },
  };
  const whole = (n) => (n.path ? n.path + "." : "") + n.label;
  const tell = (v, digits = 4) => {
    if (Array.isArray(v)) return v.map((part) => tell(part, digits)).join(" … ");
    if (typeof v !== "number" || Number.isInteger(v)) return String(v);
    if (Math.abs(v) >= 1e-4) return String(Number(v.toPrecision(digits)));
    const [head, power] = v.toExponential(digits - 1).split("e-");
    return `${Number(head)}e-${power.padStart(2, "0")}`;
  };

  // ---- what a box is
  const row = (k, v) => {
    const r = document.createElement("tr");
    for (const t of [k, v]) r.appendChild(document.createElement("td")).textContent = t;
    return r;
  };
  const add = (parent, tag, text) => Object.assign(parent.appendChild(document.createElement(tag)), { textContent: text });
  const bars = (counts) => {
    const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg"), top = Math.max(...counts, 1);
    svg.setAttribute("viewBox", "0 0 160 40");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "histogram");
    counts.forEach((c, i) => {
      const r = document.createElementNS(ns, "rect"), high = (38 * c) / top;
      for (const [k, v] of Object.entries({ x: i * 10, y: 40 - high, width: 9, height: high })) r.setAttribute(k, v);
      svg.append(r);
    });
    return svg;
  };
  const facts = (n) => {
    const side = $("facts");
    side.replaceChildren();
    add(side, "h2", n.label);
    const call = n.call ?? n.draw.box ?? null;
    if (call !== null) {
      const button = add(side, "button", n.call === undefined ? `close ${folding.calls.get(call).name}` : "open");
      button.addEventListener("click", () => toggle(call));
    }
    const table = add(side, "table", "");
    table.append(row("kind", n.kind), row("shape", n.size));
    if (n.dtype) table.append(row("dtype", n.dtype));
    if (n.keeps) table.append(row("keeps for backward", n.keeps));
    if (n.line) table.append(row("line", n.line));
    if (n.in_place) table.append(row("written in place", n.in_place));
    if (n.times > 1) table.append(row("stands for", n.times));
    if (n.number !== undefined) table.append(row("value", tell(n.number)));
    const gradient = stepping.gradient(n);
    if (gradient !== undefined) table.append(row(n.number === undefined ? "norm of gradient" : "gradient", tell(gradient)));
    for (const [title, s] of [["value", n.value], ["gradient", stepping.isOver() ? n.slope : null]]) {
      if (!s) continue;
      add(side, "h2", title);
      const t = add(side, "table", "");
      for (const k of ["min", "mean", "max", "norm"]) if (k in s) t.append(row(k, tell(s[k])));
      for (const [k, w] of [["zeros", "zeros"], ["nonfinite", "not finite"]])
        if (k in s) t.append(row(w, (100 * s[k]).toFixed(1) + " %"));
      if (s.histogram) side.append(bars(s.histogram));
    }
  };

  // ---- paths from a box and to it
  const reach = (start, from, to) => {
    const next = new Map();
    for (const e of view.edges) {
      if (!next.has(e[from])) next.set(e[from], []);
      next.get(e[from]).push(e[to]);
    }
    const seen = new Set([start]), stack = [start];
    while (stack.length) for (const n of next.get(stack.pop()) || []) if (!seen.has(n)) { seen.add(n); stack.push(n); }
    return seen;
  };
  const light = (id) => {
    lit = id;
    for (const e of frame.querySelectorAll(".on")) e.classList.remove("on");
    frame.classList.toggle("lit", id !== null);
    if (id === null) return;
    const down = reach(id, "source", "target"), up = reach(id, "target", "source");
    for (const set of [down, up]) for (const n of set) $(`n${n}`).classList.add("on");
    view.edges.forEach((e, i) => {
      const both = (s) => s.has(e.source) && s.has(e.target);
      if (both(down) || both(up)) fragments.edge(i).classList.add("on");
    });
  };
  const choose = (n) => { facts(n); light(lit === n.id ? null : n.id); };

  // ---- drawing what is open
  const ready = (e, label, attributes = {}) => {
    for (const [k, v] of Object.entries({ tabindex: "0", role: "button", "aria-label": label, ...attributes })) e.setAttribute(k, v);
    const part = e.classList.contains("cluster") ? e.querySelector("text") : e;
    e.addEventListener("focus", () => { if (e.matches(":focus-visible") && !camera.seen(part)) camera.centre(part); });
  };
  const onKeys = (e, keys, act) => e.addEventListener("keydown", (k) => {
    if (!keys.includes(k.key)) return;
    k.preventDefault();
    act();
  });
  const prepareNode = (n) => {
    const e = fragments.node(n), closed = n.call !== undefined;
    ready(e, `${n.label}, ${n.kind}, ${n.size}`, closed ? { "aria-expanded": "false" } : {});
    e.addEventListener("pointerenter", () => facts(n));
    e.addEventListener("focus", () => facts(n));
    e.addEventListener("click", () => { if (camera.moved < 6) choose(n); });
    if (closed) e.addEventListener("dblclick", () => toggle(n.call));
    onKeys(e, closed ? [" "] : ["Enter", " "], () => choose(n));
    if (closed) onKeys(e, ["Enter"], () => toggle(n.call, true));
  };
  const prepareBox = (draw) => {
    const e = fragments.box(draw.id);
    if (!e) return;
    ready(e, `close ${folding.calls.get(draw.id).name}`, { "aria-expanded": "true" });
    e.addEventListener("dblclick", () => toggle(draw.id));
    onKeys(e, ["Enter", " "], () => toggle(draw.id, true));
    e.parentNode.append(e);  // by keyboard first what is computed, then the frames around it
  };
  const draw = () => {
    light(null);
    view = folding.view();
    const svg = drawGraph(view.drawing, data.styles, "");
    frame.replaceChildren(svg);
    for (const n of view.nodes) prepareNode(n);
    for (const b of view.drawing.boxes) prepareBox(b);
    const origin = svg.getBoundingClientRect(), ratio = svg.width.baseVal.value / Math.max(origin.width, 1e-9);
    camera.take(svg, view.nodes.map((n) => {
      const a = fragments.node(n).getBoundingClientRect();
      return [a.left - origin.left, a.top - origin.top, a.width, a.height].map((v) => v * ratio);
    }));
    const depth = folding.depth();
    if ($("mixed")) $("mixed").remove();
    if (depth < 0) Object.assign(add($("depth"), "option", "mixed"), { value: -1, id: "mixed" });
    $("depth").value = String(depth);
    mark();
    stepping.update(view, false);
  };
  const toggle = (call, byKey = false) => {
    const place = () => fragments.box(call) || $(`n${folding.calls.get(call).closed.id}`);
    const before = place().getBoundingClientRect();
    folding.toggle(call);
    search.before = null;
    draw();
    camera.hold(place(), before.left, before.top);
    if (byKey) place().focus({ preventScroll: true });
  };

  // ---- depth
  for (let depth = 0; depth < folding.levels; depth++) add($("depth"), "option", String(depth)).value = depth;
  add($("depth"), "option", "all").value = folding.levels;
  $("depth").addEventListener("change", (e) => {
    folding.openTo(Number(e.target.value));
    search.before = null;
    draw();
    camera.open();
    stepping.update(view);
  });

  // ---- find, also in what is closed
  const search = { hits: [], at: 0, before: null };  // before: the calls that were open when the search began
  const element = (hit) => (hit.node ? fragments.node(folding.shown(hit.node.id)) : boxElement(hit.box.draw.id));
  const boxElement = (call) => {
    const closed = folding.around(call).findLast((at) => !folding.opened.has(at));
    return closed === undefined ? fragments.box(call) : fragments.node(folding.calls.get(closed).closed);
  };
  const isOpen = (hit) => folding.around(hit.node ? hit.node.draw.box : hit.box.draw.parent).every((at) => folding.opened.has(at));
  function mark() {
    for (const e of frame.querySelectorAll(".found, .hit")) e.classList.remove("found", "hit");
    search.hits.forEach((hit, i) => {
      const e = element(hit);
      e.classList.add("found");
      if (i === search.at) e.classList.add("hit");
    });
    const count = search.hits.length;
    $("hit").textContent = count > 1 ? `${search.at + 1} /` : "";
    $("found").textContent = $("find").value.trim() ? String(count) : "";
  }
  const go = (i) => {
    const hit = search.hits[i];
    search.at = i;
    const size = folding.opened.size;
    folding.reveal(hit.node ? hit.node.draw.box : hit.box.draw.parent);
    if (folding.opened.size !== size) draw(); else mark();
    if (hit.node) facts(hit.node);
    if (!camera.seen(element(hit))) camera.centre(element(hit));
  };
  const find = () => {
    const text = $("find").value.trim().toLowerCase(), has = (name) => text !== "" && name.toLowerCase().includes(text);
    const opened = search.before || folding.opened, size = folding.opened.size;
    search.hits = [
      ...data.nodes.filter((n) => has(whole(n))).map((node) => ({ node, order: node.id })),
      ...data.boxes.filter((b) => has(b.name)).map((box) => ({ box, order: Math.min(...box.members) - 0.5 })),
    ].sort((a, b) => a.order - b.order);
    search.before = text ? new Set(opened) : null;
    folding.opened = opened;
    search.at = Math.max(0, search.hits.findIndex(isOpen));
    if (folding.opened.size !== size) draw();
    if (search.hits.length) go(search.at); else mark();
  };
  $("find").addEventListener("input", find);
  $("find").addEventListener("keydown", (e) => {
    const count = search.hits.length;
    if (e.key !== "Enter" || !count) return;
    e.preventDefault();
    go((search.at + (e.shiftKey ? count - 1 : 1)) % count);
  });

  // ---- forward and backward
  const stepping = createStepping(data, folding, camera, {
    slider: $("step"), at: $("at"), told: $("told"), play: $("play"), tell, fragments, changed: () => stepping.update(view),
  });
  $("steps").hidden = !stepping.any;

  // ---- buttons and keys
  $("in").onclick = () => camera.zoom(1.25);
  $("out").onclick = () => camera.zoom(0.8);
  $("fit").onclick = camera.fit;
  const keys = {
    "+": () => camera.zoom(1.25), "=": () => camera.zoom(1.25), "-": () => camera.zoom(0.8), 0: camera.fit, "/": () => $("find").focus(),
    "[": () => stepping.move(-1), "]": () => stepping.move(1), p: stepping.toggle, Escape: () => light(null),
    ArrowLeft: () => camera.pan(40, 0), ArrowRight: () => camera.pan(-40, 0), ArrowUp: () => camera.pan(0, 40), ArrowDown: () => camera.pan(0, -40),
  };
  document.addEventListener("keydown", (e) => {
    const typing = ["INPUT", "SELECT"].includes(e.target.tagName);
    if (e.ctrlKey || e.metaKey || e.altKey || (typing && e.key !== "Escape") || !keys[e.key]) return;
    e.preventDefault();
    if (typing) e.target.blur();
    keys[e.key]();
  });
  let wide = window.innerWidth;
  window.addEventListener("resize", () => {  // a phone's own bars come and go: they change the height only
    if (window.innerWidth !== wide) camera.open();
    wide = window.innerWidth;
  });
  const begin = () => {
    draw();
    camera.open();
  };
  if (data.nodes.length < 1500) begin();
  else requestAnimationFrame(() => setTimeout(begin));  // it takes a while: the page is seen before
})();
