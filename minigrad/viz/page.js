"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const stage = $("stage");
  let now = data.start, scale = 1, x = 0, y = 0, lit = null;

  const view = () => $("view" + now);
  const box = (id) => $(`v${now}-n${id}`);
  const boxes = () => data.views[now].nodes.map((n) => [n, box(n.id)]);
  const whole = (n) => (n.path ? n.path + "." : "") + n.label;
  const tell = (v) => {
    if (Array.isArray(v)) return v.map(tell).join(" … ");
    return typeof v !== "number" || Number.isInteger(v) ? String(v) : v.toPrecision(4);
  };

  // ---- pan and zoom
  const place = () => { view().style.transform = `translate(${x}px,${y}px) scale(${scale})`; };
  const zoom = (by, cx = stage.clientWidth / 2, cy = stage.clientHeight / 2) => {
    const next = Math.min(8, Math.max(0.05, scale * by));
    x = cx - ((cx - x) * next) / scale;
    y = cy - ((cy - y) * next) / scale;
    scale = next;
    place();
  };
  const fit = () => {
    const svg = view().firstElementChild;
    const w = svg.width.baseVal.value, h = svg.height.baseVal.value;
    scale = Math.min(stage.clientWidth / w, stage.clientHeight / h, 1.5) * 0.98;
    x = (stage.clientWidth - w * scale) / 2;
    y = (stage.clientHeight - h * scale) / 2;
    place();
  };
  const open = () => {  // as much as can be read, from the top; `fit` shows all
    fit();
    if (scale >= 0.8) return;
    zoom(0.8 / scale);
    x = Math.max(x, 8);
    y = 8;
    place();
  };
  const seen = (element) => {
    const a = element.getBoundingClientRect(), s = stage.getBoundingClientRect();
    return a.left >= s.left && a.right <= s.right && a.top >= s.top && a.bottom <= s.bottom;
  };
  const centre = (element) => {
    const a = element.getBoundingClientRect(), s = stage.getBoundingClientRect();
    x += s.left + s.width / 2 - (a.left + a.width / 2);
    y += s.top + s.height / 2 - (a.top + a.height / 2);
    place();
  };
  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    const s = stage.getBoundingClientRect();
    zoom(Math.exp(-e.deltaY / 400), e.clientX - s.left, e.clientY - s.top);
  }, { passive: false });
  const fingers = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (e) => {
    if (!fingers.size) moved = 0;
    fingers.set(e.pointerId, [e.clientX, e.clientY]);
  });
  stage.addEventListener("pointermove", (e) => {
    const old = fingers.get(e.pointerId);
    if (!old) return;
    const fresh = [e.clientX, e.clientY];
    moved += Math.abs(fresh[0] - old[0]) + Math.abs(fresh[1] - old[1]);
    if (fingers.size === 2) {
      const [, other] = [...fingers].find(([id]) => id !== e.pointerId);
      const far = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
      const s = stage.getBoundingClientRect();
      zoom(far(fresh) / Math.max(1, far(old)), (fresh[0] + other[0]) / 2 - s.left, (fresh[1] + other[1]) / 2 - s.top);
    } else {
      x += fresh[0] - old[0];
      y += fresh[1] - old[1];
      place();
    }
    fingers.set(e.pointerId, fresh);
  });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (e) => fingers.delete(e.pointerId));

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
    const table = add(side, "table", "");
    table.append(row("kind", n.kind), row("shape", n.size));
    if (n.dtype) table.append(row("dtype", n.dtype));
    if (n.keeps) table.append(row("keeps for backward", n.keeps));
    if (n.in_place) table.append(row("written in place", n.in_place));
    if (n.times > 1) table.append(row("stands for", n.times));
    if (n.number !== undefined) table.append(row("value", tell(n.number)));
    if (n.gradient !== undefined) table.append(row(n.number === undefined ? "norm of gradient" : "gradient", tell(n.gradient)));
    for (const [title, s] of [["value", n.value], ["gradient", n.slope]]) {
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
    for (const e of data.views[now].edges) next.set(e[from], [...(next.get(e[from]) || []), e[to]]);
    const seen = new Set([start]), stack = [start];
    while (stack.length) for (const n of next.get(stack.pop()) || []) if (!seen.has(n)) { seen.add(n); stack.push(n); }
    return seen;
  };
  const light = (id) => {
    lit = id;
    for (const e of view().querySelectorAll(".on")) e.classList.remove("on");
    view().classList.toggle("lit", id !== null);
    if (id === null) return;
    const down = reach(id, 0, 1), up = reach(id, 1, 0);
    for (const set of [down, up]) for (const n of set) box(n).classList.add("on");
    data.views[now].edges.forEach(([a, b], i) => {
      const both = (s) => s.has(a) && s.has(b);
      if (both(down) || both(up)) $(`v${now}-e${i}`).classList.add("on");
    });
  };
  const choose = (n) => { facts(n); light(lit === n.id ? null : n.id); };

  // ---- drawings that are not there yet: there was no program that lays out
  data.views.forEach((v, i) => { if (v.drawing) $("view" + i).append(drawGraph(v.drawing, data.styles, `v${i}-`)); });

  // ---- depth
  const show = (i) => {
    light(null);
    view().hidden = true;
    now = i;
    view().hidden = false;
    $("depth").value = String(i);
    open();
    find(false);
    step();
  };
  data.views.forEach((v, i) => {
    add($("depth"), "option", v.name).value = i;
    for (const n of v.nodes) {
      const e = $(`v${i}-n${n.id}`);
      e.setAttribute("tabindex", "0");
      e.setAttribute("role", "button");
      e.setAttribute("aria-label", `${n.label}, ${n.kind}, ${n.size}`);
      e.addEventListener("pointerenter", () => facts(n));
      e.addEventListener("focus", () => { facts(n); if (e.matches(":focus-visible") && !seen(e)) centre(e); });
      e.addEventListener("click", () => { if (moved < 6) choose(n); });
      e.addEventListener("keydown", (k) => {
        if (k.key === "Enter" || k.key === " ") { k.preventDefault(); choose(n); }
      });
    }
  });
  $("depth").addEventListener("change", (e) => show(Number(e.target.value)));

  // ---- find
  function find(go = true) {
    const text = $("find").value.trim().toLowerCase();
    let first = null, count = 0;
    for (const [n, e] of boxes()) {
      const hit = text !== "" && whole(n).toLowerCase().includes(text);
      e.classList.toggle("found", hit);
      if (hit) { count += 1; first = first || [n, e]; }
    }
    $("found").textContent = text ? String(count) : "";
    if (first && go) { facts(first[0]); if (!seen(first[1])) centre(first[1]); }
  }
  $("find").addEventListener("input", () => find());

  // ---- backward
  const slider = $("step");
  function step() {
    const at = Number(slider.value), gathered = new Map();
    data.steps.slice(0, at).forEach((s) => s.sent.forEach((t) => gathered.set(t.to, t.norm)));
    const current = at ? data.steps[at - 1] : null;
    for (const [n, e] of boxes()) {
      const ages = [n.sequence, ...n.ages];
      const here = current !== null && ages.includes(current.node);
      e.classList.toggle("at", here);
      if (here && !seen(e)) centre(e);
      e.classList.toggle("got", ages.some((age) => gathered.has(age)));
    }
    $("at").textContent = `${at} / ${data.steps.length}`;
    let text = current ? current.text : "Nothing has flowed yet.";
    if (at && at === data.steps.length) {
      const ends = data.leaves.filter((n) => gathered.has(n.sequence));
      text += "\n\nthe gradients: " + ends.map((n) => `${whole(n)} ‖${tell(gathered.get(n.sequence))}‖`).join(", ");
    }
    $("told").textContent = text;
  }
  $("backward").hidden = data.steps.length === 0;
  slider.max = data.steps.length;
  slider.addEventListener("input", step);
  const move = (by) => { slider.value = Number(slider.value) + by; step(); };

  // ---- buttons and keys
  $("in").onclick = () => zoom(1.25);
  $("out").onclick = () => zoom(0.8);
  $("fit").onclick = fit;
  const pan = (dx, dy) => { x += dx; y += dy; place(); };
  const keys = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit, "/": () => $("find").focus(),
    "[": () => move(-1), "]": () => move(1), Escape: () => light(null),
    ArrowLeft: () => pan(40, 0), ArrowRight: () => pan(-40, 0), ArrowUp: () => pan(0, 40), ArrowDown: () => pan(0, -40),
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
    if (window.innerWidth !== wide) open();
    wide = window.innerWidth;
  });
  show(data.start);
})();
