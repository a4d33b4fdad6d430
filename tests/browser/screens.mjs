// Every screen on a desktop and on a phone, light and dark: pictures, what axe finds, how large a page is; then the
// keyboard alone. What is wrong is one JSON document on standard output.
import { open, signIn, lookAt, finish, DESKTOP } from "./look.mjs";

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
  finish({ wrong, screens: Object.keys(screens) });
} catch (error) {
  finish({ wrong: [...wrong, String(error)], screens: [] });
} finally {
  await browser.close();
}
