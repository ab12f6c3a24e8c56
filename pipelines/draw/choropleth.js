// What a reader does on a map page: choose, look, search, print. Folium has made the map (map_0) and its layers; their
// colours, tooltips and labels are set here, since folium fixes colours when the page is made and puts text into the
// page as markup. Text of the data reaches the page through textContent only.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const map = window.map_0;
  const root = document.documentElement;
  const WITHHELD = "h", NO_FIGURE = "n";
  const NO_FIGURE_COLOUR = "#c2c8cc";
  const NAMED_SITES = 15;  // with more in view, names would only be in the way
  let before = null;  // the view on the screen, while the map is drawn for paper
  const state = { topic: 0, measure: null, geography: null, period: 0, chosen: null };

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

  // ---- what is shown now -------------------------------------------------------------------------------------------

  const areas = {};  // geography -> its areas as objects
  for (const geography of data.geographies) {
    areas[geography.id] = geography.areas.map(([code, name, homes, people, imd, longitude, latitude], i) =>
      ({ geography: geography, i: i, code: code, name: name, homes: homes, people: people, imd: imd,
         point: [latitude, longitude], layer: null }));
    const layer = window[geography.layer];
    layer.eachLayer((shape) => { areas[geography.id][shape.feature.properties.i].layer = shape; });
  }

  function topic() { return data.topics[state.topic]; }
  function geography() { return data.geographies.find((one) => one.id === state.geography); }
  function measure() { return data.measures.find((one) => one.id === state.measure); }
  function period() { return topic().periods[state.period]; }
  function figure() { return topic().figures[state.geography][state.measure]; }
  function values() { return figure().values[state.period]; }

  function valueOf(area, measureId, periodNumber) {
    const figures = (topic().figures[area.geography.id] || {})[measureId];
    return figures ? figures.values[periodNumber][area.i] : NO_FIGURE;
  }

  function number(value, of) {
    return value.toLocaleString("en-GB", { minimumFractionDigits: of.decimals, maximumFractionDigits: of.decimals });
  }

  function inWords(value, of) {
    if (value === WITHHELD) return capital(data.withheld) + ": withheld";
    if (value === NO_FIGURE) return "Not applicable";
    return number(value, of) + of.suffix;
  }

  function classOf(value, breaks) {
    let found = 0;
    while (found < breaks.length && value >= breaks[found]) found += 1;
    return found;
  }

  function unit() {
    const text = measure().unit.replace("{counts}", topic().counts);
    const rounding = topic().unchanged || !data.rounding ? "" : ", from counts " + data.rounding;
    return capital(text + rounding);
  }

  function classLabels(breaks) {
    const of = measure();
    const decimals = Math.max(0, ...breaks.map((one) => (String(one).split(".")[1] || "").length));
    const text = (one) => number(one, { decimals: decimals });
    if (!breaks.length) return ["All published figures"];
    // Of whole numbers, a class that can hold only one is called by it.
    const whole = !of.decimals;
    const labels = [whole && breaks[0] === 1 ? "0" + of.suffix : "Under " + text(breaks[0]) + of.suffix];
    for (let i = 1; i < breaks.length; i += 1) {
      const only = whole && breaks[i] - breaks[i - 1] === 1;
      labels.push(text(breaks[i - 1]) + (only ? "" : " to under " + text(breaks[i])) + of.suffix);
    }
    const last = breaks[breaks.length - 1];
    const highest = Math.max(...figure().values.flat().filter((one) => typeof one === "number"));
    labels.push(text(last) + of.suffix + (highest > last ? " and over" : ""));
    return labels;
  }

  // ---- choices -----------------------------------------------------------------------------------------------------

  function fill(select, options, chosen) {
    select.replaceChildren(...options.map(([value, label]) => make("option", { value: value }, label)));
    select.value = chosen;
  }

  function settle() {
    // After a change of topic, keep what it also has; else take its first.
    const figures = topic().figures;
    const geographies = data.geographies.filter((one) => figures[one.id] && Object.keys(figures[one.id]).length);
    if (!geographies.some((one) => one.id === state.geography)) state.geography = geographies[0].id;
    const measures = data.measures.filter((one) => figures[state.geography][one.id]);
    if (!measures.some((one) => one.id === state.measure)) state.measure = measures[0].id;
    state.period = Math.min(Math.max(state.period, 0), topic().periods.length - 1);
    fill(byId("topic"), data.topics.map((one, i) => [i, one.title]), state.topic);
    fill(byId("measure"), measures.map((one) => [one.id, one.label]), state.measure);
    fill(byId("geography"), geographies.map((one) => [one.id, capital(one.many)]), state.geography);
    const slider = byId("period");
    slider.max = topic().periods.length - 1;
    slider.value = state.period;
    slider.setAttribute("aria-valuetext", period()[1]);
    byId("period-name").textContent = period()[1];
    byId("topic-choice").hidden = data.topics.length < 2;
    byId("geography-choice").hidden = geographies.length < 2;
    byId("show-wards").disabled = state.geography === "ward";
    byId("period-choice").hidden = topic().periods.length < 2;
  }

  byId("topic").addEventListener("change", (event) => {
    const was = period()[0];
    state.topic = Number(event.target.value);
    const same = topic().periods.findIndex((one) => one[0] === was);
    state.period = same >= 0 ? same : topic().latest;
    draw();
  });
  byId("measure").addEventListener("change", (event) => { state.measure = event.target.value; draw(); });
  byId("geography").addEventListener("change", (event) => { state.geography = event.target.value; draw(); });
  byId("period").addEventListener("input", (event) => { state.period = Number(event.target.value); draw(); });
  byId("period").parentElement.closest("form").addEventListener("submit", (event) => event.preventDefault());

  // ---- map ---------------------------------------------------------------------------------------------------------

  const shown = { geography: null, sites: null };
  const wards = data.geographies.find((one) => one.id === "ward");
  const borders = wards && L.geoJSON(window[wards.layer].toGeoJSON(5), {
    pane: "borders", interactive: false,
    style: { fill: false, color: "#1b1b1b", weight: 1, opacity: 0.75, dashArray: "4 3" },
  });
  const circles = L.layerGroup();
  const chosenLayer = L.layerGroup();
  const names = L.layerGroup().addTo(map);
  const siteLayers = data.sites.map((sites, kind) => {
    const layer = window["sites_" + kind];
    layer.eachLayer((point) => {
      const [name, precision] = sites[point.feature.properties.i];
      point.bindTooltip(() => make("div", {}, make("strong", {}, name),
        ...(precision && precision !== "property" ? [make("div", {}, "Placed by " + precision)] : [])));
    });
    return layer;
  });

  function toggle(layer, on) { if (layer && map.hasLayer(layer) !== on) (on ? layer.addTo(map) : layer.remove()); }

  function style(value) {
    if (value === WITHHELD) return { fillColor: "url(#hatch-withheld)", fillOpacity: 1 };
    if (value === NO_FIGURE) return { fillColor: NO_FIGURE_COLOUR, fillOpacity: 1 };
    return { fillColor: figure().colours[classOf(value, figure().breaks)], fillOpacity: 0.92 };
  }

  function tooltip(area) {
    const value = valueOf(area, state.measure, state.period);
    const lines = [make("strong", {}, area.name),
      make("div", { class: "code" }, capital(area.geography.one) + " " + area.code),
      make("div", {}, measure().label + ": ", make("b", {}, inWords(value, measure())))];
    if (area.homes !== null) lines.push(make("div", {}, "Homes: " + area.homes.toLocaleString("en-GB")));
    return make("div", {}, ...lines);
  }

  for (const geography of data.geographies) {
    for (const area of areas[geography.id]) {
      area.layer.bindTooltip(() => tooltip(area), { sticky: true, direction: "auto" });
      area.layer.on("click", () => choose(area, false));
      area.layer.on("mouseover", () => area.layer.setStyle({ weight: 2.2, color: "#000000" }).bringToFront());
      area.layer.on("mouseout", () => area.layer.setStyle({ weight: 0.6, color: "#5c5c5c" }));
    }
  }

  function paint() {
    for (const area of areas[state.geography]) area.layer.setStyle(style(values()[area.i]));
    if (shown.geography !== state.geography) {
      if (shown.geography) window[data.geographies.find((one) => one.id === shown.geography).layer].remove();
      window[geography().layer].addTo(map);
      shown.geography = state.geography;
    }
    const kind = topic().sites;
    if (shown.sites !== kind) {
      siteLayers.forEach((layer, i) => toggle(layer, i === kind));
      shown.sites = kind;
    }
    circles.clearLayers();
    if (kind !== null && measure().within) {
      siteLayers[kind].eachLayer((point) => L.circle(point.getLatLng(), { radius: measure().within, pane: "chosen",
        interactive: false, fill: false, weight: 1.2, color: "#000000", opacity: 0.8 }).addTo(circles));
    }
    toggle(circles, true);
    toggle(window.outline_0, true);
    layerToggles();
  }

  function layerToggles() {
    toggle(window.roads_0, byId("show-roads").checked);
    toggle(borders, byId("show-wards").checked && state.geography !== "ward");
    label();
  }
  byId("show-wards").parentElement.hidden = !wards;
  for (const id of ["show-roads", "show-wards", "show-names"]) {
    byId(id).addEventListener("change", () => { layerToggles(); legend(); });
  }

  // Names of sites, then of wards, wherever they hit no other name.
  const pen = document.createElement("canvas").getContext("2d");
  function label() {
    names.clearLayers();
    if (!byId("show-names").checked || !data.topics.length) return;
    const taken = [];
    const size = map.getSize();
    const place = (text, point, kind, room) => {
      const at = map.latLngToContainerPoint(point);
      if (at.x < 0 || at.y < 0 || at.x > size.x || at.y > size.y) return;
      pen.font = (kind === "site" ? "600 11px " : "600 12px ") + getComputedStyle(document.body).fontFamily;
      const width = pen.measureText(text).width + 8;
      if (room && (room.getSize().x < width * 0.6 || room.getSize().y < 14)) return;  // too small at this zoom
      const left = kind === "site" ? at.x + 8 : at.x - width / 2;
      const box = [left, at.y - 9, left + width, at.y + 9];
      if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) return;
      taken.push(box);
      const text_ = make("span", {}, text);
      L.marker(point, { interactive: false, keyboard: false, icon: L.divIcon({
        className: "name name-" + kind, html: text_, iconSize: [width, 18],
        iconAnchor: [kind === "site" ? -8 : width / 2, 9] }) }).addTo(names);
    };
    const kind = topic().sites;
    if (kind !== null) {
      siteLayers[kind].eachLayer((point) => {
        const at = map.latLngToContainerPoint(point.getLatLng());
        taken.push([at.x - 7, at.y - 7, at.x + 7, at.y + 7]);
      });
      const points = siteLayers[kind].getLayers().filter((point) => map.getBounds().contains(point.getLatLng()));
      if (points.length <= NAMED_SITES) {
        for (const point of points) place(data.sites[kind][point.feature.properties.i][0], point.getLatLng(), "site", null);
      }
    }
    for (const ward of areas.ward || []) {
      const bounds = ward.layer.getBounds();
      place(ward.name, ward.point, "ward", L.bounds(map.latLngToContainerPoint(bounds.getSouthWest()),
        map.latLngToContainerPoint(bounds.getNorthEast())));
    }
  }
  map.on("zoomend moveend resize", label);

  const whole = window.outline_0.getLayers().length ? window.outline_0.getBounds() : null;
  let seesWhole = true;  // until the reader moves the map
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
    "under Figures as a table.");

  // ---- legend and words --------------------------------------------------------------------------------------------

  function swatch(fill, outline) {
    return makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" },
      makeSvg("rect", { x: 0.5, y: 0.5, width: 27, height: 15, fill: fill, stroke: outline || "#5c5c5c" }));
  }

  function legendRow(key, image, label, count) {
    const row = make("tr", { "data-class": key }, make("td", {}, image), make("th", { scope: "row" }, label));
    row.append(make("td", { class: "count" }, count === null ? "" : count.toLocaleString("en-GB")));
    return row;
  }

  function legend() {
    const { breaks, colours } = figure();
    const counts = colours.map(() => 0);
    let withheld = 0, without = 0;
    for (const value of values()) {
      if (value === WITHHELD) withheld += 1;
      else if (value === NO_FIGURE) without += 1;
      else counts[classOf(value, breaks)] += 1;
    }
    const rows = classLabels(breaks).map((label, i) => legendRow(i, swatch(colours[i]), label, counts[i]));
    if (!topic().unchanged || withheld) {
      rows.push(legendRow("withheld", swatch("url(#hatch-withheld)"),
        capital(data.withheld) + ": withheld so that nobody can be identified", withheld));
    }
    if (without) rows.push(legendRow("none", swatch(NO_FIGURE_COLOUR), "Not applicable: no figure here", without));
    if (topic().sites !== null) {
      const dot = makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" }, makeSvg("circle",
        { cx: 14, cy: 8, r: 5.5, fill: "#ffffff", stroke: "#000000", "stroke-width": 2.5 }));
      const sites = data.sites[topic().sites].length;
      rows.push(legendRow("sites", dot, topic().title + ": " + sites.toLocaleString("en-GB"), null));
      if (measure().within) {
        const ring = makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" }, makeSvg("circle",
          { cx: 14, cy: 8, r: 6.5, fill: "none", stroke: "#000000", "stroke-width": 1.2 }));
        rows.push(legendRow("ring", ring, measure().within.toLocaleString("en-GB") + " m about each", null));
      }
    }
    const line = (attributes) => makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" },
      makeSvg("line", { x1: 0, x2: 28, y1: 8, y2: 8, ...attributes }));
    if (byId("show-roads").checked && window.roads_0.getLayers().length) {
      rows.push(legendRow("roads", line({ stroke: "#6d6d6d", "stroke-width": 1.5 }), "Roads", null));
    }
    if (borders && byId("show-wards").checked && state.geography !== "ward") {
      rows.push(legendRow("wards", line({ stroke: "#1b1b1b", "stroke-dasharray": "4 3" }), "Ward boundaries", null));
    }
    byId("legend-title").textContent = measure().label;
    byId("legend-unit").textContent = unit() + ". Darker: " + measure().more + ".";
    byId("legend-rows").replaceChildren(...rows);
    const total = (topic().totals[state.measure] || [])[state.period];
    byId("legend-total").textContent = values().length.toLocaleString("en-GB") + " " + geography().many + " in all. " +
      (total === undefined || total === NO_FIGURE ? "" : "Whole authority: " + inWords(total, measure()) + ".");
    byId("caption").textContent = topic().title + ": " + measure().label.charAt(0).toLowerCase() + measure().label.slice(1);
    byId("subcaption").textContent = capital(geography().many) + " in " + data.authority + ", " + period()[1] +
      (period()[2] ? " (" + period()[2] + ")" : "");
    const rounded = data.rounding && !topic().unchanged ? " Published counts are " + data.rounding + "." : "";
    byId("withheld-line").textContent = topic().caveat ? topic().caveat :
      topic().unchanged && !withheld ? "Nothing is withheld: made of open data." :
      withheld.toLocaleString("en-GB") + " of " + values().length.toLocaleString("en-GB") + " " + geography().many +
      " are withheld: the count there is " + data.withheld + ", and publishing it could identify somebody." + rounded;
    byId("topic-source").textContent = topic().source;
  }

  // ---- one area ----------------------------------------------------------------------------------------------------

  function choose(area, move) {
    state.chosen = area;
    chosenLayer.clearLayers();
    if (area) {
      const shape = area.layer.toGeoJSON(5);
      for (const [color, weight] of [["#ffffff", 6], ["#000000", 3]]) {
        L.geoJSON(shape, { pane: "chosen", interactive: false, style: { fill: false, color: color, weight: weight } })
          .addTo(chosenLayer);
      }
      toggle(chosenLayer, true);
      if (move) {
        // Near, but with its neighbours in view; never farther off than the whole area.
        const bounds = area.layer.getBounds();
        const level = Math.min(15, map.getBoundsZoom(bounds.pad(0.5)));
        map.setView(bounds.getCenter(), Math.max(level, map.getBoundsZoom(whole, false, L.point(28, 28))), { animate: false });
      }
    }
    describe();
    if (area) byId("selected").scrollIntoView({ block: "nearest" });
    remember();
  }

  function describe() {
    const box = byId("selected");
    const area = state.chosen;
    box.hidden = !area;
    if (!area) { box.replaceChildren(); return; }
    const clear = make("button", { type: "button", class: "clear", id: "clear" }, "Clear");
    clear.addEventListener("click", () => { choose(null, false); byId("search").focus(); });
    const rows = [];
    const add = (label, text) => rows.push(make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, text)));
    for (const one of data.measures) {
      if ((topic().figures[area.geography.id] || {})[one.id]) {
        add(one.label, inWords(valueOf(area, one.id, state.period), one));
      }
    }
    if (area.homes !== null) add("Homes", area.homes.toLocaleString("en-GB"));
    if (area.people !== null) add("People", area.people.toLocaleString("en-GB"));
    if (area.imd !== null) add("Deprivation decile (1 = most)", String(area.imd));
    box.replaceChildren(clear, make("h2", {}, area.name),
      make("p", { class: "code" }, capital(area.geography.one) + " " + area.code), make("table", {}, make("tbody", {}, ...rows)),
      ...trend(area));
  }

  function trend(area) {
    const periods = topic().periods;
    const figures = (topic().figures[area.geography.id] || {})[state.measure];
    if (periods.length < 2 || !figures) return [];
    const series = figures.values.map((one) => one[area.i]);
    const highest = Math.max(1e-9, ...series.filter((one) => typeof one === "number"));
    const width = 300, height = 64, step = width / series.length;
    const bars = series.map((value, i) => {
      const tall = typeof value === "number" ? Math.max(1.5, value / highest * (height - 4)) : value === WITHHELD ? 9 : 0;
      return makeSvg("rect", { x: i * step + step * 0.1, y: height - tall, width: step * 0.8, height: tall,
        fill: value === WITHHELD ? "url(#hatch-withheld)" : i === state.period ? "#1d5e8c" : "#9db8cc" },
        makeSvg("title", {}, periods[i][1] + ": " + inWords(value, measure())));
    });
    const words = periods.map((one, i) => one[1] + ": " + inWords(series[i], measure())).join("; ");
    return [make("p", { class: "trend-title" }, measure().label + ", " + periods[0][1] + " to " +
      periods[periods.length - 1][1] + (highest > 1e-9 ? "; highest " + inWords(highest, measure()) : "")),
      makeSvg("svg", { viewBox: "0 0 " + width + " " + (height + 1), class: "trend", role: "img", "aria-label": words }, ...bars,
        makeSvg("line", { x1: 0, x2: width, y1: height + 0.5, y2: height + 0.5, stroke: "#5c5c5c" }))];
  }

  // ---- figures as a table, for those who do not see or point -------------------------------------------------------

  const figures = byId("figures");
  const order = { by: "value", down: true };
  function table() {
    if (!figures.open) return;
    const head = figures.querySelector("thead tr");
    head.replaceChildren(...[["name", capital(geography().one)], ["value", measure().label]].map(([by, label]) => {
      const sorted = order.by === by ? (order.down ? "descending" : "ascending") : "none";
      const button = make("button", { type: "button" }, label, order.by === by ? (order.down ? " \u25be" : " \u25b4") : "");
      button.addEventListener("click", () => {
        order.down = order.by === by ? !order.down : by === "value";
        order.by = by;
        table();
        figures.querySelectorAll("thead button")[by === "name" ? 0 : 1].focus();
      });
      return make("th", { scope: "col", "aria-sort": sorted }, button);
    }));
    const rank = (value) => (value === WITHHELD ? -1e15 : value === NO_FIGURE ? -2e15 : value);
    const rows = areas[state.geography].slice().sort((a, b) => {
      const first = order.by === "value" ? rank(values()[a.i]) - rank(values()[b.i]) : a.name.localeCompare(b.name, "en-GB");
      return (order.down ? -first : first) || a.i - b.i;
    });
    figures.querySelector("tbody").replaceChildren(...rows.map((area) => {
      const button = make("button", { type: "button", title: area.code }, area.name);
      button.addEventListener("click", () => choose(area, true));
      return make("tr", {}, make("th", { scope: "row" }, button), make("td", {}, inWords(values()[area.i], measure())));
    }));
  }
  figures.addEventListener("toggle", table);

  // ---- search ------------------------------------------------------------------------------------------------------

  const search = byId("search"), list = byId("found");
  let found = [], active = -1;
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const everything = [];
  for (const geography of data.geographies) {
    for (const area of areas[geography.id]) {
      everything.push({ text: plain(area.name), code: plain(area.code), label: area.name,
        kind: capital(geography.one) + " " + area.code, geography: geography.id, go: () => choose(area, true) });
    }
  }
  data.topics.forEach((one, number_) => {
    if (one.sites === null) return;
    siteLayers[one.sites].eachLayer((point) => {
      const name = data.sites[one.sites][point.feature.properties.i][0];
      everything.push({ text: plain(name), code: "", label: name, kind: one.title, geography: "site", go: () => {
        if (state.topic !== number_) { state.topic = number_; draw(); }
        map.setView(point.getLatLng(), Math.max(map.getZoom(), 14), { animate: false });
        point.openTooltip();
      } });
    });
  });

  function look() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    found = !words.length ? [] : everything
      .filter((one) => words.every((word) => one.text.includes(word) || one.code.includes(word)))
      .map((one, i) => ({ one: one, score: (one.code === words[0] ? -8 : 0) + (one.text.startsWith(words.join(" ")) ? -4 : 0) +
        (one.geography === state.geography ? -1 : 0), i: i }))
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
    search.setAttribute("aria-expanded", String(!list.hidden));
    search.removeAttribute("aria-activedescendant");
  }

  function mark(step) {
    if (!found.length) return;
    active = (active + step + found.length) % found.length;
    found.forEach((_, i) => byId("found-" + i).setAttribute("aria-selected", String(i === active)));
    search.setAttribute("aria-activedescendant", "found-" + active);
  }

  function take(one) {
    search.value = one.label;
    list.hidden = true;
    search.setAttribute("aria-expanded", "false");
    one.go();
  }

  search.addEventListener("input", look);
  search.addEventListener("blur", () => { list.hidden = true; search.setAttribute("aria-expanded", "false"); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(active < 0 ? 0 : -1); }
    else if (event.key === "Enter") { event.preventDefault(); if (found.length) take(found[Math.max(active, 0)]); }
    else if (event.key === "Escape") { search.value = ""; look(); }
  });

  // ---- the view in the address, so that a link to the file can be kept or sent ---------------------------------------

  function remember() {
    const parts = [topic().id, state.measure, state.geography, period()[0], state.chosen ? state.chosen.code : ""];
    try { history.replaceState(null, "", "#" + parts.map(encodeURIComponent).join("/")); } catch (refused) { /* as it was */ }
  }

  function recall() {
    let parts;
    try { parts = location.hash.slice(1).split("/").map(decodeURIComponent); } catch (malformed) { return; }
    const number_ = data.topics.findIndex((one) => one.id === parts[0]);
    if (number_ < 0) return;
    state.topic = number_;
    state.measure = parts[1];
    state.geography = parts[2];
    const at = topic().periods.findIndex((one) => one[0] === parts[3]);
    state.period = at >= 0 ? at : topic().latest;
    for (const geography of data.geographies) {
      const area = areas[geography.id].find((one) => parts[4] && one.code === parts[4]);
      if (area) state.chosen = area;
    }
  }

  // ---- print: the map is drawn again for the paper, in the same view -------------------------------------------------

  function toPaper() {
    if (before) return;
    before = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap };
    root.classList.add("printing");
    map.options.zoomSnap = 0;
    map.invalidateSize({ animate: false, pan: false });
    fit(seesWhole ? whole : before.bounds);
  }
  function toScreen() {
    if (!before) return;
    root.classList.remove("printing");
    map.options.zoomSnap = before.snap;
    map.invalidateSize({ animate: false, pan: false });
    map.setView(before.center, before.zoom, { animate: false });
    before = null;
  }
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", toScreen);
  window.matchMedia("print").addEventListener("change", (query) => (query.matches ? toPaper() : toScreen()));
  byId("print").addEventListener("click", () => window.print());

  // ------------------------------------------------------------------------------------------------------------------

  function draw() {
    settle();
    paint();
    legend();
    describe();
    table();
    remember();
  }

  if (!data.topics.length) {
    byId("caption").textContent = "There are no figures of this kind in this release";
    for (const part of document.querySelectorAll(".choices, .legend, .figures")) part.hidden = true;
    toggle(window.outline_0, true);
    fitWhole();
    return;
  }
  state.period = topic().latest;
  recall();
  settle();
  legend();  // its words settle the size of the map's box
  map.invalidateSize({ animate: false });
  fitWhole();
  draw();
  if (state.chosen) choose(state.chosen, true);
})();
