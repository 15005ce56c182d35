// The page: an editor, its worker, and what the worker shows.
import * as plots from "./plots.js";

const $ = (id) => document.getElementById(id);
const SLIDERS = {
  rate: ["learning rate", 0.01, 2, 0.01, 0.5], depth: ["hidden layers", 1, 8, 1, 3],
  scale: ["scale of the first weights", 0.01, 0.5, 0.01, 0.02], batch: ["batch size", 2, 200, 1, 60],
  steps: ["steps", 20, 1000, 10, 170],
};
let worker, ready = false, pending = false, code = $("code");

function status(text) {
  $("status").textContent = text;
}

function start() {
  ready = false;
  worker = new Worker("worker.js", { type: "module" });
  worker.onmessage = ({ data }) => handle[data.kind](data);
  worker.onerror = (event) => handle.broken({ text: event.message || "worker.js could not be loaded" });
}

function write(text, className = "") {
  const line = Object.assign(document.createElement("span"), { textContent: text + "\n", className });
  $("output").append(line);
  $("output").scrollTop = $("output").scrollHeight;
}

function finish(text) {
  $("stop").disabled = true;
  $("run").disabled = !ready;
  status(text);
}

const handle = {
  status: ({ text }) => status(text),
  ready() {
    ready = true;
    finish("Ready");
    if (pending) run();
  },
  text: ({ text }) => write(text),
  plot: (data) => plots.plot($("plots"), data),
  image: (data) => plots.image($("plots"), data),
  drawing: (data) => plots.drawing($("drawings"), data),
  done: () => finish("Done"),
  failed({ text }) {
    write(text, "error");
    finish("Error");
  },
  broken({ text }) {
    write(`The playground could not start: ${text}`, "error");
    finish("Not started");
  },
};

function run() {
  if (!ready) return void (pending = true);
  pending = false;
  plots.clear();
  for (const place of ["output", "plots", "drawings"]) $(place).replaceChildren();
  $("run").disabled = true;
  $("stop").disabled = false;
  status("Running…");
  remember();
  const settings = { norm: $("norm").checked };
  for (const name of Object.keys(SLIDERS)) settings[name] = Number($(name).value);
  worker.postMessage({ code: code.value, settings });
}

function stop() {
  worker.terminate();
  write("Stopped.", "error");
  start();
  finish("Stopped; loading Python anew…");
}

// ---- the address bar carries the program ---------------------------------------------------
async function packed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

async function remember() {
  history.replaceState(null, "", "#code=" + (await packed(code.value)));
}

async function share() {
  await remember();
  try {
    await navigator.clipboard.writeText(location.href);
    status("Link copied");
  } catch {
    status("The link is in the address bar");
  }
}

// ---- editor and settings -------------------------------------------------------------------
let leaving = false; // after Escape, Tab moves on
code.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  } else if (event.key === "Tab" && !event.shiftKey && !leaving) {
    event.preventDefault();
    code.setRangeText("    ", code.selectionStart, code.selectionEnd, "end");
  }
  leaving = event.key === "Escape";
});
code.addEventListener("input", showSliders);

function showSliders() {
  $("sliders").hidden = !code.value.includes("settings.");
}

for (const [name, [text, min, max, step, value]] of Object.entries(SLIDERS)) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "range", id: name, min, max, step, value });
  const output = Object.assign(document.createElement("output"), { textContent: value });
  input.addEventListener("input", () => (output.textContent = input.value));
  label.append(text, input, output);
  $("sliders").append(label);
}
const norm = Object.assign(document.createElement("input"), { type: "checkbox", id: "norm", checked: true });
const label = document.createElement("label");
label.append("with Batch Normalization", norm);
$("sliders").append(label);

async function choose(file) {
  code.value = await (await fetch(`programs/${file}`)).text();
  showSliders();
}

$("run").addEventListener("click", run);
$("stop").addEventListener("click", stop);
$("share").addEventListener("click", share);
$("programs").addEventListener("change", (event) => choose(event.target.value));

start();
const programs = await (await fetch("programs.json")).json();
for (const { file, name } of programs) $("programs").append(new Option(name, file));
const link = location.hash.match(/^#code=(.+)/);
try {
  code.value = link ? await unpacked(link[1]) : "";
} catch {
  status("The program in this link could not be read");
}
if (code.value) showSliders();
else await choose(programs[0].file);
