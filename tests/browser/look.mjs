// Looks at every screen of a console that runs: takes pictures, asks axe, counts bytes. What it finds is one JSON
// document on standard output; the test that started it judges.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.env.TENURE_BROWSER_MODULES, "node_modules", "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const open = () =>
  chromium.launch({ executablePath: process.env.TENURE_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1200, height: 780 };

/** Signs somebody in by a link, as a person does. */
export async function signIn(page, link) {
  await page.goto(link);
  await page.getByRole("button", { name: /^Sign in as/ }).click();
  await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
}

/** What axe finds that is serious or worse. A page may not run scripts of others, so axe is put in by the debugger. */
export async function serious(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" ¦ ")}`);
}

/** Looks at screens in all four ways; returns what is wrong. */
export async function lookAt(browser, base, state, screens, folder) {
  mkdirSync(folder, { recursive: true });
  const wrong = [];
  for (const [form, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport, colorScheme, storageState: state, reducedMotion: "reduce" });
      const page = await context.newPage();
      page.on("console", (said) => {
        if (said.type() === "error") wrong.push(`${page.url()}: ${said.text()}`);
      });
      for (const [name, path] of Object.entries(screens)) {
        const answer = await page.goto(base + path);
        const bytes = (await answer.body()).length;
        if (answer.status() !== 200) wrong.push(`${path}: ${answer.status()}`);
        if (bytes > 150_000) wrong.push(`${path}: ${bytes} bytes`);
        await picture(page, join(folder, `${name}-${form}-${colorScheme}.png`));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) wrong.push(`${path} on ${form}: ${wide} px too wide`);
        for (const one of await serious(page)) wrong.push(`${path} on ${form}, ${colorScheme}: ${one}`);
      }
      await context.close();
    }
  }
  return wrong;
}

/** How long a slow phone waits for the first words of a page, in milliseconds: the middle one of three looks, with a
 * processor four times slower and a network of 1.6 Mbit/s and 150 ms; with nothing kept of an earlier visit. */
export async function firstWords(context, url) {
  const waits = [];
  for (let times = 0; times < 3; times += 1) {
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    const slow = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 };
    await devtools.send("Network.enable");
    await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
    await devtools.send("Network.emulateNetworkConditions", slow);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    await page.goto(url);
    const painted = () =>
      new Promise((told) => {
        const told_of = (entries) => entries.find((one) => one.name === "first-contentful-paint")?.startTime;
        new PerformanceObserver((list) => told_of(list.getEntries()) !== undefined && told(told_of(list.getEntries()))).observe({
          type: "paint",
          buffered: true,
        });
      });
    waits.push(await page.evaluate(painted));
    await page.close();
  }
  return Math.round(waits.sort((one, other) => one - other)[1]);
}

export function finish(result) {
  writeFileSync(1, JSON.stringify(result) + "\n");
}

/** Takes a picture; a machine that is short of memory or time refuses one now and then, which says nothing of the page. */
async function picture(page, path) {
  for (let tries = 1; ; tries++) {
    try {
      return await page.screenshot({ path, fullPage: false });
    } catch (error) {
      if (tries === 3 || !`${error}`.includes("captureScreenshot")) throw error;
      await page.waitForTimeout(500 * tries);
    }
  }
}
