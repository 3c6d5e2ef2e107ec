(function () {
  var box = document.getElementById("search"), out = document.getElementById("found");
  var rules = JSON.parse(document.getElementById("rules").textContent);
  document.getElementById("searching").hidden = false;
  box.addEventListener("input", function () {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    out.textContent = "";
    if (!words.length) return;
    var hits = rules.filter(function (rule) {
      return words.every(function (word) { return rule.w.indexOf(word) >= 0; });
    });
    hits.slice(0, 50).forEach(function (rule) {
      var item = document.createElement("li"), link = document.createElement("a");
      link.href = rule.u; link.textContent = rule.t;
      item.appendChild(link); out.appendChild(item);
    });
    if (!hits.length) {
      var none = document.createElement("li");
      none.textContent = "No rule holds all these words."; out.appendChild(none);
    }
  });
})();
