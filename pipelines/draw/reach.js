// Which service, kind of site and kind of areas is shown. Without this script the page shows all of them, one below the other.
"use strict";
(function () {
  const choices = document.getElementById("choices");
  if (!choices) return;
  const selects = ["service", "kind", "areas"].map((id) => document.getElementById(id));
  const cards = [...document.querySelectorAll("section.card")];

  function show(found, remember) {
    selects[0].value = found.dataset.service;
    selects[1].value = found.dataset.kind;
    selects[2].value = found.dataset.areas;
    for (const card of cards) card.hidden = card !== found;
    // Not by setting the hash: the page would jump to the card and put its choices out of sight.
    if (remember) history.replaceState(null, "", "#" + found.id);
  }

  function chosen() {
    // A service may have no figures of a kind of site or areas: then what is nearest to the choice is shown.
    const words = selects.map((select) => select.value);
    const like = (many) => cards.find((card) => card.id.split(".").slice(0, many).join(".") === words.slice(0, many).join("."));
    show(like(3) || like(2) || like(1) || cards[0], true);
  }

  function fromAddress() {
    show(cards.find((one) => one.id === decodeURIComponent(location.hash.slice(1))) || cards[0], false);
    window.scrollTo(0, 0);
  }

  for (const select of selects) select.addEventListener("change", chosen);
  window.addEventListener("hashchange", fromAddress);
  choices.hidden = false;
  fromAddress();
})();
