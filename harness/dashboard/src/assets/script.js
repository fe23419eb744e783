"use strict";
// The live page asks for what is new, once a second while it is seen.
(() => {
  const place = document.getElementById("live");
  if (!place) return;
  let shown = "";
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset.from);
        if (!answer.ok) throw new Error(answer.statusText);
        const text = await answer.text();
        // The server escaped everything in it.
        if (text !== shown) place.innerHTML = text;
        shown = text;
      } catch {
        if (shown !== null) place.insertAdjacentText("afterbegin", place.dataset.lost);
        shown = null;
      }
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
})();
