// Curves, images and graphs that a program shows.
const SIZE = { width: 560, height: 300, left: 48, bottom: 34, top: 10, right: 12 };
const NS = "http://www.w3.org/2000/svg";
const curves = new Map(); // title -> Map of curve -> {x, y}

export function clear() {
  curves.clear();
}

function figure(place, title) {
  let box = [...place.children].find((child) => child.dataset.title === title);
  if (!box) {
    box = document.createElement("figure");
    box.dataset.title = title;
    box.append(Object.assign(document.createElement("figcaption"), { textContent: title }));
    box.append(document.createElement("div"));
    place.append(box);
  }
  return box.lastChild;
}

function element(name, attributes, text = "") {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

// Round numbers between low and high, about five.
function ticks(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

export function plot(place, { title, curve, x, y, limits }) {
  if (!curves.has(title)) curves.set(title, new Map());
  const all = curves.get(title).set(curve, { x, y });
  const xs = [...all.values()].flatMap((c) => c.x);
  const ys = [...all.values()].flatMap((c) => c.y).filter((value) => value !== null);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs, Math.min(...xs) + 1e-9)];
  const [y0, y1] = limits ?? [Math.min(...ys), Math.max(...ys, Math.min(...ys) + 1e-9)];
  const across = (v) => SIZE.left + ((v - x0) / (x1 - x0)) * (SIZE.width - SIZE.left - SIZE.right);
  const up = (v) => SIZE.height - SIZE.bottom - ((v - y0) / (y1 - y0)) * (SIZE.height - SIZE.bottom - SIZE.top);
  const svg = element("svg", { class: "plot", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img" });
  svg.setAttribute("aria-label", `${title}: ${[...all].map(([name, c]) => `${name} ${c.y.at(-1)}`).join(", ")}`);
  for (const t of ticks(y0, y1)) {
    svg.append(element("line", { class: "axis", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: up(t), y2: up(t) }));
    svg.append(element("text", { x: SIZE.left - 6, y: up(t) + 4, "text-anchor": "end" }, +t.toPrecision(6)));
  }
  for (const t of ticks(x0, x1)) {
    svg.append(element("text", { x: across(t), y: SIZE.height - 12, "text-anchor": "middle" }, +t.toPrecision(6)));
  }
  const legend = Object.assign(document.createElement("div"), { className: "legend" });
  [...all].forEach(([name, c], i) => {
    const points = c.y.map((v, k) => (v === null ? "" : `${across(c.x[k]).toFixed(1)} ${up(v).toFixed(1)}`));
    const path = element("path", { d: `M${points.filter(Boolean).join("L")}` });
    path.style.stroke = `var(--c${i % 4})`;
    svg.append(path);
    if (name) {
      const label = Object.assign(document.createElement("span"), { textContent: `― ${name}` });
      label.style.color = `var(--c${i % 4})`;
      legend.append(label);
    }
  });
  figure(place, title).replaceChildren(svg, legend);
}

export function image(place, { title, width, height, values, points, classes }) {
  const scale = 7;
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  const pen = canvas.getContext("2d");
  const colours = ["#0072b2", "#d55e00"];
  values.forEach((value, i) => {
    const certain = Math.min(Math.abs(value - 0.5) * 2, 1);
    pen.fillStyle = colours[+(value > 0.5)] + Math.round(30 + 110 * certain).toString(16).padStart(2, "0");
    pen.fillRect((i % width) * scale, Math.floor(i / width) * scale, scale, scale);
  });
  for (let i = 0; i < classes.length; i++) {
    pen.fillStyle = colours[classes[i]];
    pen.strokeStyle = "#ffffff";
    pen.beginPath();
    pen.arc(points[2 * i] * canvas.width, (1 - points[2 * i + 1]) * canvas.height, 4, 0, 7);
    pen.fill();
    pen.stroke();
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  figure(place, title).replaceChildren(canvas);
}

// A drawing comes from a program, which may come from a link: nothing in it may run.
export function drawing(place, { svg }) {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  for (const node of [root, ...root.querySelectorAll("*")]) {
    if (/^(script|foreignObject|style|a|use|image)$/i.test(node.localName)) node.remove();
    for (const { name } of [...node.attributes]) if (/^on|href$/i.test(name)) node.removeAttribute(name);
  }
  if (root.localName !== "svg") return;
  const box = document.createElement("figure");
  box.append(document.adoptNode(root));
  place.append(box);
}
