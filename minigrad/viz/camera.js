"use strict";
// What part of the drawing is seen: pan, zoom, fit, and a map of the whole.
function createCamera(stage, frame, map, sideways) {
  const LEAST = 0.05, TELLING = 0.12, MOST = 8, LEGIBLE = 0.8;
  let scale = 1, x = 0, y = 0, width = 1, height = 1, places = [], moved = 0;

  const place = () => {
    frame.style.transform = `translate(${x}px,${y}px) scale(${scale})`;
    drawMap();
  };
  const zoom = (by, cx = stage.clientWidth / 2, cy = stage.clientHeight / 2) => {
    const next = Math.min(MOST, Math.max(LEAST, scale * by));
    x = cx - ((cx - x) * next) / scale;
    y = cy - ((cy - y) * next) / scale;
    scale = next;
    place();
  };
  const begin = () => {  // what does not fit is seen from its first box on
    const along = sideways ? 0 : 1, least = places.reduce((a, b) => (b[along] < a[along] ? b : a), places[0] || [0, 0, 0, 0]);
    const start = (room, size, middle) => (size <= room ? (room - size) / 2 : Math.min(8, Math.max(room - size - 8, room / 2 - middle * scale)));
    x = start(stage.clientWidth, width * scale, least[0] + least[2] / 2);
    y = start(stage.clientHeight, height * scale, least[1] + least[3] / 2);
    place();
  };
  const fit = () => {  // all of it, or as much as can be told apart
    const all = Math.min(stage.clientWidth / width, stage.clientHeight / height, 1.5) * 0.98;
    scale = Math.max(TELLING, all);
    begin();
  };
  const open = () => {  // as much as can be read; `fit` shows all
    fit();
    if (scale >= LEGIBLE) return;
    scale = LEGIBLE;
    begin();
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
  const pan = (dx, dy) => { x += dx; y += dy; place(); };

  // ---- the map
  const pen = map.getContext("2d");
  const mapScale = () => Math.min(map.width / width, map.height / height);
  function drawMap() {
    const hidden = width * scale <= stage.clientWidth + 1 && height * scale <= stage.clientHeight + 1 && x >= -1 && y >= -1;
    map.hidden = hidden;
    if (hidden) return;
    const s = mapScale(), style = getComputedStyle(map), [left, top] = [(map.width - width * s) / 2, (map.height - height * s) / 2];
    pen.clearRect(0, 0, map.width, map.height);
    pen.fillStyle = style.color;
    for (const [px, py, w, h] of places) pen.fillRect(left + px * s, top + py * s, Math.max(1, w * s), Math.max(1, h * s));
    pen.strokeStyle = style.outlineColor;
    pen.lineWidth = 2;
    const part = (offset, at, seen, size) => {  // what is seen, as far as the map goes
      const start = Math.min(size - 5, Math.max(1, offset - (at / scale) * s));
      return [start, Math.max(4, Math.min(size - 1, offset + ((seen - at) / scale) * s) - start)];
    };
    const [[px, w], [py, h]] = [part(left, x, stage.clientWidth, map.width), part(top, y, stage.clientHeight, map.height)];
    pen.strokeRect(px, py, w, h);
  }
  const goTo = (e) => {
    const at = map.getBoundingClientRect(), s = mapScale();
    const px = ((e.clientX - at.left) * map.width) / at.width - (map.width - width * s) / 2;
    const py = ((e.clientY - at.top) * map.height) / at.height - (map.height - height * s) / 2;
    x = stage.clientWidth / 2 - (px / s) * scale;
    y = stage.clientHeight / 2 - (py / s) * scale;
    place();
  };
  map.addEventListener("pointerdown", (e) => { map.setPointerCapture(e.pointerId); goTo(e); });
  map.addEventListener("pointermove", (e) => { if (map.hasPointerCapture(e.pointerId)) goTo(e); });

  // ---- wheel, mouse and fingers
  stage.addEventListener("scroll", () => {  // a browser scrolls to what gets the focus
    pan(-stage.scrollLeft, -stage.scrollTop);
    stage.scrollTo(0, 0);
  });
  stage.addEventListener("wheel", (e) => {
    e.preventDefault();
    const s = stage.getBoundingClientRect();
    zoom(Math.exp(-e.deltaY / 400), e.clientX - s.left, e.clientY - s.top);
  }, { passive: false });
  const fingers = new Map();
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
    } else pan(fresh[0] - old[0], fresh[1] - old[1]);
    fingers.set(e.pointerId, fresh);
  });
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, (e) => fingers.delete(e.pointerId));

  return {
    zoom, fit, open, seen, centre, pan,
    get moved() { return moved; },
    // a new drawing: what stands in it, as [x, y, width, height]
    take(svg, boxes) { [width, height, places] = [svg.width.baseVal.value, svg.height.baseVal.value, boxes]; },
    // keep what was at a place of the screen there
    hold(element, left, top) {
      const a = element.getBoundingClientRect();
      pan(left - a.left, top - a.top);
    },
  };
}
