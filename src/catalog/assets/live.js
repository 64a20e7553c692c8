"use strict";
// Only pages that evo catalog --serve sends have this script: it loads the page again when something was loaded.
let known = null;
setInterval(async () => {
  const reply = await fetch("/-/version", { cache: "no-store" }).catch(() => null);
  if (reply === null || !reply.ok) return;
  const version = await reply.text();
  if (known !== null && version !== known) location.reload();
  known = version;
}, 2000);
