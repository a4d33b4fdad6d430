// The whole way in the browser alone, without a script where `TENURE_SCRIPT` says `off`: an admin signs in, sees what was
// read, has it read anew, opens the plan and invites a second person; she approves with a note; it is carried out; the
// proof is checked. What was seen on the way is one JSON document on standard output.
import { open, signIn, finish, DESKTOP } from "./look.mjs";

const { TENURE_BASE: base, TENURE_LINK: link } = process.env;
const seen = {};
const browser = await open();
const context = () => browser.newContext({ viewport: DESKTOP, javaScriptEnabled: process.env.TENURE_SCRIPT !== "off" });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Loads a page again and again until it shows what is waited for. */
async function until(page, path, there, what) {
  for (let times = 0; times < 120; times += 1) {
    await page.goto(base + path);
    if (await there()) return;
    await wait(500);
  }
  throw new Error(`${what} did not come: ${(await page.locator("main").innerText()).slice(0, 600)}`);
}

try {
  const admin = await (await context()).newPage();
  await signIn(admin, link);
  seen.connections = await admin.locator("#connections ~ .wide tbody tr, section:has(#connections) tbody tr").count();

  // The first read, asked for app by app, until each was read completely.
  await admin.getByRole("link", { name: "Apps", exact: true }).click();
  await admin.waitForURL("**/apps");
  const names = await admin.locator("tbody th a").allInnerTexts();
  for (const name of names) {
    await admin.goto(`${base}/apps/${name}`);
    await admin.getByRole("button", { name: "Read it now" }).click();
    await admin.waitForURL("**/apps/*done=pulling");
  }
  for (const name of names) {
    const good = () => admin.locator("h1 .chip.good").isVisible();
    await until(admin, `/apps/${name}`, good, `a complete read of ${name}`);
  }
  seen.read = names;

  // A plan with something that waits for somebody.
  const waits = async () => (await admin.locator(".step.waits").count()) > 0;
  await until(admin, "/plan", waits, "a step that waits");
  seen.plan = await admin.locator("h1 .id").innerText();
  seen.own_yes = await own(admin);

  // The second person.
  await admin.goto(`${base}/sessions`);
  await admin.getByLabel("Whom: their address").fill("mia@acme.example");
  await admin.getByRole("combobox", { name: /^As/ }).and(admin.locator("select")).selectOption("approver");
  await admin.getByRole("button", { name: "Make a link" }).click();
  const second = (await admin.locator("#made-link").innerText()).trim();
  const mia = await (await context()).newPage();
  await signIn(mia, second);
  await mia.getByRole("link", { name: /waits? for approval/ }).click();
  await mia.waitForURL("**/plans/**");
  seen.waiting = await mia.locator(".step.waits").count();
  seen.mia_applies = await mia.getByRole("button", { name: /Carry out/ }).count();
  await mia.locator(".step.waits input[type=checkbox]").first().check();
  await mia.getByLabel("Note").first().fill("agreed with Jane's manager");
  await mia.getByRole("button", { name: "Approve chosen" }).click();
  await mia.getByText("Your yes is written down.").waitFor();
  const all = mia.getByRole("button", { name: /^Approve all/ });
  if (await all.count()) {
    await all.click();
    await all.waitFor({ state: "detached" });
  }

  // It is carried out, by the daemon or by the admin's word, and nothing waits any more.
  const empty = async () => {
    const carry = admin.getByRole("button", { name: /^Carry out/ });
    if (await carry.count()) {
      await carry.click();
      await admin.waitForURL("**/plans/*done=*");
      return false;
    }
    return (await admin.locator(".step:not(:has(.hand))").count()) === 0;
  };
  await until(admin, "/plan", empty, "an empty plan");

  // The proof.
  await admin.goto(`${base}/audit`);
  await admin.getByRole("link", { name: "Check the chain" }).click();
  await admin.getByText(/^The chain is/).first().waitFor();
  seen.proof = await admin.getByRole("status").innerText();
  await admin.goto(`${base}/audit?q=agreed+with+jane%27s+manager`);
  seen.note_rows = await admin.locator("table.journal tbody tr").count();
  await admin.goto(`${base}/audit?q=step_ended+done`);
  await admin.locator('table.journal a[href^="/steps/"]').first().click();
  await admin.locator(".story").waitFor();
  seen.story = await admin.locator(".story > li > h2").allInnerTexts();

  // Somebody leaves.
  await admin.goto(`${base}/people?q=support&state=active`);
  await admin.locator("tbody th a").last().click();
  await admin.waitForURL("**/people/*");
  seen.leaver = (await admin.locator("h1").innerText()).split("\n")[0];
  await admin.getByLabel(/leaves now$/).check();
  await admin.getByRole("button", { name: "Leave now" }).click();
  await admin.waitForURL("**/leavers/**");
  await admin.getByText("They leave: it is written down").waitFor();
  const closed = async () => (await admin.locator(".checklist li").count()) > 0 && (await admin.locator(".checklist li.open").count()) === 0;
  await until(admin, new URL(admin.url()).pathname, closed, "a closed departure");
  seen.closed = await admin.locator(".checklist li.closed").count();

  await admin.getByRole("button", { name: "Sign out" }).click();
  await admin.waitForURL("**/sign-in*");
  await admin.goto(`${base}/plan`);
  seen.signed_out = new URL(admin.url()).pathname;
  finish({ seen });
} catch (error) {
  finish({ seen, failed: String(error) });
} finally {
  await browser.close();
}

/** What an admin, whom the policy does not name, is told of their own yes. */
async function own(page) {
  await page.getByText("not yours to decide").first().waitFor();
  if (await page.getByRole("button", { name: /^Approve all/ }).count()) throw new Error("somebody may say yes whom no policy names");
  return (await page.locator("main").innerText()).trim();
}
