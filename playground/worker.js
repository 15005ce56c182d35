// Runs Python beside the page. The page ends this worker to stop a program.
import { GRAPHVIZ, PYODIDE } from "./config.js";

const send = (kind, data = {}) => postMessage({ kind, ...data });
let python;

async function start() {
  send("status", { text: "Loading Python…" });
  const { loadPyodide } = await import(PYODIDE + "pyodide.mjs");
  const print = (text) => send("text", { text });
  python = await loadPyodide({ indexURL: PYODIDE, stdout: print, stderr: print });
  send("status", { text: "Loading NumPy…" });
  await python.loadPackage("numpy", { messageCallback: () => {} });
  send("status", { text: "Loading minigrad…" });
  const packages = python.runPython("import site; site.getsitepackages()[0]");
  for (const [file, folder] of [["minigrad.zip", packages], ["data.zip", "/home/pyodide"]]) {
    const answer = await fetch(file);
    if (answer.ok) python.unpackArchive(await answer.arrayBuffer(), "zip", { extractDir: folder });
  }
  const { Graphviz } = await import(GRAPHVIZ);
  const graphviz = await Graphviz.load();
  python.registerJsModule("page", {
    layout: (dot) => graphviz.layout(dot, "svg", "dot"),
    show: (kind, json) => send(kind, JSON.parse(json)),
  });
  python.runPython("import playground");
  send("ready");
}

function run({ code, settings }) {
  const names = python.toPy({ __name__: "__main__" });
  try {
    python.pyimport("playground").begin(python.toPy(settings));
    python.runPython(code, { globals: names, filename: "program.py" });
    send("done");
  } catch (error) {
    send("failed", { text: shortened(String(error.message ?? error)) });
  } finally {
    names.destroy();
  }
}

// A traceback without the frames of the machinery that started the program.
function shortened(text) {
  const lines = text.trimEnd().split("\n");
  const first = lines.findIndex((line) => line.includes('"program.py"'));
  return first < 0 ? lines.at(-1) : [lines[0], ...lines.slice(first)].join("\n");
}

onmessage = ({ data }) => run(data);
start().catch((error) => send("broken", { text: String(error) }));
