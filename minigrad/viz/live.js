"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const tell = (v) => (typeof v !== "number" || Number.isInteger(v) ? String(v) : v.toPrecision(4));
  const finite = (v) => typeof v === "number" && Number.isFinite(v);
  const draw = (parent, tag, attributes, text) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    if (text !== undefined) e.textContent = text;
    return parent.appendChild(e);
  };
  const add = (parent, tag, text = "") => Object.assign(parent.appendChild(document.createElement(tag)), { textContent: text });

  // ---- curves
  const curve = (parent, name, { steps, values, latest }) => {
    const figure = add(parent, "figure"), caption = add(figure, "figcaption");
    add(caption, "span", name);
    add(caption, "strong", tell(latest));
    const [W, H, LEFT, FOOT] = [480, 200, 54, 18], svg = draw(figure, "svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${name} over steps` });
    const points = steps.map((s, i) => [s, values[i]]).filter(([, v]) => finite(v)), known = points.map(([, v]) => v);
    let [low, high] = [Math.min(...known), Math.max(...known)];
    if (!known.length) [low, high] = [0, 1];
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) [low, high] = [low - 0.5, high + 0.5];
    const last = Math.max(1, ...steps), x = (s) => LEFT + ((W - LEFT - 6) * s) / last, y = (v) => 6 + ((H - FOOT - 12) * (high - v)) / (high - low);
    for (const v of [low, (low + high) / 2, high]) {
      draw(svg, "line", { class: "axis", x1: LEFT, x2: W - 6, y1: y(v), y2: y(v) });
      draw(svg, "text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, Number(v.toPrecision(3)));
    }
    draw(svg, "text", { x: LEFT, y: H - 3 }, "0");
    draw(svg, "text", { x: W - 6, y: H - 3, "text-anchor": "end" }, `step ${Math.round(last)}`);
    draw(svg, "polyline", { class: "curve", points: points.map(([s, v]) => `${x(s)},${y(v)}`).join(" ") });
    const lost = values.length - known.length;
    if (lost) add(figure, "p", `not finite at ${lost} points`);
  };

  // ---- parameters
  const bars = (cell, s, kind, what) => {
    if (!s || !s.histogram) { cell.textContent = s && s.nonfinite ? "not finite" : "—"; return; }
    const top = Math.max(1, ...s.histogram), svg = draw(cell, "svg", { viewBox: "0 0 160 34", role: "img", "aria-label": `histogram of the ${what}` });
    draw(svg, "title", {}, `${tell(s.min)} … ${tell(s.max)}, mean ${tell(s.mean)}`);
    s.histogram.forEach((n, i) => draw(svg, "rect", { class: kind, x: i * 10, y: 34 - (34 * n) / top, width: 9, height: (34 * n) / top }));
  };
  const flow = (cell, layer, low, high) => {
    if (!(layer.mean > 0)) { cell.textContent = layer.mean === 0 ? "0" : "—"; return; }
    const x = (v) => 4 + (212 * (Math.log10(v) - low)) / Math.max(1e-9, high - low);
    const svg = draw(cell, "svg", { viewBox: "0 0 220 28", role: "img", "aria-label": `mean ${tell(layer.mean)}, greatest ${tell(layer.greatest)}` });
    draw(svg, "rect", { class: "back", x: 0, y: 7, width: Math.max(2, x(layer.mean)), height: 14 });
    draw(svg, "line", { class: "peak", x1: x(layer.greatest), x2: x(layer.greatest), y1: 3, y2: 25 });
  };
  const table = (layers) => {
    const sizes = layers.flatMap((l) => [l.mean, l.greatest]).filter((v) => finite(v) && v > 0).map(Math.log10);
    const low = Math.floor(Math.min(...sizes, 0)), high = Math.max(...sizes, low + 1);
    const body = $("layers");
    body.replaceChildren();
    for (const layer of layers) {
      const row = add(body, "tr"), value = (v) => add(row, "td", v === undefined ? "—" : tell(v));
      add(row, "td", layer.name);
      add(row, "td", layer.shape.join("×") || "scalar");
      const cell = add(row, "td");
      cell.className = "flow";
      flow(cell, layer, low, high);
      value(layer.mean);
      value(layer.greatest);
      bars(add(row, "td"), layer.gradient, "back", `gradient of ${layer.name}`);
      bars(add(row, "td"), layer.value, "value", layer.name);
    }
  };

  // ---- what comes in
  let drawn = "";
  const show = (state, words) => {
    $("title").textContent = document.title = state.title;
    $("state").textContent = `${state.steps} ${state.steps === 1 ? "step" : "steps"}${words}`;
    const key = JSON.stringify([state.steps, state.at]);
    if (key === drawn) return;
    drawn = key;
    $("curves").replaceChildren();
    for (const [name, points] of Object.entries(state.curves)) curve($("curves"), name, points);
    document.querySelector("table").hidden = state.at < 0;
    $("hint").hidden = state.at >= 0;
    if (state.at >= 0) table(state.layers);
  };
  let state = JSON.parse($("data").textContent);
  const served = location.protocol !== "file:" && !state.ended;
  show(state, served ? "" : ", the run has ended");
  const ask = async () => {
    try {
      const answer = await fetch("state");
      state = await answer.json();
      show(state, state.ended ? ", the run has ended" : "");
      if (state.ended) return;
    } catch {
      show(state, ", the run has ended");
      return;
    }
    setTimeout(ask, document.hidden ? 3000 : 500);
  };
  if (served) ask();
})();
