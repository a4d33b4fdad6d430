//! `tenure demo`: the whole walk against a sandbox, told as a story. Everything in it is really done over HTTP by the
//! same verbs that the other commands call; the demo only chooses when to call them and says what to look at.

use crate::arguments::{Common, DemoArguments};
use crate::commands::{apply, audit, findings, lists, plan, pull};
use crate::exit::Exit;
use crate::output::Output;
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tenure_core::change::{ApprovalState, Plan};
use tenure_engine::clock::Clock;
use tenure_engine::decide::{Verdict, judge_steps};
use tenure_engine::house::House;
use tenure_engine::progress::Progress;
use tenure_engine::reconcile::{Scope, company};
use tenure_sandbox::{Options, Sandbox, Vendor};

const REQUESTER: &str = "demo@acme.example";

/// Plays the story.
pub async fn run(arguments: &DemoArguments, common: &Common, output: &Output) -> anyhow::Result<Exit> {
    let kept = arguments.out.clone();
    let folder = kept
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("tenure-demo-{}-{}", std::process::id(), arguments.seed)));
    if folder.join("tenure.db").exists() {
        anyhow::bail!("{} holds an earlier demo; name another folder", folder.display());
    }
    let options = Options { people: arguments.people, seed: arguments.seed, ..Options::default() };
    let sandbox = tenure_sandbox::start(options).await.context("start the sandbox")?;
    let story = Story {
        sandbox: &sandbox,
        folder: &folder,
        output: Output { quiet: common.quiet, ..output.clone() },
        told: !output.json,
    };
    let outcome = story.tell().await;
    sandbox.stop().await;
    if kept.is_none() {
        let _ = std::fs::remove_dir_all(&folder);
    }
    let summary = outcome?;
    if output.json {
        output.document(&summary)?;
    }
    Ok(Exit::Done)
}

struct Story<'a> {
    sandbox: &'a Sandbox,
    folder: &'a Path,
    output: Output,
    told: bool,
}

/// What the demo reports as JSON.
#[derive(serde::Serialize)]
struct Summary {
    pulls: Vec<tenure_engine::view::PullView>,
    plan: Plan,
    apply: tenure_engine::apply::ApplyReport,
    second_plan: Plan,
    audit: tenure_engine::audit::Checked,
}

impl Story<'_> {
    async fn tell(&self) -> anyhow::Result<Summary> {
        let began = std::time::Instant::now();
        let files = self.sandbox.write_files(self.folder).context("write the configuration")?;
        self.chapter("1 · A company", "Five apps and an HR file, imitated on this machine; no account anywhere.");
        self.say(format!(
            "{} people in HR; the apps answer under http://{}",
            self.sandbox.company().yesterday.len(),
            self.sandbox.addr()
        ));
        let house = House::open(&files.config, Clock::system()).await?;

        self.chapter("2 · Pull", "Every app and source is read into one graph. Only a complete read proves absence.");
        self.pull(&house).await?;
        self.first_look(&house).await?;

        self.chapter(
            "3 · A bad export",
            "HR's export goes wrong: a shifted column marks most of the company as terminated.",
        );
        self.bad_export(&house, &files.people).await?;

        self.chapter(
            "4 · The next morning",
            "HR sends a new export: people joined, moved, left, came back, changed names.",
        );
        self.next_morning(&files.people, &files.people_today)?;
        let pulls = self.pull(&house).await?;

        self.chapter(
            "5 · Plan",
            "Policy says who should hold what; the plan is the difference. Nothing is written yet.",
        );
        let plan = tenure_engine::plan::make_plan(&house, &Scope::default(), REQUESTER).await?;
        self.show_plan(&house, &plan).await?;
        ensure!(!plan.steps.is_empty(), "the demo's plan is empty; that is a fault of ours");

        self.chapter("6 · Approve", "Privileged and irreversible steps wait for a person who is not the one asking.");
        self.approve(&house, &plan).await?;

        self.chapter("7 · Apply", "Each step: journal, look, act, read back every field, journal.");
        let report = tenure_engine::apply::apply(&house, &plan, REQUESTER, &Progress::silent()).await?;
        if self.told {
            apply::show(&plan, &report, &self.output)?;
        }

        self.chapter("8 · Proof", "Everything is read again. A plan made now has nothing left to do.");
        self.pull(&house).await?;
        let second_plan = tenure_engine::plan::make_plan(&house, &Scope::default(), REQUESTER).await?;
        self.show_plan(&house, &second_plan).await?;
        let checked = tenure_engine::audit::verify(&house, &[]).await?;
        if self.told {
            audit::show(&checked, &self.output)?;
        }
        self.numbers(began.elapsed().as_secs_f64());
        house.close().await;
        ensure!(checked.broken.is_none(), "the journal's chain is broken");
        ensure!(second_plan.steps.is_empty(), "the second plan is not empty: {} steps", second_plan.steps.len());
        Ok(Summary { pulls, plan, apply: report, second_plan, audit: checked })
    }

    async fn pull(&self, house: &House) -> anyhow::Result<Vec<tenure_engine::view::PullView>> {
        let pulls = tenure_engine::pull::pull(
            house,
            &house.names(),
            tenure_engine::pull::Reach::Everything,
            &Progress::silent(),
        )
        .await?;
        tenure_engine::reconcile::pin_links(house).await?;
        if self.told {
            pull::show(&pulls, &self.output)?;
        }
        Ok(pulls)
    }

    async fn first_look(&self, house: &House) -> anyhow::Result<()> {
        if !self.told {
            return Ok(());
        }
        let company = company(house, &Scope::default()).await?;
        let found = company.judge(house, None).await?;
        self.say(format!("\n{}", lists::graph_summary(&found)));
        self.say("\nOne person across everything:".to_owned());
        let jane = tenure_engine::answer::person_of(house, &found, "jane.doe@acme.example", None).await?;
        crate::commands::who::show(&jane, &self.output)?;
        self.say("\nWhat a person should know:".to_owned());
        let all: Vec<_> = found.findings.iter().collect();
        findings::show(&all, &self.output)
    }

    /// Shows that a plan which would take too much away is held as a whole, and that nothing of it can be applied.
    async fn bad_export(&self, house: &House, people: &PathBuf) -> anyhow::Result<()> {
        let good = std::fs::read_to_string(people)?;
        std::fs::write(people, good.replace(",active,", ",terminated,"))?;
        self.pull(house).await?;
        let plan = tenure_engine::plan::make_plan(house, &Scope::default(), REQUESTER).await?;
        std::fs::write(people, good)?;
        ensure!(!plan.held.is_empty(), "a plan that removes everybody was not held");
        let removals = plan.steps.iter().filter(|step| step.effect.is_removal()).count();
        ensure!(removals == 0, "{removals} removals of a plan that removes everybody were not held");
        let mut guards: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for hold in &plan.held {
            guards.entry(&hold.guard).or_insert((0, &hold.because)).0 += 1;
        }
        for (guard, (held, because)) in guards {
            self.say(format!("guard {guard} holds {held} steps: {because}"));
        }
        self.say(format!("{} steps may run. HR mends the export.", plan.steps.len()));
        Ok(())
    }

    fn next_morning(&self, people: &PathBuf, today: &PathBuf) -> anyhow::Result<()> {
        let before = std::fs::read_to_string(people)?;
        let after = std::fs::read_to_string(today)?;
        if self.told {
            let known: std::collections::BTreeSet<&str> = before.lines().collect();
            for line in after.lines().filter(|line| !known.contains(line)) {
                self.output.line(format!("  {line}"));
            }
        }
        std::fs::copy(today, people)?;
        Ok(())
    }

    async fn approve(&self, house: &House, plan: &Plan) -> anyhow::Result<()> {
        let waiting = plan.steps.iter().filter(|step| step.approval.state == ApprovalState::Waiting).count();
        self.say(format!("{waiting} steps wait; mia@acme.example of security looks at them and says yes"));
        if waiting > 0 {
            let note = Some("agreed in the morning call".to_owned());
            judge_steps(house, &[plan.id.to_string()], Verdict::Approve, "mia@acme.example", note).await?;
        }
        Ok(())
    }

    async fn show_plan(&self, house: &House, plan: &Plan) -> anyhow::Result<()> {
        if self.told {
            self.output.line(plan::story(&tenure_engine::answer::told(house, plan.clone()).await?));
        }
        Ok(())
    }

    fn numbers(&self, seconds: f64) {
        let statistics = self.sandbox.statistics();
        let of = |count: fn(tenure_sandbox::VendorStatistics) -> u64| -> u64 {
            Vendor::ALL.iter().map(|vendor| count(statistics.of(*vendor))).sum()
        };
        self.say(format!(
            "\n{} requests, {} of them writes, {} answered with 429; {seconds:.1} s in all",
            of(|seen| seen.requests),
            of(|seen| seen.writes),
            of(|seen| seen.throttled)
        ));
        self.say("next: tenure init, then connect your first app (README, \"Your first app\")".to_owned());
    }

    fn chapter(&self, title: &str, text: &str) {
        if self.told {
            self.output.line(format!("\n━━ {title} {}\n{text}\n", "━".repeat(60_usize.saturating_sub(title.len()))));
        }
    }

    fn say(&self, text: String) {
        if self.told {
            self.output.line(text);
        }
    }
}
