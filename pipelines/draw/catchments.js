// What a reader does on the page of catchments: choose a kind of site, how people come, what is shown; point, click, find.
// Folium has made the map (map_0) with outline and roads; catchments, bands and sites are drawn here from the page's data.
// What pages with maps share is in map_view.js. Text of the data reaches the page through textContent only.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const map = window.map_0;
  const { byId, make, makeSvg, capital, plain, fill, toggle, swatch, legendRow, whole, fitWhole } = window.mapView;
  const BLANK = "#e9eef1";  // the ground of the map, where nobody is near
  const UNIT = 1e5;  // in a degree
  const [HOMES, PEOPLE, REACHING, EXPECTED, USERS, PER_CAPACITY] = [0, 1, 2, 3, 4, 5];  // of a site's demand
  const MOST = 3;  // of the sites that homes would come from or go to
  const AGAINST = { "straight line": "in a straight line", "published catchment": "by the published catchment" };
  const state = { kind: 0, mode: null, view: "sites", site: null };

  function kind() { return data.kinds[state.kind]; }
  function way() { return kind().ways.find((one) => one.mode === state.mode); }
  function count(value) { return value.toLocaleString("en-GB"); }
  function lower(text) { return text.charAt(0).toLowerCase() + text.slice(1); }
  function figure(at, value) {
    const decimals = at === PER_CAPACITY && value < 100 ? 1 : 0;
    return value.toLocaleString("en-GB", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }
  function sum(values) { return values.reduce((total, one) => total + one, 0); }
  function share(part, all) {
    const percent = 100 * part / all;
    return percent < 1 ? "under 1%" : Math.round(percent) + "%";
  }

  // ---- map ---------------------------------------------------------------------------------------------------------

  // Rings are written as a first point and steps from it.
  function latitudes(rings) {
    return rings.map((part) => part.map((ring) => {
      let x = 0, y = 0;
      const points = [];
      for (let i = 0; i < ring.length; i += 2) points.push([(y += ring[i + 1]) / UNIT, (x += ring[i]) / UNIT]);
      return points;
    }));
  }

  const drawn = new Map();  // kind and mode -> layers, made when first asked for
  function layers() {
    const key = state.kind + "." + state.mode;
    if (drawn.has(key)) return drawn.get(key);
    const byRoad = way(), places = kind();
    const made = { catchments: L.layerGroup(), bands: L.layerGroup(), of: new Map() };
    for (const [band, homes, hectares, rings] of byRoad.bands) {
      L.polygon(latitudes(rings), { interactive: false, stroke: true, weight: 0.4, color: data.bands[band][1],
        fillColor: data.bands[band][1], fillOpacity: 0.92 }).addTo(made.bands);
    }
    for (const [site, colour, homes, hectares, rings] of byRoad.catchments) {
      const shape = L.polygon(latitudes(rings), { weight: 0.8, color: "#3c3c3c", fillColor: colour, fillOpacity: 0.85 });
      shape.bindTooltip(() => make("div", {}, make("strong", {}, places.sites[site][1]),
        make("div", {}, "Homes nearest, within 30 minutes: ", make("b", {}, count(homes))),
        make("div", {}, count(Math.round(hectares)) + " hectares")), { sticky: true, direction: "auto" });
      shape.on("click", () => choose(site, false));
      shape.on("mouseover", () => shape.setStyle({ weight: 2.2, color: "#000000" }).bringToFront());
      shape.on("mouseout", () => shape.setStyle({ weight: 0.8, color: "#3c3c3c" }));
      shape.colour = colour;
      made.of.set(site, shape.addTo(made.catchments));
    }
    drawn.set(key, made);
    return made;
  }

  const dots = data.kinds.map((places, number) => {
    const group = L.layerGroup();
    places.sites.forEach(([, name, , precision, longitude, latitude], site) => {
      if (latitude === null) return;
      const dot = L.circleMarker([latitude, longitude], { pane: "sites", radius: 5.5, weight: 2.5, color: "#000000",
        fillColor: "#ffffff", fillOpacity: 1 });
      dot.bindTooltip(() => make("div", {}, make("strong", {}, name),
        ...(precision && precision !== "property" ? [make("div", {}, "Placed by " + precision)] : [])));
      dot.on("click", () => choose(site, false));
      dot.site = site;
      dot.addTo(group);
    });
    return group;
  });

  const chosenLayer = L.layerGroup().addTo(map);
  let shown = null;
  function paint() {
    const now = layers();
    if (shown && shown !== now) for (const layer of [shown.catchments, shown.bands]) toggle(layer, false);
    shown = now;
    const minutes = state.view === "minutes";
    toggle(now.bands, minutes);
    now.of.forEach((shape) => shape.setStyle({ fillOpacity: minutes ? 0 : 0.85 }));
    // Above the bands, to be pointed at.
    toggle(now.catchments, false);
    toggle(now.catchments, true);
    dots.forEach((group, number) => toggle(group, number === state.kind));
    toggle(window.outline_0, true);
    toggle(window.roads_0, byId("show-roads").checked);
    label();
  }

  function label() {
    const names = window.mapView.names();
    if (!data.kinds.length || !byId("show-names").checked) return;
    const points = dots[state.kind].getLayers();
    for (const dot of points) names.keepOff(map.latLngToContainerPoint(dot.getLatLng()), 6);
    const weight = (dot) => (dot.site === state.site ? Infinity : way().demand[dot.site][HOMES]);
    for (const dot of points.slice().sort((a, b) => weight(b) - weight(a))) {
      names.place(kind().sites[dot.site][1], dot.getLatLng(), "site", null);
    }
  }
  map.on("zoomend moveend resize", label);

  // ---- choices -----------------------------------------------------------------------------------------------------

  function settle() {
    if (!kind().ways.some((one) => one.mode === state.mode)) state.mode = kind().usual;
    fill(byId("kind"), data.kinds.map((one) => [one.id, one.title]), kind().id);
    fill(byId("mode"), kind().ways.map((one) => [one.mode, data.modes[one.mode] +
      (one.mode === kind().usual ? " (usual)" : "")]), state.mode);
    byId("view").value = state.view;
    byId("kind-choice").hidden = data.kinds.length < 2;
  }

  byId("kind").addEventListener("change", (event) => {
    state.kind = data.kinds.findIndex((one) => one.id === event.target.value);
    state.site = null;
    state.mode = kind().usual;
    order.by = null;
    draw();
  });
  byId("mode").addEventListener("change", (event) => { state.mode = event.target.value; draw(); });
  byId("view").addEventListener("change", (event) => { state.view = event.target.value; draw(); });
  byId("kind").closest("form").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["show-roads", "show-names"]) byId(id).addEventListener("change", paint);

  // ---- legend and words --------------------------------------------------------------------------------------------

  function coming() { return lower(data.modes[state.mode]); }

  function legend() {
    const byRoad = way(), places = kind();
    const minutes = state.view === "minutes";
    const near = sum(byRoad.bands.map((one) => one[1]));
    const beyond = sum(byRoad.demand.map((one) => one[HOMES])) - near;
    const rows = [];
    if (minutes) {
      data.bands.forEach(([band, colour], number) => {
        const found = byRoad.bands.find((one) => one[0] === number);
        if (found) rows.push(legendRow(band, swatch(colour), band.replace("-", " to ") + " minutes", found[1]));
      });
    } else {
      const strip = makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" });
      [...new Set(byRoad.catchments.map((one) => one[1]))].slice(0, 4).forEach((colour, i, all) => strip.append(
        makeSvg("rect", { x: 0.5 + i * 27 / all.length, y: 0.5, width: 27 / all.length, height: 15, fill: colour, stroke: "#5c5c5c" })));
      rows.push(legendRow("nearest", strip, "Nearest to one site each; colours repeat", near));
    }
    rows.push(legendRow("blank", swatch(BLANK), "More than 30 minutes away, or no road near", beyond));
    const dot = makeSvg("svg", { width: 28, height: 16, "aria-hidden": "true" }, makeSvg("circle",
      { cx: 14, cy: 8, r: 5.5, fill: "#ffffff", stroke: "#000000", "stroke-width": 2.5 }));
    rows.push(legendRow("sites", dot, places.title + ": " + count(places.sites.length), null));
    byId("legend-title").textContent = minutes ? "Minutes to the nearest site" : "Catchment of each site";
    byId("legend-unit").textContent = data.modes[state.mode] + ", by road. Figures are homes" +
      (minutes ? ". Darker: farther." : ".");
    byId("legend-rows").replaceChildren(...rows);
    byId("legend-total").textContent = byRoad.compared.map(([against, all, other]) => !all ? "" :
      "For " + count(other) + " of " + count(all) + " homes (" + share(other, all) + ") the nearest by road is not the " +
      (against === "straight line" ? "nearest in a straight line." : "one of the published catchment.")).filter(Boolean).join(" ");
    byId("caption").textContent = places.title + ", " + coming() + ": " +
      (minutes ? "minutes to the nearest" : "which is nearest by road");
    byId("subcaption").textContent = data.authority + (places.dated ? ", sites " + places.dated : "");
    byId("stale").textContent = places.stale;
    byId("topic-source").textContent = places.source;
  }

  // ---- one site ----------------------------------------------------------------------------------------------------

  function choose(site, move) {
    state.site = site;
    describe();
    mark(move);
    label();
    if (site !== null) byId("selected").scrollIntoView({ block: "nearest" });
    remember();
  }

  function mark(move) {
    chosenLayer.clearLayers();
    if (state.site === null) return;
    const shape = layers().of.get(state.site);
    const dot = dots[state.kind].getLayers().find((one) => one.site === state.site);
    if (shape) {
      for (const [color, weight] of [["#ffffff", 6], ["#000000", 3]]) {
        L.polygon(shape.getLatLngs(), { pane: "chosen", interactive: false, fill: false, color: color, weight: weight })
          .addTo(chosenLayer);
      }
    }
    if (!move) return;
    const bounds = shape ? shape.getBounds() : dot ? L.latLngBounds([dot.getLatLng()]) : null;
    if (bounds) {
      const level = Math.min(15, map.getBoundsZoom(bounds.pad(0.3)));
      map.setView(bounds.getCenter(), Math.max(level, map.getBoundsZoom(whole || bounds, false, L.point(28, 28))), { animate: false });
    }
  }

  function named(rows, which) {
    const some = rows.slice(0, MOST).map((one) => which(one) + " " + count(one[4]));
    return some.join(", ") + (rows.length > MOST ? ", others " + count(sum(rows.slice(MOST).map((one) => one[4]))) : "");
  }

  function changes() {
    const lines = [];
    for (const [against, words] of Object.entries(AGAINST)) {
      if (!way().compared.some((one) => one[0] === against)) continue;
      const rows = way().exchanged.filter((one) => one[0] === against);
      const come = rows.filter((one) => one[3] === state.site), go = rows.filter((one) => one[1] === state.site);
      if (come.length) {
        lines.push("Nearest by road, though not " + words + ": " + count(sum(come.map((one) => one[4]))) + " homes (else " +
          named(come, (one) => one[2]) + ").");
      }
      if (go.length) {
        lines.push(capital(words) + ", though not by road: " + count(sum(go.map((one) => one[4]))) + " homes (by road " +
          named(go, (one) => kind().sites[one[3]] ? kind().sites[one[3]][1] : "another") + ").");
      }
      if (!come.length && !go.length) lines.push("The same homes by road as " + words + ".");
    }
    return lines.map((line) => make("p", { class: "exchange" }, line));
  }

  function describe() {
    const box = byId("selected");
    box.hidden = state.site === null;
    if (state.site === null) { box.replaceChildren(); return; }
    const [, name, capacity] = kind().sites[state.site];
    const demand = way().demand[state.site];
    const ground = way().catchments.find((one) => one[0] === state.site);
    const clear = make("button", { type: "button", class: "clear", id: "clear" }, "Clear");
    clear.addEventListener("click", () => { choose(null, false); byId("search").focus(); });
    const rows = [];
    const add = (words, value) => {
      if (value === null || value === undefined) return;
      rows.push(make("tr", {}, make("th", { scope: "row" }, words), make("td", {}, typeof value === "string" ? value : count(value))));
    };
    add("Homes nearest", demand[HOMES]);
    add("People nearest", demand[PEOPLE]);
    add("Homes within 30 minutes, nearest or not", demand[REACHING]);
    add("People expected (Huff)", demand[EXPECTED]);
    add("Users, as published", demand[USERS]);
    add("Can take: " + kind().capacityOf, capacity);
    if (demand[PER_CAPACITY] !== null) add("People nearest for each of these", figure(PER_CAPACITY, demand[PER_CAPACITY]));
    if (ground) add("Hectares of catchment", Math.round(ground[3]));
    box.replaceChildren(clear, make("h2", {}, name), make("p", { class: "code" }, kind().title + ", " + coming()),
      make("table", {}, make("tbody", {}, ...rows)), ...changes(),
      ...(ground ? [] : [make("p", { class: "exchange" }, "No ground is nearest to it: it is off the roads, or another site is " +
        "at the same door.")]));
  }

  // ---- sites as a table --------------------------------------------------------------------------------------------

  const figures = byId("figures");
  const order = { by: null, down: true };
  function columns() {
    const demand = way().demand;
    const some = (at) => demand.some((one) => one[at] !== null);
    const found = some(PEOPLE) ? [[PEOPLE, "People nearest"], [EXPECTED, "People expected"]] :
      [[HOMES, "Homes nearest"], [REACHING, "Homes within 30 min"]];
    if (some(USERS)) found.push([USERS, "Users published"]);
    if (some(PER_CAPACITY)) found.push([PER_CAPACITY, "People nearest per unit"]);
    return found;
  }

  function table() {
    const all = columns();
    if (order.by !== "name" && !all.some(([at]) => at === order.by)) {
      order.by = all.some(([at]) => at === PER_CAPACITY) ? PER_CAPACITY : all[0][0];
      order.down = true;
    }
    byId("figures-note").textContent = all.some(([at]) => at === PER_CAPACITY) ?
      "Unit of what a site can take: " + kind().capacityOf + "." : "What a site can take is not known.";
    const head = [["name", "Site"], ...all];
    figures.querySelector("thead tr").replaceChildren(...head.map(([by, words], column) => {
      const sorted = order.by === by ? (order.down ? "descending" : "ascending") : "none";
      const button = make("button", { type: "button" }, words, order.by === by ? (order.down ? " \u25be" : " \u25b4") : "");
      button.addEventListener("click", () => {
        order.down = order.by === by ? !order.down : by !== "name";
        order.by = by;
        table();
        figures.querySelectorAll("thead button")[column].focus();
      });
      return make("th", { scope: "col", "aria-sort": sorted }, button);
    }));
    const name = (site) => kind().sites[site][1];
    const value = (site) => (way().demand[site][order.by] === null ? -1 : way().demand[site][order.by]);
    const sites = kind().sites.map((_, site) => site).sort((a, b) => {
      const first = order.by === "name" ? name(a).localeCompare(name(b), "en-GB") : value(a) - value(b);
      return (order.down ? -first : first) || a - b;
    });
    figures.querySelector("tbody").replaceChildren(...sites.map((site) => {
      const button = make("button", { type: "button" }, name(site));
      button.addEventListener("click", () => choose(site, true));
      return make("tr", {}, make("th", { scope: "row" }, button),
        ...all.map(([at]) => make("td", {}, way().demand[site][at] === null ? "" : figure(at, way().demand[site][at]))));
    }));
  }

  // On paper the table has a sheet of its own, with who changes side at the chosen site.
  let sheet = null;
  window.mapView.onPaper.put = () => {
    if (!data.kinds.length) return;
    const copied = figures.querySelector("table").cloneNode(true);
    for (const button of copied.querySelectorAll("button")) button.replaceWith(button.textContent);
    sheet = make("section", { class: "told sites" }, make("h2", {}, byId("caption").textContent),
      make("p", {}, byId("subcaption").textContent + ". " + byId("figures-note").textContent),
      ...(state.site === null ? [] : [make("h2", {}, kind().sites[state.site][1]), ...changes()]), copied);
    document.documentElement.classList.add("telling");
    document.querySelector("main").after(sheet);
  };
  window.mapView.onPaper.back = () => {
    document.documentElement.classList.remove("telling");
    if (sheet) sheet.remove();
  };

  // ---- search ------------------------------------------------------------------------------------------------------

  const everything = data.kinds.flatMap((places, number) => places.sites.map(([id, name], site) => ({
    text: plain(name), code: plain(id), label: name, kind: places.title, number: number,
    go: () => {
      if (state.kind !== number) {
        state.kind = number;
        state.mode = kind().usual;
        state.site = null;
        draw();
      }
      choose(site, true);
    } })));
  window.mapView.search(everything, (one) => (one.number === state.kind ? -1 : 0));

  // ---- the view in the address, so that a link to the file can be kept or sent ---------------------------------------

  function remember() {
    const parts = [kind().id, state.mode, state.view, state.site === null ? "" : kind().sites[state.site][0]];
    try { history.replaceState(null, "", "#" + parts.map(encodeURIComponent).join("/")); } catch (refused) { /* as it was */ }
  }

  function recall() {
    let parts;
    try { parts = location.hash.slice(1).split("/").map(decodeURIComponent); } catch (malformed) { return; }
    const number = data.kinds.findIndex((one) => one.id === parts[0]);
    if (number < 0) return;
    state.kind = number;
    state.mode = parts[1];
    if (["sites", "minutes"].includes(parts[2])) state.view = parts[2];
    const site = kind().sites.findIndex((one) => one[0] === parts[3]);
    state.site = site < 0 ? null : site;
  }

  // ------------------------------------------------------------------------------------------------------------------

  function draw() {
    settle();
    paint();
    legend();
    describe();
    mark(false);
    table();
    remember();
  }

  if (!data.kinds.length) {
    byId("caption").textContent = "There are no catchments in this release";
    for (const part of document.querySelectorAll(".choices, .legend, .figures")) part.hidden = true;
    toggle(window.outline_0, true);
    toggle(window.roads_0, true);
    fitWhole();
    return;
  }
  recall();
  settle();
  legend();  // its words settle the size of the map's box
  map.invalidateSize({ animate: false });
  fitWhole();
  draw();
  if (state.site !== null) choose(state.site, true);
})();
