"use strict";
// The slider: below 0 the forward pass, operation by operation; above 0 backward, node by node.
function createStepping(data, folding, camera, ui) {
  const { slider, at, told, play, tell, fragments } = ui;
  const PACE = 700;  // milliseconds a step
  const forward = data.nodes.filter((n) => ["operation", "derivative"].includes(n.kind)), backward = data.steps;
  const ends = new Map();  // vertex -> its place in the forward pass
  forward.forEach((n, i) => ends.set(n.id, i));
  const has = backward.length > 0;
  let timer = null, touched = false;  // until it is moved, the picture shows how it ends
  slider.min = -forward.length;
  slider.max = backward.length;
  slider.value = 0;

  // what has come to each value in the first steps of backward: age -> {norm, gradient}
  const gathered = (steps) => {
    const result = new Map();
    for (const s of steps) for (const t of s.sent) result.set(t.to, t);
    return result;
  };
  const ages = (n) => (n.call === undefined ? [n.sequence, ...(n.ages || [])] : folding.calls.get(n.call).leaving.flatMap((id) => ages(data.nodes[id])));
  const members = (n) => (n.call === undefined ? [n.id] : folding.calls.get(n.call).members);
  const every = (n) => members(n).flatMap((id) => ages(data.nodes[id]));
  const size = (n, come) => {  // of what has come so far: one number, or the least and the greatest
    const sizes = ages(n).filter((age) => come.has(age)).map((age) => come.get(age).gradient);
    if (!sizes.length) return undefined;
    const numbers = sizes.map((v) => ({ inf: Infinity, "-inf": -Infinity })[v] ?? Number(v));
    const ends = numbers.some(Number.isNaN) ? sizes : [Math.min(...numbers), Math.max(...numbers)];
    return ends[0] === ends.at(-1) ? ends[0] : [ends[0], ends.at(-1)];
  };
  const words = (n, come) => {  // "‖∂ℓ/∂x‖ = 0.5"
    const sizes = size(n, come);
    return n.slot && sizes !== undefined ? `${n.slot} = ${tell(sizes, 3)}` : "";
  };
  if (has) {  // room for what will stand there at the end
    const all = gathered(backward);
    for (const n of [...data.nodes, ...data.boxes.map((b) => b.closed)]) if (n.slot) n.back = words(n, all) || n.draw.back;
  }

  const write = (value) => {
    if (value < 0) {
      const k = forward.length + value, n = k ? forward[k - 1] : null;
      at.textContent = `forward ${k} / ${forward.length}`;
      if (!n) return "Nothing is computed yet.";
      const s = n.value, seen = s && "mean" in s ? `, ${tell(s.min)} … ${tell(s.max)}, mean ${tell(s.mean)}` : "";
      return `forward ${k}: ${n.path ? n.path + ": " : ""}${n.label} → ${n.size}${n.number === undefined ? seen : ` = ${tell(n.number)}`}`;
    }
    at.textContent = has ? `${value} / ${backward.length}` : `forward ${forward.length} / ${forward.length}`;
    if (!value && !has) return "All is computed. Step back to see how.";
    if (!value) return touched ? "Nothing has flowed yet." : "Nothing has flowed yet; the picture shows how it ends.";
    let text = backward[value - 1].text;
    if (value === backward.length) {
      const come = gathered(backward), leaves = data.leaves.filter((n) => come.has(n.sequence));
      text += "\n\nthe gradients: " + leaves.map((n) => `${n.name} ‖${tell(come.get(n.sequence).norm)}‖`).join(", ");
    }
    return text;
  };

  // mark the boxes of a view; scroll to the step's box if `follow`
  function update(view, follow = true) {
    const value = Number(slider.value), come = gathered(backward.slice(0, Math.max(0, value)));
    const done = forward.length + Math.min(0, value), walked = new Set(backward.slice(0, Math.max(0, value)).map((s) => s.node));
    let text = write(value), vertex = null;
    if (value > 0) vertex = folding.ofAge(backward[value - 1].node);
    else if (value < 0 && done) vertex = forward[done - 1].id;
    const here = vertex === null || vertex === undefined ? null : folding.shown(vertex);
    if (here && here.call !== undefined) text += `\nin the closed box ${folding.calls.get(here.call).name}`;
    told.textContent = text;
    let last = null;
    for (const n of view.nodes) {
      const e = fragments.node(n);
      e.classList.toggle("at", n === here);
      if (n === here) last = e;
      e.classList.toggle("got", value > 0 && every(n).some((age) => come.has(age)));
      e.classList.toggle("todo", value < 0 && isToDo(n, done));
      if (has && n.back) fragments.back(e, value > 0 ? words(n, come) : touched ? "" : n.back);
    }
    view.edges.forEach((edge, i) => {
      const flows = !has || !touched || !edge.readers || edge.readers.some((id) => ages(data.nodes[id]).some((age) => walked.has(age)));
      const e = fragments.edge(i);
      e.classList.toggle("silent", !flows);
      e.classList.toggle("flow", value > 0 && vertex !== null && (edge.readers || []).includes(vertex));
    });
    if (last && follow && !camera.seen(last)) camera.centre(last);
  }
  function isToDo(n, done) {
    if (n.kind === "output") return done < forward.length;
    const places = members(n).filter((id) => ends.has(id)).map((id) => ends.get(id));
    return places.length > 0 && Math.min(...places) >= done;
  }

  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶";
    play.setAttribute("aria-label", "play");
  };
  const changed = () => { touched = true; ui.changed(); };
  const move = (by) => {
    slider.value = Number(slider.value) + by;
    changed();
  };
  const start = () => {
    if (Number(slider.value) >= backward.length) { slider.value = slider.min; changed(); }
    play.textContent = "⏸";
    play.setAttribute("aria-label", "pause");
    timer = setInterval(() => {
      move(1);
      if (Number(slider.value) >= backward.length) stop();
    }, PACE);
  };
  slider.addEventListener("input", () => { stop(); changed(); });
  play.addEventListener("click", () => (timer ? stop() : start()));
  const walked = () => backward.slice(0, Math.max(0, Number(slider.value)));
  const isOver = () => !has || !touched || Number(slider.value) === backward.length;
  const gradient = (n) => (isOver() ? n.gradient ?? size(n, gathered(backward)) : size(n, gathered(walked())));
  return { gradient, isOver, update, move: (by) => { stop(); move(by); }, toggle: () => (timer ? stop() : start()), any: forward.length + backward.length > 0 };
}
