// Doubtful addresses: choosing among candidates from the keyboard, and saving what was chosen as a file.
// Text of the data gets on the page as text alone (textContent). Nothing is kept in the browser: what was decided is in
// memory until it is saved, and leaving the page before that is asked about.
"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("page-data").textContent);
  const items = data.items;
  const place = new Map(items.map((item, i) => [item.hash, i]));
  const decided = new Map();   // record hash -> {decision, uprn, by, on}
  const notes = new Map();     // record hash -> text
  const undone = [];           // what u takes back: {hash, before}
  let shown = items.map((_, i) => i);
  let current = items.length ? 0 : -1;
  let against = 0;             // the candidate that the record is set against
  let unsaved = false;
  let rowHeight = 0;

  const number = (n) => n.toLocaleString("en-GB");
  const plural = (n, one) => number(n) + " " + one + (n === 1 ? "" : "s");

  // Rounded down, so that only the last one makes it 100 %.
  const share = (part) => (part < 0.1 ? Math.floor(part * 1000) / 10 : Math.floor(part * 100)) + " %";

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // ---- words: which of one text are in the other ----

  function words(text) {
    return [...text.matchAll(/[\p{L}\p{N}\p{M}'\u2019]+/gu)].map((found) => ({
      from: found.index,
      to: found.index + found[0].length,
      key: found[0].normalize("NFKD").replace(/[\p{M}'\u2019]/gu, "").toUpperCase().replace(/^0+(?=\d)/, ""),
      state: "",
    }));
  }

  const hasDigit = (key) => /\d/.test(key);

  // RD for ROAD, APT for APARTMENT, GDNS for GARDENS: the same first letter and the others in order, and either short or
  // without vowels, since CVENTRY is no short form of COVENTRY. Never with a digit.
  function isShort(a, b) {
    if (a.length > b.length) [a, b] = [b, a];
    if (a.length < 2 || a.length === b.length || a[0] !== b[0] || hasDigit(a + b)) return false;
    if (a.length > 3 && /[AEIOU]/.test(a)) return false;
    let at = 0;
    for (const letter of b) if (letter === a[at]) at += 1;
    return at === a.length;
  }

  // Sets each word's state: "same", "near" (short for, or in another place) or "differs". A number in another place
  // differs: flat 8 at 9 is not flat 9 at 8.
  function set(one, other) {
    const n = one.length, m = other.length;
    const fits = (i, j) => one[i].key === other[j].key ? 2 : isShort(one[i].key, other[j].key) ? 1 : 0;
    const best = Array.from({ length: n + 1 }, () => new Int32Array(m + 1));
    for (let i = n - 1; i >= 0; i--) {
      for (let j = m - 1; j >= 0; j--) {
        const fit = fits(i, j);
        best[i][j] = Math.max(best[i + 1][j], best[i][j + 1], fit ? best[i + 1][j + 1] + fit : 0);
      }
    }
    for (let i = 0, j = 0; i < n && j < m;) {
      const fit = fits(i, j);
      if (fit && best[i][j] === best[i + 1][j + 1] + fit) {
        one[i].state = other[j].state = fit === 2 ? "same" : "near";
        i += 1;
        j += 1;
      } else if (best[i][j] === best[i + 1][j]) i += 1;
      else j += 1;
    }
    for (const word of one.filter((w) => !w.state)) {
      const twin = other.find((w) => !w.state && w.key === word.key && !hasDigit(w.key));
      if (twin) word.state = twin.state = "near";
    }
    for (const word of [...one, ...other]) word.state = word.state || "differs";
  }

  function marked(text, found) {
    const line = element("span", "text");
    let at = 0;
    for (const word of found) {
      line.append(text.slice(at, word.from));
      const said = text.slice(word.from, word.to);
      if (word.state === "differs") line.append(element("mark", hasDigit(word.key) ? "number" : "", said));
      else if (word.state === "near") line.append(element("span", "near", said));
      else line.append(said);
      at = word.to;
    }
    line.append(text.slice(at));
    return line;
  }

  // Postcodes are set against each other letter by letter.
  function markedPostcode(text, other) {
    const line = element("span", "text code-text");
    if (!text) return line;
    const plain = (one) => one.replace(/\s/g, "").toUpperCase();
    const mine = plain(text), theirs = plain(other);
    if (!theirs || mine.length !== theirs.length) {
      line.append(mine === theirs ? text : element("mark", "", text));
      return line;
    }
    let at = 0;
    for (const letter of text) {
      if (/\s/.test(letter)) line.append(letter);
      else {
        line.append(mine[at] === theirs[at] ? letter : element("mark", "number", letter));
        at += 1;
      }
    }
    return line;
  }

  // ---- the list: only the rows in sight are on the page ----

  function mark(item) {
    const one = decided.get(item.hash);
    if (!one) return ["", "not decided"];
    if (one.decision === "none") return ["–", "decided: none"];
    if (one.decision === "building") return ["B", "decided: building"];
    return /^[1-5]$/.test(one.decision) ? [one.decision, "decided: candidate " + one.decision] : ["✓", "decided: another UPRN"];
  }

  function row(at) {
    const item = items[shown[at]];
    const made = element("div", "row");
    const [sign, said] = mark(item);
    made.id = "row-" + shown[at];
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", String(shown[at] === current));
    made.setAttribute("aria-posinset", at + 1);
    made.setAttribute("aria-setsize", shown.length);
    const state = element("span", "mark", sign);
    state.title = said;
    const text = element("span");
    const under = [item.postcode, plural(item.records, "record"), said].filter(Boolean).join(" · ");
    text.append(element("span", "", item.address), element("span", "note", under));
    made.append(state, text);
    made.style.top = at * rowHeight + "px";
    if (rowHeight) made.style.height = rowHeight + "px";
    return made;
  }

  function drawList() {
    const list = byId("list");
    for (const old of list.querySelectorAll(".row")) old.remove();
    if (shown.length) {
      if (!rowHeight) {
        const probe = row(0);
        list.append(probe);
        rowHeight = Math.ceil(probe.getBoundingClientRect().height);
        probe.remove();
      }
      const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 6);
      const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + 6);
      for (let at = first; at < last; at++) list.append(row(at));
    }
    byId("spacer").style.height = shown.length * rowHeight + "px";
    if (current >= 0 && byId("row-" + current)) list.setAttribute("aria-activedescendant", "row-" + current);
    else list.removeAttribute("aria-activedescendant");
  }

  function scrollToCurrent() {
    const list = byId("list"), at = shown.indexOf(current);
    if (at < 0 || !rowHeight) return;
    const top = at * rowHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + rowHeight - list.clientHeight;
  }

  function drawProgress() {
    const records = items.reduce((sum, item) => sum + item.records, 0);
    const done = items.reduce((sum, item) => sum + (decided.has(item.hash) ? item.records : 0), 0);
    byId("progress").max = items.length || 1;
    byId("progress").value = decided.size;
    byId("progress-text").textContent = number(decided.size) + " of " + number(items.length) + (items.length === 1 ? " address" : " addresses") +
      " decided" + (records ? ", " + share(done / records) + " of the records" : "") +
      (data.leftOut ? "; " + number(data.leftOut) + " more wait for the next worksheet" : "");
    byId("shown").textContent = shown.length === items.length ? "" : number(shown.length) + " shown";
    byId("save").textContent = "Save decisions" + (unsaved ? " *" : "");
    byId("undo").disabled = !undone.length;
  }

  // ---- the case: one address with its candidates ----

  function drawRecord(item) {
    const box = byId("record");
    const candidate = item.candidates[against];
    const mine = words(item.address);
    if (candidate) set(mine, words(candidate.address));
    else for (const word of mine) word.state = "same";
    box.replaceChildren();
    const lines = element("p");
    lines.append(marked(item.address, mine), item.postcode ? ", " : document.createElement("br"), item.postcode ? markedPostcode(item.postcode, candidate ? candidate.postcode : item.postcode) : element("span", "note", "no postcode"));
    box.append(lines, element("p", "note", plural(item.records, "record") + (item.datasets.length ? " in " + item.datasets.join(", ") : "")));
    if (candidate && item.candidates.length > 1) box.append(element("p", "note", "Marked against candidate " + (against + 1)));
    for (const [at, button] of [...byId("candidates").querySelectorAll("button")].entries()) {
      button.classList.toggle("against", at === against && item.candidates.length > 1);
    }
  }

  function drawCandidate(item, candidate, at, one) {
    const isChosen = Boolean(one) && one.decision === String(at + 1);
    const button = element("button", "candidate" + (isChosen ? " chosen" : ""));
    button.type = "button";
    button.setAttribute("aria-pressed", String(isChosen));
    button.setAttribute("aria-keyshortcuts", String(at + 1));
    const theirs = words(candidate.address);
    set(words(item.address), theirs);
    const body = element("span");
    body.append(marked(candidate.address, theirs), candidate.address && candidate.postcode ? ", " : "");
    const code = markedPostcode(candidate.postcode, item.postcode);
    const under = element("span", "note");
    under.append(element("span", "", "UPRN " + candidate.uprn));
    under.append(element("span", "", candidate.differs.length ? candidate.differs.join("; ") : "no difference noted"));
    if (isChosen) under.append(element("span", "tick", "✓ chosen"));
    body.append(code, under);
    button.append(element("kbd", "", String(at + 1)), body);
    button.addEventListener("click", () => choose(String(at + 1), candidate.uprn));
    const look = () => { if (against !== at && items[current] === item) { against = at; drawRecord(item); } };
    button.addEventListener("mouseenter", look);
    button.addEventListener("focus", look);
    const line = element("li");
    line.append(button);
    return line;
  }

  function drawCase() {
    byId("case-body").hidden = current < 0;
    byId("nothing").hidden = current >= 0;
    byId("nothing").textContent = items.length ? "No address fits what is shown: clear Find, or show all." : "Nothing is waiting to be settled.";
    byId("where").textContent = "";
    if (current < 0) return;
    const item = items[current], one = decided.get(item.hash);
    const at = shown.indexOf(current);
    byId("where").textContent = at >= 0 ? "Address " + number(at + 1) + " of " + number(shown.length) : "Address";
    byId("why").textContent = item.why.slice(0, 1).toUpperCase() + item.why.slice(1);
    against = one && /^[1-5]$/.test(one.decision) ? Number(one.decision) - 1 : 0;
    byId("candidates").replaceChildren(...item.candidates.map((c, i) => drawCandidate(item, c, i, one)));
    if (!item.candidates.length) byId("candidates").append(element("li", "note", "no candidate"));
    drawRecord(item);
    const choice = one ? one.decision : "";
    byId("building").disabled = !item.building;
    byId("building-text").textContent = item.building ? "The building (UPRN " + item.building + "), not which part" : "Building: not known";
    for (const name of ["building", "none"]) {
      byId(name).classList.toggle("chosen", choice === name);
      byId(name).setAttribute("aria-pressed", String(choice === name));
    }
    byId("other").value = choice && !/^([1-5]|building|none)$/.test(choice) ? choice : "";
    byId("other").classList.toggle("chosen", byId("other").value !== "");
    byId("other-wrong").textContent = "";
    byId("note").value = notes.get(item.hash) || "";
  }

  function draw() {
    drawProgress();
    scrollToCurrent();
    drawList();
    drawCase();
  }

  function say(text) {
    byId("message").textContent = text;
  }

  // ---- moving and deciding ----

  function fits(item) {
    const wanted = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (item.address + " " + item.postcode + " " + item.postcode.replace(/\s/g, "")).toLowerCase();
    const show = byId("show").value;
    const dataset = byId("dataset") ? byId("dataset").value : "";
    return wanted.every((word) => text.includes(word)) && (!dataset || item.datasets.includes(dataset)) &&
      (show === "all" || decided.has(item.hash) === (show === "done"));
  }

  function sift() {
    shown = items.map((_, i) => i).filter((i) => fits(items[i]));
    if (!shown.includes(current)) current = shown.length ? shown[0] : -1;
    byId("list").scrollTop = 0;
    draw();
  }

  function goTo(i) {
    // Where the button that had the focus is drawn anew, the heading gets it: a screen reader then tells of the next.
    const hadFocus = byId("candidates").contains(document.activeElement);
    current = i;
    draw();
    if (hadFocus) byId("where").focus({ preventScroll: true });
    byId("case").scrollTop = 0;
  }

  function move(by) {
    if (!shown.length) return;
    const at = shown.indexOf(current);
    goTo(shown[Math.min(shown.length - 1, Math.max(0, at + by))]);
    say("");
  }

  function today() {
    const now = new Date(), two = (n) => String(n).padStart(2, "0");
    return now.getFullYear() + "-" + two(now.getMonth() + 1) + "-" + two(now.getDate());
  }

  function choose(decision, uprn) {
    if (current < 0) return;
    const item = items[current];
    undone.push({ hash: item.hash, before: decided.get(item.hash) });
    decided.set(item.hash, { decision, uprn: uprn || "", by: byId("name").value.trim(), on: today() });
    unsaved = true;
    const words = decision === "none" ? "none of these" : decision === "building" ? "the building" :
      /^[1-5]$/.test(decision) ? "candidate " + decision : "another UPRN";
    const at = shown.indexOf(current);
    const order = [...shown.slice(at + 1), ...shown.slice(0, Math.max(at, 0))];
    const next = order.find((i) => !decided.has(items[i].hash));
    if (byId("show").value === "open") shown = shown.filter((i) => !decided.has(items[i].hash));
    say("The address before is decided: " + words + ". " + (next === undefined ? "All that is shown is decided: save." : ""));
    if (next === undefined && !shown.length) current = -1;
    goTo(next === undefined ? current : next);
  }

  function chooseNumber(n) {
    const candidate = current >= 0 ? items[current].candidates[n - 1] : undefined;
    if (candidate) choose(String(n), candidate.uprn);
    else say("There is no candidate " + n + " here.");
  }

  function chooseBuilding() {
    if (current < 0) return;
    if (items[current].building) choose("building", items[current].building);
    else say("The building is not known here: leave it, or give another UPRN.");
  }

  function undo() {
    const last = undone.pop();
    if (!last) return say("There is nothing to undo.");
    if (last.before) decided.set(last.hash, last.before);
    else decided.delete(last.hash);
    unsaved = true;
    const i = place.get(last.hash);
    if (!shown.includes(i)) shown = items.map((_, k) => k).filter((k) => k === i || fits(items[k]));
    say("Undone.");
    goTo(i);
  }

  // ---- files ----

  const COLUMNS = ["record_hash", "decision", "uprn", "decided_by", "decided_on", "note", "candidates_seen", "gazetteer_version"];
  const FORMULA = /^'*\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;   // as in spreadsheet.py

  function cell(text) {
    const safe = FORMULA.test(text) ? "'" + text : text;
    return /[",;\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
  }

  function asCsv() {
    const name = byId("name").value.trim();
    const lines = [COLUMNS];
    for (const item of items) {
      const one = decided.get(item.hash), note = notes.get(item.hash) || "";
      if (!one && !note) continue;
      lines.push([item.hash, one ? one.decision : "", one ? String(one.uprn) : "", one ? one.by || name : "", one ? one.on : "",
        note, item.seen, item.version]);
    }
    return "\ufeff" + lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  function save() {
    if (!decided.size && !notes.size) return say("Nothing is decided yet.");
    if (!byId("name").value.trim() && [...decided.values()].some((one) => !one.by)) {
      byId("name").focus();
      return say("First your name or initials, at the top left: decisions say who made them.");
    }
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" }));
    link.download = "decisions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    drawProgress();
    say("Saved as decisions.csv, " + number(decided.size) + " decided. Have it read back: places review --read decisions.csv");
  }

  function parse(text) {
    const lines = [];
    let line = [], value = "", quoted = false;
    const first = text.slice(0, text.search(/\r|\n|$/));
    const comma = first.split(";").length > first.split(",").length ? ";" : ",";
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quoted) {
        if (c !== '"') value += c;
        else if (text[i + 1] === '"') { value += '"'; i += 1; } else quoted = false;
      } else if (c === '"') quoted = true;
      else if (c === comma) { line.push(value); value = ""; }
      else if (c === "\n") { line.push(value); lines.push(line); line = []; value = ""; }
      else if (c !== "\r") value += c;
    }
    if (value || line.length) lines.push([...line, value]);
    return lines;
  }

  function load(text) {
    const lines = parse(text.replace(/^\ufeff/, ""));
    const head = lines.length ? lines[0].map((name) => name.trim().toLowerCase()) : [];
    if (!head.includes("record_hash") || !head.includes("decision")) {
      return say("This is not a file of decisions: it has no columns record_hash and decision.");
    }
    let known = 0, unknown = 0;
    for (const line of lines.slice(1)) {
      const value = (name) => {
        const text = (line[head.indexOf(name)] || "").trim();
        return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
      };
      const item = items[place.get(value("record_hash"))];
      const decision = value("decision").toLowerCase();
      if (value("note") && item) notes.set(item.hash, value("note"));
      if (!decision) continue;
      // What stood beside other candidates is to be decided again.
      const isNumber = /^[1-5]$/.test(decision);
      const isSame = item && item.seen === value("candidates_seen") && (!isNumber || item.candidates[decision - 1]);
      if (!isSame || !/^([1-5]|building|none|\d{6,12})$/.test(decision) || (decision === "building" && !item.building)) { unknown += 1; continue; }
      const uprn = isNumber ? item.candidates[decision - 1].uprn : decision === "building" ? item.building : decision === "none" ? "" : decision;
      decided.set(item.hash, { decision, uprn, by: value("decided_by"), on: value("decided_on") });
      known += 1;
    }
    undone.length = 0;
    sift();
    say(number(known) + " decided in that file" + (unknown ? "; " + number(unknown) + " of it are not in this page, or have other candidates now, and were left out" : "") + ".");
  }

  // ---- paper: everything shown, with boxes to tick ----

  function drawPaper() {
    const table = element("table"), head = element("thead"), top = element("tr"), body = element("tbody");
    for (const name of ["", "The records say", "The gazetteer has", "Another UPRN, and note"]) {
      const one = element("th", "", name);
      one.scope = "col";
      top.append(one);
    }
    head.append(top);
    for (const [at, i] of shown.entries()) {
      const item = items[i], one = decided.get(item.hash), line = element("tr");
      const says = element("td"), has = element("td");
      says.append(element("p", "", [item.address, item.postcode].filter(Boolean).join(", ")), element("p", "note", item.why));
      const choices = item.candidates.map((c, k) => [String(k + 1), k + 1 + ". " + [c.address, c.postcode].filter(Boolean).join(", ") + " (" + c.uprn + ")" +
        (c.differs.length ? ": " + c.differs.join("; ") : "")]);
      if (item.building) choices.push(["building", "the building (" + item.building + ")"]);
      choices.push(["none", "none of these"]);
      for (const [decision, text] of choices) {
        const choice = element("p");
        choice.append(element("span", "box", one && one.decision === decision ? "✓" : ""), text);
        has.append(choice);
      }
      const isOther = one && !choices.some(([decision]) => decision === one.decision);
      line.append(element("td", "", number(at + 1)), says, has, element("td", "", [isOther ? one.decision : "", notes.get(item.hash) || ""].filter(Boolean).join("; ")));
      body.append(line);
    }
    table.append(head, body);
    byId("paper").replaceChildren(table);
  }

  function openHelp() {
    byId("help").showModal();
    byId("help-close").focus();
  }

  // ---- events ----

  const TYPED_IN = "input[type=text], input[type=file], select, textarea";

  function key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      return save();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.target.matches && event.target.matches(TYPED_IN)) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target.matches("#filter, #note, #name"))) {
        event.preventDefault();
        byId("list").focus();
      }
      return;
    }
    const pages = { PageDown: 10, PageUp: -10, Home: -items.length, End: items.length };
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key in pages && event.target === byId("list")) move(pages[event.key]);
    else if (!byId("keys-on").checked) return;
    else if (/^[1-5]$/.test(event.key)) { if (!event.repeat) chooseNumber(Number(event.key)); }
    else if (event.key === "b") { if (!event.repeat) chooseBuilding(); }
    else if (event.key === "n") { if (!event.repeat) choose("none"); }
    else if (event.key === "u") undo();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "s") save();
    else if (event.key === "/") byId("filter").focus();
    else if (event.key === "?") openHelp();
    else return;
    event.preventDefault();
  }

  document.addEventListener("keydown", key);
  byId("list").addEventListener("scroll", drawList);
  byId("list").addEventListener("click", (event) => {
    const hit = event.target.closest(".row");
    if (hit) { say(""); goTo(Number(hit.id.slice(4))); }
  });
  window.addEventListener("resize", () => { rowHeight = 0; drawList(); });
  byId("filter").addEventListener("input", sift);
  byId("show").addEventListener("change", sift);
  if (byId("dataset")) byId("dataset").addEventListener("change", sift);
  byId("undo").addEventListener("click", undo);
  byId("back").addEventListener("click", () => move(-1));
  byId("next").addEventListener("click", () => move(1));
  byId("building").addEventListener("click", chooseBuilding);
  byId("none").addEventListener("click", () => choose("none"));
  byId("other-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const uprn = byId("other").value.replace(/\s/g, "").replace(/^0+/, "");
    if (/^\d{6,12}$/.test(uprn)) { byId("list").focus({ preventScroll: true }); choose(uprn, uprn); }
    else byId("other-wrong").textContent = "a UPRN has up to 12 digits";
  });
  byId("note").addEventListener("input", () => {
    const text = byId("note").value.trim(), hash = items[current].hash;
    if (text) notes.set(hash, text);
    else notes.delete(hash);
    unsaved = true;
    drawProgress();
  });
  byId("save").addEventListener("click", save);
  byId("help-open").addEventListener("click", openHelp);
  byId("help-close").addEventListener("click", () => byId("help").close());
  byId("saved").addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    file.text().then((text) => { byId("help").close(); load(text); event.target.value = ""; });
  });
  byId("print").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", drawPaper);
  window.addEventListener("afterprint", () => byId("paper").replaceChildren());
  window.addEventListener("beforeunload", (event) => { if (unsaved) { event.preventDefault(); event.returnValue = ""; } });
  draw();
  byId("list").focus({ preventScroll: true });
})();
