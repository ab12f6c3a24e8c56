// What every page with a map does, whatever it shows: make elements, keep the whole area in view, name things where
// there is room, search, print. What one kind of page shows is in a script of its own, which comes after this one.
// Text of the data reaches the page through textContent only.
"use strict";
window.mapView = (function () {
  const map = window.map_0;
  const root = document.documentElement;
  let before = null;  // the view on the screen, while the map is drawn for paper

  function byId(id) { return document.getElementById(id); }

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function makeSvg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function capital(text) { return text.charAt(0).toUpperCase() + text.slice(1); }
  function plain(text) { return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase(); }

  function fill(select, options, chosen) {
    select.replaceChildren(...options.map(([value, label]) => make("option", { value: value }, label)));
    select.value = chosen;
  }

  function toggle(layer, on) { if (layer && map.hasLayer(layer) !== on) (on ? layer.addTo(map) : layer.remove()); }

  function swatch(fill, outline) {
    return makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" },
      makeSvg("rect", { x: 0.5, y: 0.5, width: 27, height: 15, fill: fill, stroke: outline || "#5c5c5c" }));
  }

  function legendRow(key, image, label, count) {
    const row = make("tr", { "data-class": key }, make("td", {}, image), make("th", { scope: "row" }, label));
    row.append(make("td", { class: "count" }, count === null ? "" : count.toLocaleString("en-GB")));
    return row;
  }

  // ---- names on the map, wherever they hit no other name -----------------------------------------------------------

  const named = L.layerGroup().addTo(map);
  const pen = document.createElement("canvas").getContext("2d");

  // Takes all names off the map; `place` puts a new one there if there is room, `keepOff` keeps names off a mark.
  function names() {
    named.clearLayers();
    const taken = [];
    const size = map.getSize();
    return {
      keepOff(at, radius) { taken.push([at.x - radius, at.y - radius, at.x + radius, at.y + radius]); },
      place(text, point, kind, room) {
        const at = map.latLngToContainerPoint(point);
        if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) return;
        pen.font = (kind === "site" ? "600 11px " : "600 12px ") + getComputedStyle(document.body).fontFamily;
        const width = pen.measureText(text).width + 8;
        if (room && (room.getSize().x < width * 0.6 || room.getSize().y < 14)) return;  // too small at this zoom
        // Of a site to the right of its dot, else to the left, below or above; of an area in its middle.
        const free = ([x, y]) => {
          const box = [at.x - x, at.y - y, at.x - x + width, at.y - y + 18];
          return !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
        };
        const middle = width / 2;
        const anchor = (kind === "site" ? [[-8, 9], [width + 4, 9], [middle, -6], [middle, 24]] : [[middle, 9]]).find(free);
        if (!anchor) return;
        const [x, y] = anchor;
        taken.push([at.x - x, at.y - y, at.x - x + width, at.y - y + 18]);
        const text_ = make("span", {}, text);
        L.marker(point, { interactive: false, keyboard: false, icon: L.divIcon({
          className: "name name-" + kind, html: text_, iconSize: [width, 18], iconAnchor: [x, y] }) }).addTo(named);
      },
    };
  }

  // ---- the whole area in view, until the reader moves the map ------------------------------------------------------

  const whole = window.outline_0.getLayers().length ? window.outline_0.getBounds() : null;
  let seesWhole = true;
  let fitting = false;
  function fit(bounds) {
    if (!bounds) return;
    fitting = true;
    map.fitBounds(bounds, { padding: [14, 14], animate: false });
    fitting = false;
  }
  function fitWhole() { seesWhole = true; fit(whole); }
  map.on("movestart zoomstart", () => { if (!fitting && !before) seesWhole = false; });
  // The box changes its height with the words about it, and with the window.
  new ResizeObserver(() => {
    if (before) return;
    fitting = true;
    map.invalidateSize({ animate: false });
    fitting = false;
    if (seesWhole) fit(whole);
  }).observe(map.getContainer());

  const North = L.Control.extend({ onAdd: () => {
    const arrow = makeSvg("svg", { viewBox: "0 0 24 34", width: 24, height: 34, role: "img", "aria-label": "North is up" },
      makeSvg("path", { d: "M12 1 L19 20 L12 16 L5 20 Z", fill: "#1b1b1b" }),
      makeSvg("text", { x: 12, y: 32, "text-anchor": "middle", "font-size": 11, "font-weight": 700 }, "N"));
    return make("div", { class: "north" }, arrow);
  } });
  const Home = L.Control.extend({ onAdd: () => {
    const button = make("button", { type: "button", id: "whole", class: "whole" }, "Whole area");
    L.DomEvent.disableClickPropagation(button);
    button.addEventListener("click", fitWhole);
    return button;
  } });
  new Home({ position: "topleft" }).addTo(map);
  new North({ position: "topright" }).addTo(map);
  map.getContainer().setAttribute("role", "application");
  map.getContainer().setAttribute("aria-label", "Map. Arrow keys move it, plus and minus zoom. The same figures stand " +
    "under " + byId("figures").querySelector("summary").textContent + ".");

  // ---- search ------------------------------------------------------------------------------------------------------

  // `everything` holds {text, code, label, kind, go}; `rank` (entry) is added to what puts one before another.
  function search(everything, rank) {
    const box = byId("search"), list = byId("found");
    let found = [], active = -1;

    function look() {
      const words = plain(box.value).split(/\s+/).filter(Boolean);
      found = !words.length ? [] : everything
        .filter((one) => words.every((word) => one.text.includes(word) || one.code.includes(word)))
        .map((one, i) => ({ one: one, score: (one.code === words[0] ? -8 : 0) +
          (one.text.startsWith(words.join(" ")) ? -4 : 0) + rank(one), i: i }))
        .sort((a, b) => a.score - b.score || a.i - b.i).slice(0, 10).map((ranked) => ranked.one);
      active = -1;
      list.replaceChildren(...found.map((one, i) => {
        const item = make("li", { role: "option", id: "found-" + i }, make("span", {}, one.label),
          make("span", { class: "code" }, one.kind));
        item.addEventListener("mousedown", (event) => { event.preventDefault(); take(one); });
        return item;
      }));
      if (words.length && !found.length) list.append(make("li", { class: "nothing" }, "Nothing found"));
      list.hidden = !words.length;
      box.setAttribute("aria-expanded", String(!list.hidden));
      box.removeAttribute("aria-activedescendant");
    }

    function mark(step) {
      if (!found.length) return;
      active = (active + step + found.length) % found.length;
      found.forEach((_, i) => byId("found-" + i).setAttribute("aria-selected", String(i === active)));
      box.setAttribute("aria-activedescendant", "found-" + active);
    }

    function take(one) {
      box.value = one.label;
      list.hidden = true;
      box.setAttribute("aria-expanded", "false");
      one.go();
    }

    box.addEventListener("input", look);
    box.addEventListener("blur", () => { list.hidden = true; box.setAttribute("aria-expanded", "false"); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); mark(1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark(active < 0 ? 0 : -1); }
      else if (event.key === "Enter") { event.preventDefault(); if (found.length) take(found[Math.max(active, 0)]); }
      else if (event.key === "Escape") { box.value = ""; look(); }
    });
  }

  // ---- print: the map is drawn again for the paper, in the same view -------------------------------------------------

  const onPaper = { put: () => {}, back: () => {} };  // what a page does beside
  function toPaper() {
    if (before) return;
    before = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap };
    root.classList.add("printing");
    onPaper.put();
    map.options.zoomSnap = 0;
    map.invalidateSize({ animate: false, pan: false });
    fit(seesWhole ? whole : before.bounds);
  }
  function toScreen() {
    if (!before) return;
    root.classList.remove("printing");
    onPaper.back();
    map.options.zoomSnap = before.snap;
    map.invalidateSize({ animate: false, pan: false });
    map.setView(before.center, before.zoom, { animate: false });
    before = null;
  }
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", toScreen);
  window.matchMedia("print").addEventListener("change", (query) => (query.matches ? toPaper() : toScreen()));
  byId("print").addEventListener("click", () => window.print());

  return { byId, make, makeSvg, capital, plain, fill, toggle, swatch, legendRow, names, whole, fitWhole, search, onPaper };
})();
