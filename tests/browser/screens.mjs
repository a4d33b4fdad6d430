// Every screen on a desktop and on a phone, light and dark: pictures, what axe finds, how large a page is; then the
// keyboard alone. What is wrong is one JSON document on standard output.
import { open, signIn, lookAt, firstWords, finish, DESKTOP, PHONE } from "./look.mjs";

/** What a slow phone may wait for the first words, with a program that is built for tests and a machine that does more. */
const WORDS_MAX_MS = 2000;

const { TENURE_BASE: base, TENURE_LINK: link, TENURE_PICTURES: pictures } = process.env;
const browser = await open();
const wrong = [];
try {
  const context = await browser.newContext({ viewport: DESKTOP });
  const page = await context.newPage();
  await signIn(page, link);
  const first = async (path, place) => {
    await page.goto(base + path);
    const found = page.locator(place).first();
    return (await found.count()) ? found.getAttribute("href") : undefined;
  };
  const screens = {
    today: "/",
    plan: "/plan",
    person: await first("/people?q=support&state=active", "tbody th a"),
    app: await first("/apps", "tbody tr:nth-child(2) th a"),
    match: "/match",
    leaver: await first("/leavers", "tbody th a"),
    trace: await first("/audit?q=step_started+create", 'table.journal a[href^="/steps/"]'),
    rules: "/rules",
    connect: await first("/connect", ".catalogue li:nth-child(2) h2 a"),
    audit: "/audit/verify",
    people: "/people",
    apps: "/apps",
    leavers: "/leavers",
    catalogue: "/connect",
    access: "/sessions",
    print: "/audit/print",
    "sign-in": "/sign-in",
  };
  for (const [name, path] of Object.entries(screens)) if (!path) wrong.push(`no ${name} to look at`);
  wrong.push(...(await lookAt(browser, base, await context.storageState(), screens, pictures)));

  // By key alone: the first key shows the way past the navigation, and everything that can be pressed can be reached.
  await page.goto(`${base}/match`);
  await page.keyboard.press("Tab");
  if ((await page.evaluate(() => document.activeElement.className)) !== "skip") wrong.push("the first key does not offer to skip");
  await page.keyboard.press("Enter");
  if ((await page.evaluate(() => document.activeElement.id)) !== "main") wrong.push("skipping does not lead to the page");
  await page.keyboard.press("j");
  if ((await page.evaluate(() => document.activeElement.className)) !== "case") wrong.push("`j` does not lead to a case");
  for (const path of ["/", "/plan", "/match", "/audit"]) {
    await page.goto(base + path);
    const all = await page.locator("main a, main button, main input:not([type=hidden]), main select, main textarea").count();
    const reached = new Set();
    for (let times = 0; times < all + 40; times += 1) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => {
        const all = [...document.querySelectorAll("main a, main button, main input:not([type=hidden]), main select, main textarea")];
        return all.indexOf(document.activeElement);
      }));
    }
    reached.delete(-1);
    const radios = await page.locator("main input[type=radio]").count();
    if (reached.size + radios < all) wrong.push(`${path}: ${reached.size} of ${all} are reached by key`);
  }

  // A slow phone shows the first words soon.
  const phone = await browser.newContext({ viewport: PHONE, storageState: await context.storageState() });
  const waits = {};
  for (const name of ["today", "plan", "person", "app"]) {
    waits[name] = await firstWords(phone, base + screens[name]);
    if (waits[name] > WORDS_MAX_MS) wrong.push(`${name}: the first words after ${waits[name]} ms on a slow phone`);
  }
  await phone.close();

  // The whole console goes to an earlier moment, says so, lets nothing be done, and comes back.
  await page.goto(`${base}/plan`);
  await page.locator("details.moment summary").click();
  await page.getByLabel("Moment (UTC)").fill("2020-01-01T12:00");
  await page.getByRole("button", { name: "Look at the past" }).click();
  const past = page.getByText("This page is shown as of");
  await past.waitFor();
  if (!page.url().startsWith(`${base}/plan`)) wrong.push(`the switch leads away: ${page.url()}`);
  if (await page.getByRole("button", { name: /^Approve/ }).count()) wrong.push("something can be approved in the past");
  await page.goto(`${base}/people`);
  await past.waitFor();
  if (await page.locator("tbody th a").count()) wrong.push("somebody was known in 2020");
  await page.getByRole("button", { name: "Back to now" }).click();
  await past.waitFor({ state: "detached" });
  if (!(await page.locator("tbody th a").count())) wrong.push("nobody is known now");
  finish({ wrong, waits, screens: Object.keys(screens) });
} catch (error) {
  finish({ wrong: [...wrong, String(error)], screens: [] });
} finally {
  await browser.close();
}
