// What a reader does on a page with one choropleth: choose, look, find. Folium has made the map (map_0) and its layers;
// their colours, tooltips and labels are set here, since folium fixes colours when the page is made and puts text into
// the page as markup. What pages with maps share is in map_view.js. Text of the data reaches the page through
// textContent only.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const map = window.map_0;
  const { byId, make, makeSvg, capital, plain, fill, toggle, swatch, legendRow, whole, fitWhole } = window.mapView;
  const WITHHELD = "h", NO_FIGURE = "n";
  const NO_FIGURE_COLOUR = "#c2c8cc";
  const NAMED_SITES = 15;  // with more in view, names would only be in the way
  const state = { topic: 0, measure: null, geography: null, period: 0, chosen: null };

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
  // Topics of one group are one choice; which of them is a second.
  const groups = [...new Set(data.topics.map((one) => one.group))];
  function variants(group) { return data.topics.filter((one) => one.group === group); }
  let variant = null;  // what the reader chose, for whatever kind comes next
  function topicOf(group) {
    const all = variants(group);
    return data.topics.indexOf(all.find((one) => variant !== null && one.variant === variant) || all.find((one) => one.usual) || all[0]);
  }
  function geography() { return data.geographies.find((one) => one.id === state.geography); }
  function measure() { return data.measures.find((one) => one.id === state.measure); }
  function period() { return topic().periods[state.period]; }
  function figure() { return topic().figures[state.geography][state.measure]; }
  function values() { return figure().values[state.period]; }

  // A measure that has figures in one period alone is shown in that one, wherever the slider was.
  const only = new Map();
  function onlyPeriod(figures) {
    if (!only.has(figures)) {
      const some = figures.values.map((one, i) => (one.some((value) => value !== NO_FIGURE) ? i : -1)).filter((i) => i >= 0);
      only.set(figures, some.length === 1 ? some[0] : null);
    }
    return only.get(figures);
  }

  // The figure of an area with its intervals: {value, low, high, innerLow, innerHigh, unsure, outlined}.
  function figureOf(area, of, periodNumber) {
    const figures = (topic().figures[area.geography.id] || {})[of.id];
    if (!figures) return { value: NO_FIGURE };
    const end = (name) => {
      const found = figures[name] ? figures[name][periodNumber][area.i] : NO_FIGURE;
      return found === NO_FIGURE ? null : found;
    };
    const has = (numbers) => Boolean(numbers) && numbers[periodNumber].includes(area.i);
    return { value: figures.values[periodNumber][area.i], low: end("low"), high: end("high"),
      innerLow: end("inner_low"), innerHigh: end("inner_high"), unsure: has(figures.unsure),
      outlined: of.outlines.filter(([mark]) => has((figures.outlined || {})[mark])).map(([, words]) => words) };
  }

  function number(value, of) {
    const text = value.toLocaleString("en-GB", { minimumFractionDigits: of.decimals, maximumFractionDigits: of.decimals });
    return (of.signed && value > 0 ? "+" : "") + text.replace("-", "\u2212");
  }

  function inWords(value, of) {
    if (value === WITHHELD) return of.withheld ? "Withheld: " + of.withheld : capital(data.withheld) + ": withheld";
    if (value === NO_FIGURE) return "Not applicable";
    return number(value, of) + of.suffix;
  }

  function isNumber(value) { return typeof value === "number"; }
  function range(low, high, measure_) {
    const of = { ...measure_, decimals: measure_.intervalDecimals };
    if (!topic().unchanged && isNumber(of.withheldEnd) && low === of.withheldEnd) {
      return high === low ? "withheld" : "up to " + number(high, of) + of.suffix;
    }
    return low === high ? number(low, of) + of.suffix : number(low, of) + " to " + number(high, of) + of.suffix;
  }
  // For example: 12.3, likely 9.8 to 15.1.
  function withRange(one, of) {
    const told = [inWords(one.value, of)];
    if (of.interval && isNumber(one.low)) told.push(of.interval + " " + range(one.low, one.high, of));
    if (of.inner && isNumber(one.innerLow)) told.push(of.inner + " " + range(one.innerLow, one.innerHigh, of));
    return told.join(", ");
  }

  function classOf(value, breaks) {
    let found = 0;
    while (found < breaks.length && value >= breaks[found]) found += 1;
    return found;
  }

  function unit() {
    const text = measure().unit.replace("{counts}", topic().counts).replace("{denominator}", topic().denominator);
    const rounding = topic().unchanged || !data.rounding ? "" : ", from counts " + data.rounding;
    return capital(text + rounding);
  }

  function classLabels(breaks) {
    const of = measure();
    const decimals = Math.max(0, ...breaks.map((one) => (String(one).split(".")[1] || "").length));
    const text = (one) => number(one, { decimals: decimals, signed: of.signed });
    if (!breaks.length) return ["All published figures"];
    // Of whole numbers, a class that can hold only one is called by it.
    const whole = !of.decimals;
    const labels = [whole && breaks[0] === 1 && !of.signed ? "0" + of.suffix : "Under " + text(breaks[0]) + of.suffix];
    for (let i = 1; i < breaks.length; i += 1) {
      const only = whole && breaks[i] - breaks[i - 1] === 1;
      labels.push(text(breaks[i - 1]) + (only ? "" : " to under " + text(breaks[i])) + of.suffix);
    }
    const last = breaks[breaks.length - 1];
    const highest = Math.max(...figure().values.flat().filter((one) => typeof one === "number"));
    labels.push(text(last) + of.suffix + (highest === last ? "" : " and over"));
    return labels;
  }

  // ---- choices -----------------------------------------------------------------------------------------------------

  let wanted = null;  // the period that the slider stood at, before a measure of one period took its place
  function settle() {
    // After a change of topic, keep what it also has; else take its first.
    const figures = topic().figures;
    const geographies = data.geographies.filter((one) => figures[one.id] && Object.keys(figures[one.id]).length);
    if (!geographies.some((one) => one.id === state.geography)) state.geography = geographies[0].id;
    const measures = data.measures.filter((one) => figures[state.geography][one.id]);
    if (!measures.some((one) => one.id === state.measure)) state.measure = measures[0].id;
    state.period = Math.min(Math.max(state.period, 0), topic().periods.length - 1);
    const alone = onlyPeriod(figures[state.geography][state.measure]);
    if (alone !== null && topic().periods.length > 1) {
      if (wanted === null) wanted = state.period;
      state.period = alone;
    } else if (wanted !== null) {
      state.period = Math.min(wanted, topic().periods.length - 1);
      wanted = null;
    }
    fill(byId("topic"), groups.map((one) => [one, variants(one)[0].title]), topic().group);
    const ways = variants(topic().group);
    if (byId("variant")) {
      fill(byId("variant"), ways.map((one) => [one.variant, one.variant]), topic().variant);
      byId("variant-choice").hidden = ways.length < 2;
    }
    fill(byId("measure"), measures.map((one) => [one.id, one.label]), state.measure);
    fill(byId("geography"), geographies.map((one) => [one.id, capital(one.many)]), state.geography);
    const slider = byId("period");
    slider.max = topic().periods.length - 1;
    slider.value = state.period;
    slider.disabled = alone !== null;
    slider.setAttribute("aria-valuetext", period()[1]);
    byId("period-name").textContent = period()[1];
    byId("topic-choice").hidden = groups.length < 2;
    byId("geography-choice").hidden = geographies.length < 2;
    byId("show-wards").disabled = state.geography === "ward";
    byId("period-choice").hidden = topic().periods.length < 2;
  }

  function turnTo(number_) {
    const was = topic().periods[wanted === null ? state.period : wanted][0];
    wanted = null;
    state.topic = number_;
    const same = topic().periods.findIndex((one) => one[0] === was);
    state.period = same >= 0 ? same : topic().latest;
    draw();
  }
  byId("topic").addEventListener("change", (event) => turnTo(topicOf(event.target.value)));
  if (byId("variant")) {
    byId("variant").addEventListener("change", (event) => {
      variant = event.target.value;
      turnTo(topicOf(topic().group));
    });
  }
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
  const siteLayers = data.sites.map((sites, kind) => {
    const layer = window["sites_" + kind];
    layer.eachLayer((point) => {
      const [name, precision] = sites[point.feature.properties.i];
      point.bindTooltip(() => make("div", {}, make("strong", {}, name),
        ...(precision && precision !== "property" ? [make("div", {}, "Placed by " + precision)] : [])));
      point.on("click", () => turnToSite(name));
    });
    return layer;
  });

  // Where each site is a choice of its own, pointing at one makes it.
  function turnToSite(name) {
    const at = data.topics.findIndex((one) => one.group === topic().group && one.variant === name);
    if (at < 0) return;
    variant = name;
    turnTo(at);
  }

  const marks = L.layerGroup().addTo(map);
  const SIGNS = { closed: ["M4 4 L16 16 M16 4 L4 16", "Closed"], new: ["M10 2 V18 M2 10 H18", "New"] };
  function sign(kind) {
    const path = (attributes) => makeSvg("path", { d: SIGNS[kind][0], fill: "none", "stroke-linecap": "round", ...attributes });
    return makeSvg("svg", { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" },
      path({ stroke: "#ffffff", "stroke-width": 7 }), path({ stroke: kind === "closed" ? "#b3001b" : "#00568f", "stroke-width": 3.5 }));
  }

  // A colour with dots on it, dark on light and white on dark, for figures that are not sure.
  const patterns = document.querySelector(".patterns defs");
  function dotted(colour, pale) {
    const id = "dotted-" + colour.slice(1) + (pale ? "-pale" : "");
    if (!byId(id)) {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
        .map((part) => (pale ? Math.round(0.2 * part + 0.8 * 244) : part));
      const ground = "rgb(" + [red, green, blue].join(",") + ")";
      const light = 0.3 * red + 0.59 * green + 0.11 * blue > 125;
      const dot = (x, y) => makeSvg("circle", { cx: x, cy: y, r: 1.15, fill: pale ? "#8a8a8a" : light ? "#333333" : "#ffffff" });
      patterns.append(makeSvg("pattern", { id: id, width: 10, height: 10, patternUnits: "userSpaceOnUse" },
        makeSvg("rect", { width: 10, height: 10, fill: ground }), dot(2.5, 2.5), dot(7.5, 7.5)));
    }
    return "url(#" + id + ")";
  }

  function style(value, unsure) {
    if (value === WITHHELD) return { fillColor: "url(#hatch-withheld)", fillOpacity: 1 };
    if (value === NO_FIGURE) return { fillColor: NO_FIGURE_COLOUR, fillOpacity: 1 };
    const colour = figure().colours[classOf(value, figure().breaks)];
    return unsure ? { fillColor: dotted(colour, measure().pale), fillOpacity: 1 } : { fillColor: colour, fillOpacity: 0.92 };
  }

  function tooltip(area) {
    const of = measure(), one = figureOf(area, of, state.period);
    const lines = [make("strong", {}, area.name),
      make("div", { class: "code" }, capital(area.geography.one) + " " + area.code),
      make("div", {}, of.label + ": ", make("b", {}, withRange(one, of)))];
    if (one.unsure) lines.push(make("div", {}, capital(of.unsure)));
    for (const words of one.outlined || []) lines.push(make("div", {}, words));
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
    const unsure = new Set(figure().unsure ? figure().unsure[state.period] : []);
    for (const area of areas[state.geography]) area.layer.setStyle(style(values()[area.i], unsure.has(area.i)));
    outline();
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
    marks.clearLayers();
    for (const [name, longitude, latitude, kind] of topic().marks) {
      L.marker([latitude, longitude], { pane: "sites", keyboard: false,
        icon: L.divIcon({ className: "mark", html: sign(kind), iconSize: [20, 20] }) })
        .bindTooltip(() => make("div", {}, make("strong", {}, name), make("div", {}, SIGNS[kind][1]))).addTo(marks);
    }
    toggle(window.outline_0, true);
    layerToggles();
  }

  const outlines = L.layerGroup();
  const OUTLINES = [{ color: "#00713c", weight: 3.5 }, { color: "#00713c", weight: 3, dashArray: "7 5" }];
  function outline() {
    outlines.clearLayers();
    measure().outlines.forEach(([mark], kind) => {
      for (const i of ((figure().outlined || {})[mark] || [])[state.period] || []) {
        const shape = areas[state.geography][i].layer.toGeoJSON(5);
        for (const look of [{ color: "#ffffff", weight: 6 }, OUTLINES[kind]]) {
          L.geoJSON(shape, { pane: "borders", interactive: false, style: { fill: false, opacity: 1, ...look } }).addTo(outlines);
        }
      }
    });
    toggle(outlines, true);
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
  function label() {
    const names = window.mapView.names();
    if (!byId("show-names").checked || !data.topics.length) return;
    const kind = topic().sites;
    if (kind !== null) {
      siteLayers[kind].eachLayer((point) => {
        const at = map.latLngToContainerPoint(point.getLatLng());
        names.keepOff(at, 7);
      });
      const points = siteLayers[kind].getLayers().filter((point) => map.getBounds().contains(point.getLatLng()));
      if (points.length <= NAMED_SITES) {
        for (const point of points) names.place(data.sites[kind][point.feature.properties.i][0], point.getLatLng(), "site", null);
      }
    }
    for (const ward of areas.ward || []) {
      const bounds = ward.layer.getBounds();
      names.place(ward.name, ward.point, "ward", L.bounds(map.latLngToContainerPoint(bounds.getSouthWest()),
        map.latLngToContainerPoint(bounds.getNorthEast())));
    }
  }
  map.on("zoomend moveend resize", label);

  // ---- legend and words --------------------------------------------------------------------------------------------

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
    const of = measure();
    if (of.unsure && figure().unsure) {
      rows.push(legendRow("unsure", swatch(dotted("#ffffff", of.pale)), capital(of.unsureRule), figure().unsure[state.period].length));
    }
    of.outlines.forEach(([mark, words], kind) => {
      const look = OUTLINES[kind];
      const found = ((figure().outlined || {})[mark] || [])[state.period] || [];
      const edge = makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" }, makeSvg("rect", { x: 2, y: 2, width: 24,
        height: 12, fill: "none", stroke: look.color, "stroke-width": look.weight, "stroke-dasharray": look.dashArray || "none" }));
      if (found.length || !kind) rows.push(legendRow("outline-" + kind, edge, words, found.length));
    });
    if (!topic().unchanged || withheld) {
      rows.push(legendRow("withheld", swatch("url(#hatch-withheld)"),
        of.withheld ? "Withheld: " + of.withheld : capital(data.withheld) + ": withheld so that nobody can be identified", withheld));
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
    for (const [name, , , kind] of topic().marks) rows.push(legendRow(kind, sign(kind), SIGNS[kind][1] + ": " + name, null));
    const line = (attributes) => makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" },
      makeSvg("line", { x1: 0, x2: 28, y1: 8, y2: 8, ...attributes }));
    if (byId("show-roads").checked && window.roads_0.getLayers().length) {
      rows.push(legendRow("roads", line({ stroke: "#6d6d6d", "stroke-width": 1.5 }), "Roads", null));
    }
    if (borders && byId("show-wards").checked && state.geography !== "ward") {
      rows.push(legendRow("wards", line({ stroke: "#1b1b1b", "stroke-dasharray": "4 3" }), "Ward boundaries", null));
    }
    byId("legend-title").textContent = measure().label;
    byId("legend-unit").textContent = unit() + ". " + (of.meaning || "Darker: " + of.more + ".") +
      (of.intervalMeaning ? " " + of.intervalMeaning : "") + (topic().unchanged || !isNumber(of.withheldEnd) ? ""
        : " Up to: the range begins with figures that would be withheld (" + data.withheld + ").");
    byId("legend-rows").replaceChildren(...rows);
    const total = (topic().totals[state.measure] || [])[state.period];
    byId("legend-total").textContent = values().length.toLocaleString("en-GB") + " " + geography().many + " in all. " +
      (total === undefined || total === NO_FIGURE ? "" : "Whole authority: " + inWords(total, measure()) + ".");
    byId("legend-note").textContent = topic().notes[state.geography] || "";
    const titled = topic().title + (topic().variant ? ", " + topic().variant.charAt(0).toLowerCase() + topic().variant.slice(1) : "");
    byId("caption").textContent = (topic().caption || titled) + ": " + measure().label.charAt(0).toLowerCase() + measure().label.slice(1);
    byId("subcaption").textContent = capital(geography().many) + " in " + data.authority + ", " + period()[1] +
      (period()[2] ? " (" + period()[2] + ")" : "");
    byId("stale").textContent = topic().stale;
    const rounded = data.rounding && !topic().unchanged ? " Published counts are " + data.rounding + "." : "";
    byId("withheld-line").textContent = topic().caveat ? topic().caveat :
      topic().unchanged && !withheld ? "Nothing is withheld: made of open data." :
      !withheld ? "No " + geography().one + " is withheld." + rounded :
      withheld.toLocaleString("en-GB") + " of " + values().length.toLocaleString("en-GB") + " " + geography().many +
      " are withheld: " + (of.withheld ? of.withheld + "." : "the count there is " + data.withheld +
      ", and publishing it could identify somebody.") + rounded;
    byId("topic-source").textContent = topic().source;
  }

  // ---- what a topic says of itself, in words and small tables -------------------------------------------------------

  const told = byId("told");
  function tell() {
    if (!told) return;
    const mine = topic().tables.filter((one) => !one[4] || one[4] === state.geography);
    const said = [...topic().sentences, ...(topic().sentencesOf[state.geography] || [])];
    const tables = mine.map(([heading, head, rows, note]) => make("table", {}, make("caption", {}, heading),
      make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row" }, name),
        ...cells.map((text) => make("td", {}, text))))),
      ...(note ? [make("tfoot", {}, make("tr", {}, make("td", { colspan: head.length }, note)))] : [])));
    const title = make("h2", {}, topic().caption || topic().title);  // for paper, where it stands alone
    told.replaceChildren(title, ...said.map((text) => make("p", {}, text)), ...tables);
    told.hidden = !said.length && !tables.length;
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
    let withheld = false;  // said in full once
    const add = (label, text) => rows.push(make("tr", {}, make("th", { scope: "row" }, label), make("td", {}, text)));
    for (const one of data.measures) {
      const figures = (topic().figures[area.geography.id] || {})[one.id];
      if (!figures) continue;
      const alone = onlyPeriod(figures), at = alone === null ? state.period : alone;
      const found = figureOf(area, one, at);
      add(one.label + (at === state.period ? "" : ", " + topic().periods[at][1]),
        found.value === WITHHELD && withheld ? "Withheld" : withRange(found, one));
      withheld = withheld || found.value === WITHHELD;
      if (found.unsure && one.id === state.measure) rows.push(make("tr", {}, make("td", { colspan: 2, class: "remark" }, capital(one.unsure))));
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
    const of = data.measures.find((one) => one.id === (measure().chart || measure().id));
    const figures = (topic().figures[area.geography.id] || {})[of.id];
    if (!figures || onlyPeriod(figures) !== null) return [];
    if (of.interval) return [lineChart(area, of)];
    if (periods.length < 2) return [];
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

  // A line over the periods, after the topic's history, with its intervals as bands.
  function lineChart(area, of) {
    const past = of.continues && topic().history;
    const before = past && past.figures[area.geography.id] ? past.figures[area.geography.id].map((one) => one[area.i]) : [];
    const labels = [...(before.length ? past.labels : []), ...topic().periods.map((one) => one[1])];
    const ends = [before.length ? past.periods[0] : topic().periods[0][0], topic().periods[topic().periods.length - 1][0]];
    const points = [...before.map((value) => ({ value: value, was: true })),
      ...topic().periods.map((_, i) => ({ ...figureOf(area, of, i), now: i === state.period }))];
    const most = Math.max(1e-9, ...points.flatMap((one) => [one.value, one.high]).filter(isNumber));
    const width = 300, height = 130, left = 34, foot = 16, head = 8;
    const x = (i) => left + (points.length < 2 ? 0.5 : i / (points.length - 1)) * (width - left - 6);
    const y = (value) => head + (1 - Math.max(0, value) / most) * (height - head - foot);
    // Runs of neighbours that have what is drawn; a gap parts them.
    const runs = (has) => points.reduce((found, one, i) => {
      if (!has(one)) return [...found, []];
      return [...found.slice(0, -1), [...(found[found.length - 1] || []), i]];
    }, [[]]).filter((run) => run.length);
    const at = (i, value) => x(i).toFixed(1) + " " + y(value).toFixed(1);
    const band = (low, high, fill) => runs((one) => isNumber(one[low])).map((run) => {
      const wide = run.length > 1 ? run : [run[0] - 0.2, run[0] + 0.2];
      const of_ = (i) => points[run.length > 1 ? i : run[0]];
      return makeSvg("path", { fill: fill, d: "M" + [...wide.map((i) => at(i, of_(i)[high])),
        ...wide.slice().reverse().map((i) => at(i, of_(i)[low]))].join("L") + "Z" });
    });
    const line = (has, look) => runs((one) => has(one) && isNumber(one.value)).map((run) =>
      makeSvg("path", { fill: "none", "stroke-width": 1.8, d: "M" + run.map((i) => at(i, points[i].value)).join("L"), ...look }));
    const dots = points.map((one, i) => (isNumber(one.value)
      ? makeSvg("circle", { cx: x(i), cy: y(one.value), r: one.now ? 4 : 2.2, fill: one.was ? "#4a4a4a" : "#12507b" },
        makeSvg("title", {}, labels[i] + ": " + (one.was ? inWords(one.value, of) : withRange(one, of))))
      : one.value === WITHHELD ? makeSvg("rect", { x: x(i) - 3, y: height - foot - 9, width: 6, height: 9, fill: "url(#hatch-withheld)" },
        makeSvg("title", {}, labels[i] + ": withheld")) : ""));
    const text = (x_, y_, anchor, words) => makeSvg("text", { x: x_, y: y_, "text-anchor": anchor, "font-size": 9.5, fill: "#4a4a4a" }, words);
    const told = points.map((one, i) => labels[i] + ": " + (one.was ? inWords(one.value, of) : withRange(one, of))).join("; ");
    const title = of.label + " in " + area.name + (before.length ? ", after what was recorded" : "");
    return make("figure", { class: "line-chart" }, make("figcaption", { class: "trend-title" }, title),
      makeSvg("svg", { viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": told },
        makeSvg("path", { d: "M" + left + " " + y(0) + "H" + width + "M" + left + " " + y(most) + "H" + width, stroke: "#c9ced3", fill: "none" }),
        text(left - 4, y(0) + 3, "end", "0"), text(left - 4, y(most) + 3, "end", number(most, of)),
        ...band("low", "high", "#cfe1ee"), ...band("innerLow", "innerHigh", "#94bdd8"),
        ...line((one) => one.was, { stroke: "#4a4a4a" }), ...line((one) => !one.was, { stroke: "#12507b" }), ...dots,
        text(left, height - 3, "start", ends[0]), text(width, height - 3, "end", ends[1])));
  }

  // ---- figures as a table, for those who do not see or point -------------------------------------------------------

  const figures = byId("figures");
  const order = { by: "value", down: true };
  function table() {
    if (!figures.open) return;
    const head = figures.querySelector("thead tr");
    const of = measure();
    head.replaceChildren(...[["name", capital(geography().one)], ["value", of.label]].map(([by, label]) => {
      const sorted = order.by === by ? (order.down ? "descending" : "ascending") : "none";
      const button = make("button", { type: "button" }, label, order.by === by ? (order.down ? " \u25be" : " \u25b4") : "");
      button.addEventListener("click", () => {
        order.down = order.by === by ? !order.down : by === "value";
        order.by = by;
        table();
        figures.querySelectorAll("thead button")[by === "name" ? 0 : 1].focus();
      });
      return make("th", { scope: "col", "aria-sort": sorted }, button);
    }), ...(of.interval ? [make("th", { scope: "col" }, capital(of.interval.replace(":", "")))] : []));
    const rank = (value) => (value === WITHHELD ? -1e15 : value === NO_FIGURE ? -2e15 : value);
    const rows = areas[state.geography].slice().sort((a, b) => {
      const first = order.by === "value" ? rank(values()[a.i]) - rank(values()[b.i]) : a.name.localeCompare(b.name, "en-GB");
      return (order.down ? -first : first) || a.i - b.i;
    });
    figures.querySelector("tbody").replaceChildren(...rows.map((area) => {
      const button = make("button", { type: "button", title: area.code }, area.name);
      button.addEventListener("click", () => choose(area, true));
      return make("tr", {}, make("th", { scope: "row" }, button), make("td", {}, inWords(values()[area.i], of)), ...rangeCell(area, of));
    }));
  }
  function rangeCell(area, of) {
    if (!of.interval) return [];
    const one = figureOf(area, of, state.period);
    return [make("td", {}, isNumber(one.low) ? range(one.low, one.high, of) : "",
      ...(one.unsure ? [make("div", { class: "code" }, of.unsure.split(":")[0])] : []))];
  }
  figures.addEventListener("toggle", table);

  // ---- search ------------------------------------------------------------------------------------------------------

  const everything = [];
  for (const geography of data.geographies) {
    for (const area of areas[geography.id]) {
      everything.push({ text: plain(area.name), code: plain(area.code), label: area.name,
        kind: capital(geography.one) + " " + area.code, geography: geography.id, go: () => choose(area, true) });
    }
  }
  for (const group of groups) {
    const one = variants(group)[0];
    if (one.sites === null) continue;
    siteLayers[one.sites].eachLayer((point) => {
      const name = data.sites[one.sites][point.feature.properties.i][0];
      everything.push({ text: plain(name), code: "", label: name, kind: one.title, geography: "site", go: () => {
        if (topic().group !== group) turnTo(topicOf(group));
        turnToSite(name);
        map.setView(point.getLatLng(), Math.max(map.getZoom(), 14), { animate: false });
        point.openTooltip();
      } });
    });
  }

  window.mapView.search(everything, (one) => (one.geography === state.geography ? -1 : 0));

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
    if (!topic().usual) variant = topic().variant;
    state.measure = parts[1];
    state.geography = parts[2];
    const at = topic().periods.findIndex((one) => one[0] === parts[3]);
    state.period = at >= 0 ? at : topic().latest;
    for (const geography of data.geographies) {
      const area = areas[geography.id].find((one) => parts[4] && one.code === parts[4]);
      if (area) state.chosen = area;
    }
  }

  window.mapView.onPaper.put = () => {
    const main = document.querySelector("main"), selected = byId("selected");
    const tells = told && !told.hidden;
    if (tells) main.after(told);
    // What is said of one area, too, where the panel has no room for it.
    const crowded = !selected.hidden && selected.getBoundingClientRect().bottom > main.getBoundingClientRect().bottom;
    if (crowded && tells) told.querySelector("h2").after(selected);
    else if (crowded) main.after(selected);
    document.documentElement.classList.toggle("telling", Boolean(tells || crowded));
  };
  window.mapView.onPaper.back = () => {
    document.documentElement.classList.remove("telling");
    byId("figures").before(byId("selected"));
    if (told) byId("selected").after(told);
  };

  // ------------------------------------------------------------------------------------------------------------------

  function draw() {
    settle();
    paint();
    legend();
    tell();
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
  state.topic = topicOf(groups[0]);
  state.period = topic().latest;
  recall();
  settle();
  legend();  // its words settle the size of the map's box
  map.invalidateSize({ animate: false });
  fitWhole();
  draw();
  if (state.chosen) choose(state.chosen, true);
})();
