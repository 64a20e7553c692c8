// Opens the pages of a catalog in Chromium, from the folder, as a reader does. Prints {"problems": […], …}.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, text] = process.argv.slice(2);
const job = JSON.parse(text);
const require = createRequire(modules + "/");
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const root = pathToFileURL(job.site).href + "/";
const problems = [];
let here = "";
const say = (problem) => problems.push(`${here}: ${problem}`);

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => fs.existsSync(p));
if (program === undefined) throw new Error("chromium is missing: run scripts/setup --tests");
const browser = await puppeteer.launch({
  executablePath: program, headless: true, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

async function open(address, { width = 1440, scheme = "light", media = "screen" } = {}) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  // Each of the two takes back what the other said.
  if (media === "print") await page.emulateMediaType(media);
  else await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  page.on("console", (message) => { if (["error", "warn"].includes(message.type())) say(`console: ${message.text()}`); });
  page.on("pageerror", (error) => say(`error: ${error.message}`));
  page.on("dialog", async (dialog) => { say(`a dialog: ${dialog.message()}`); await dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(root) && !request.url().startsWith("http://127.0.0.1")) say(`asks for ${request.url()}`);
  });
  await page.goto(address, { waitUntil: "load" });
  return page;
}

async function accessible(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  for (const violation of result.violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`);
    say(`axe ${violation.id} (${violation.nodes.length}): ${nodes.join(" | ")}`);
  }
}

// Everything that can be used is reached with the Tab key, and shows that it is focused.
async function keyboard(page) {
  const wanted = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], input, summary, [tabindex='0']")];
    const shown = all.filter((e) => e.checkVisibility() && e.closest("details:not([open]) > :not(summary)") === null);
    shown.forEach((e, i) => { e.setAttribute("data-wanted", i); });
    return shown.length;
  });
  const seen = new Set();
  for (let i = 0; i < wanted + 5; i += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (e.dataset.wanted === undefined) return null;
      return { id: e.dataset.wanted, isMarked: e.matches(":focus-visible") };
    });
    if (at === null) continue;
    if (!at.isMarked) say(`element ${at.id} is focused and does not show it`);
    seen.add(at.id);
  }
  if (seen.size < wanted) {
    const missed = await page.evaluate((seen) => [...document.querySelectorAll("[data-wanted]")]
      .filter((e) => !seen.includes(e.dataset.wanted)).slice(0, 3).map((e) => e.outerHTML.slice(0, 150)), [...seen]);
    say(`the keyboard reaches ${seen.size} of ${wanted}: not ${missed.join(" | ")}`);
  }
  return seen.size;
}

const list = fs.readFileSync(path.join(job.site, ".catalog-files"), "utf8").split("\n").filter((f) => f.endsWith(".html"));
const first = (start) => list.find((file) => file.startsWith(start));
const runs = list.filter((file) => file.startsWith("runs/"));
const pages = [
  ["home", "index.html"], ["tables", "tables.html"], ["lineage", "lineage.html"], ["runs", "runs.html"],
  ["entity", first("entities/sales-")], ["table", first("tables/core.evo_receivables-")],
  ["staging", first("tables/stg_evo.sales_raw-")], ["dimension", first("tables/core.evo_employees-")],
  ["view", first("tables/reports.revenue-")], ["hostile", first("tables/core.0-script")],
  ["load", runs.find((file) => fs.readFileSync(path.join(job.site, file), "utf8").includes("Timeline"))],
];
for (const [name, file] of pages) {
  if (file === undefined) { problems.push(`there is no page for ${name}`); continue; }
  for (const [width, scheme, media] of [[1440, "light", "screen"], [360, "dark", "screen"], [800, "light", "print"]]) {
    here = `${name} ${width} ${scheme} ${media}`;
    const page = await open(root + file, { width, scheme, media });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0 && media === "screen") say(`the page is ${overflow} pixels wider than the window`);
    if (media === "screen") await accessible(page);
    await page.screenshot({ path: path.join(job.screenshots, `${name}-${width}-${scheme}-${media}.png`), fullPage: width === 1440 });
    await page.close();
  }
}

// Every other page opens without an error.
for (const file of list) {
  here = file;
  const page = await open(root + file);
  if ((await page.$("h1")) === null) say("has no heading");
  await page.close();
}

let focused = 0;
for (const name of ["home", "table"]) {
  here = `keyboard on ${name}`;
  const page = await open(root + pages.find(([own]) => own === name)[1]);
  focused += await keyboard(page);
  await page.close();
}

for (const [words, expected] of job.searches) {
  here = `search for ${words}`;
  const page = await open(root + pages[4][1]);
  await page.keyboard.press("/");
  await page.keyboard.type(words);
  await page.waitForFunction(() => document.getElementById("count").textContent !== "", { timeout: 10000 }).catch(() => say("no answer"));
  const shown = await page.$$eval("#found li bdi", (items) => items.slice(0, 3).map((item) => item.textContent));
  if (!shown.some((name) => name.includes(expected))) { say(`finds ${JSON.stringify(shown)}`); continue; }
  if (words === "amount_paid") await page.screenshot({ path: path.join(job.screenshots, "search.png") });
  await page.keyboard.press("ArrowDown");
  const option = await page.evaluate(() => document.getElementById("q").getAttribute("aria-activedescendant"));
  if (option !== "found-0") say(`the arrow chooses ${option}`);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  if (!page.url().includes("/tables/")) say(`leads to ${page.url()}`);
  await page.close();
}

here = "numbers of a plot";
{
  const page = await open(root + pages[0][1]);
  await page.evaluate(() => document.querySelector("svg[data-plot]").focus());
  await page.keyboard.press("End");
  const said = await page.$eval(".readout", (e) => e.textContent);
  if (!/\d{4}-\d\d-\d\d: written [\d,]+/.test(said)) say(`the readout is ${JSON.stringify(said)}`);
  await page.close();
}
here = "what flows through a node";
{
  const page = await open(root + pages[5][1]);
  await page.hover(".node[data-n='1'] rect");
  const lit = await page.$$eval(".edge.on", (edges) => edges.length);
  if (lit < 1) say("no edge is shown");
  await page.close();
}
await browser.close();
process.stdout.write(JSON.stringify({ problems, pages: pages.length, focused }));
