// Where Python and Graphviz come from. build.py writes local folders here for a page that asks nobody.
export const PYODIDE = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/";
export const GRAPHVIZ = "https://cdn.jsdelivr.net/npm/@hpcc-js/wasm-graphviz@1.29.2/dist/index.js";
