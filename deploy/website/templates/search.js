const asked = new URLSearchParams(location.search).get("q") ?? "";
const words = asked.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
document.getElementById("words").value = asked;
for (const entry of document.querySelectorAll("[data-words]")) {
  entry.hidden = !words.every((word) => entry.dataset.words.includes(` ${word}`));
}
