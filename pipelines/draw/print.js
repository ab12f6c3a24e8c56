// The print button of pages that have no other script. Without it the page still shows everything.
"use strict";
document.getElementById("print").addEventListener("click", () => window.print());
