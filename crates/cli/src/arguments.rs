//! What the program can be asked, as clap knows it. Help, completions and the manual page are generated from here.
//! Each command's arguments go to the file of that command; nothing is decided here.
//! It deliberately knows neither the store nor any app.

mod console;
mod credentials;

pub use console::{ConsoleArguments, ConsoleCommand};
pub use credentials::{ScimArguments, ScimCommand, ScimReplayArguments, TokenArguments, TokenCommand};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Knows who holds what in every SaaS app of a company, and makes it what it should be.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, about, arg_required_else_help = true, propagate_version = true)]
#[command(after_help = "Examples:
  tenure demo                      the whole walk against a sandbox, nothing to configure
  tenure init && tenure check      start with your own apps
  tenure pull && tenure plan       read everything, see what would change
  tenure apply                     do the approved steps of the newest plan

Exit codes: 0 done, or nothing to do · 1 usage or configuration · 2 there are changes, or problems ·
3 held by a guard or waiting for approval · 4 finished, with failed steps or partial reads ·
5 a remote side could not be reached · 70 our own fault")]
pub struct Arguments {
    /// What all commands take.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What all commands take.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The configuration file
    #[arg(long, global = true, env = "TENURE_CONFIG", default_value = "tenure.toml", value_name = "PATH")]
    pub config: PathBuf,
    /// Lets this server do it, with the token of TENURE_TOKEN, instead of the store beside the configuration
    #[arg(long, global = true, env = "TENURE_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Prints one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Prints no progress and no advice
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// The form of log lines on standard error
    #[arg(long, global = true, env = "TENURE_LOG_FORM", value_enum, default_value = "text", value_name = "FORM")]
    pub log: LogForm,
    /// Says more on standard error; twice for each request
    #[arg(short, long = "verbose", global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Which form log lines take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// The commands, in the order of the walk.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Writes a commented tenure.toml and policy.toml
    #[command(
        after_help = "Examples:\n  tenure init            asks what it needs to know\n  tenure init --yes      takes the defaults"
    )]
    Init(InitArguments),
    /// Validates files, secrets, credentials, rights, prerequisites and the clock; says who must do what
    #[command(
        after_help = "Examples:\n  tenure check\n  tenure check --offline    files and secrets only, no request is sent"
    )]
    Check(CheckArguments),
    /// Looks at the installation: files, key, store, disk, journal, steps in doubt, old reads, tokens; asks no app
    #[command(
        after_help = "Examples:\n  tenure doctor\n  tenure doctor --json | jq '.checks[] | select(.verdict != \"good\")'\n\nExit code 2 where something must be done. What the apps say of themselves is for `tenure check`."
    )]
    Doctor,
    /// Reads sources and targets into the store
    #[command(after_help = "Examples:\n  tenure pull\n  tenure pull gorgias hr\n  tenure pull --full")]
    Pull(PullArguments),
    /// Lists people
    #[command(
        after_help = "Examples:\n  tenure identities\n  tenure identities --where 'identity.state == \"left\"' --format csv"
    )]
    Identities(ListArguments),
    /// Lists accounts
    #[command(
        after_help = "Examples:\n  tenure accounts --connection gorgias\n  tenure accounts --where 'account.state == \"invited\"'\n  tenure accounts --as-of 2026-11-01T00:00:00Z"
    )]
    Accounts(ListArguments),
    /// Lists what accounts are granted
    #[command(after_help = "Examples:\n  tenure grants --where 'grant.privileged'")]
    Grants(ListArguments),
    /// Shows one person across everything: accounts, grants, links and why
    #[command(after_help = "Examples:\n  tenure who jane@acme.com\n  tenure who E1042 --as-of 2026-11-01T00:00:00Z")]
    Who(WhoArguments),
    /// Walks back from an account, a step or a finding to its causes
    #[command(after_help = "Examples:\n  tenure why gorgias/42\n  tenure why s-0a1b2c3d4e5f6071")]
    Why(WhyArguments),
    /// Tells the story of a step: source cell, rule, approvals, requests, what was read back
    #[command(after_help = "Examples:\n  tenure trace s-0a1b2c3d4e5f6071\n  tenure trace s-0a1b2c3d4e5f6071 --json")]
    Trace(TraceArguments),
    /// Lists what a person should know
    #[command(after_help = "Examples:\n  tenure findings\n  tenure findings --kind leaver_active --fail-on high")]
    Findings(FindingsArguments),
    /// Shows what would change, what is held and why, and what it costs
    #[command(
        after_help = "Examples:\n  tenure plan\n  tenure plan --only gorgias --identity jane@acme.com\n  tenure plan --out plan.json"
    )]
    Plan(PlanArguments),
    /// Says yes to a plan or to steps
    #[command(
        after_help = "Examples:\n  tenure approve p-1f2e3d4c5b6a --as mia@acme.example\n  tenure approve s-0a1b2c3d4e5f6071 --as mia@acme.example --note 'agreed with Jane'"
    )]
    Approve(ApproveArguments),
    /// Says no to a plan or to steps
    #[command(
        after_help = "Examples:\n  tenure reject p-1f2e3d4c5b6a --as mia@acme.example --note 'not before Monday'"
    )]
    Reject(ApproveArguments),
    /// Does the approved steps, verifies each, reports each; goes on where it was stopped
    #[command(after_help = "Examples:\n  tenure apply\n  tenure apply p-1f2e3d4c5b6a --yes")]
    Apply(ApplyArguments),
    /// Halts all writes of some connections, or of all, in every process; what is under way ends, nothing else begins
    #[command(
        after_help = "Examples:\n  tenure stop --all --as mia@acme.example --note 'wrong roles'\n  tenure stop gorgias gladly --as mia@acme.example\n\n`apply` then ends with 3. `tenure resume` ends a stop; each is ended by itself."
    )]
    Stop(StopArguments),
    /// Ends a stop, so that writes go on with the next `apply`
    #[command(
        after_help = "Examples:\n  tenure resume gorgias --as mia@acme.example\n  tenure resume --all --as mia@acme.example    ends `stop --all`, not the stops of single connections"
    )]
    Resume(ResumeArguments),
    /// Plans the way back from a run, as a plan to be approved and applied; says what cannot be taken back
    #[command(
        after_help = "Examples:\n  tenure revert r-19ab3f0c5e2-4d2\n  tenure revert r-19ab3f0c5e2-4d2 --out back.json"
    )]
    Revert(RevertArguments),
    /// Somebody joins: decides it, pulls and plans for that person
    #[command(
        after_help = "Examples:\n  tenure join E1042\n  tenure join new@acme.com --set name='New Person' --set department=Support --at 2026-12-01"
    )]
    Join(LifecycleArguments),
    /// Somebody moves: decides it, pulls and plans for that person
    #[command(after_help = "Examples:\n  tenure move jane@acme.com --set department='Customer Success'")]
    Move(LifecycleArguments),
    /// Somebody leaves: decides it, pulls and plans for that person
    #[command(
        after_help = "Examples:\n  tenure leave jane@acme.com --yes\n  tenure leave jane@acme.com --at 2026-12-31T17:00:00Z"
    )]
    Leave(LifecycleArguments),
    /// Decides that an account is a person's
    #[command(after_help = "Examples:\n  tenure link gorgias/42 jane@acme.com")]
    Link(LinkArguments),
    /// Decides that an account is not a person's
    #[command(
        after_help = "Examples:\n  tenure unlink gorgias/42\n  tenure unlink gorgias/42 jane@acme.com    nobody's account is taken for hers again"
    )]
    Unlink(UnlinkArguments),
    /// Decides that an account, or the account of a finding, is to be left alone; that open sessions were seen to; or that an
    /// app's new form is right
    #[command(
        after_help = "Examples:\n  tenure exempt gorgias/7 --note 'reporting robot'\n  tenure exempt f-0123456789abcdef --note 'the field has moved'"
    )]
    Exempt(ExemptArguments),
    /// Checks, exports or anchors the journal
    #[command(
        after_help = "Examples:\n  tenure audit verify\n  tenure audit export > journal.jsonl\n  tenure audit verify --file journal.jsonl --anchors anchors.jsonl"
    )]
    Audit(AuditArguments),
    /// Reads, plans and carries out by itself what needs nobody's yes or has one; several may share a PostgreSQL store
    #[command(
        after_help = "Examples:\n  tenure serve\n  tenure serve --listen 127.0.0.1:8601    another one beside it, on the same PostgreSQL\n\nEach connection is read as its `every` or `schedule` says (every 15 minutes unless said). SIGTERM or Ctrl-C: the steps under\nway are finished, what is left goes to another process or to the next start; a second one ends at once.\nSIGHUP: the files are read anew, without losing work; if they are wrong, they stay as they were.\n`GET /healthz` tells a supervisor that it lives, `/readyz` (with a token) that it can work."
    )]
    Serve(ServeArguments),
    /// Prints what an alert needs, as text for Prometheus
    #[command(
        after_help = "Examples:\n  tenure metrics > /var/lib/node_exporter/tenure.prom.tmp && mv /var/lib/node_exporter/tenure.prom{.tmp,}"
    )]
    Metrics,
    /// Writes everything in the store to a file, as of one moment, while others go on writing
    #[command(
        after_help = "Examples:\n  tenure backup --to tenure-2026-11-25.backup\n  tenure backup --to - | age -r age1… > tenure.backup.age\n\nThe file is the same for SQLite and PostgreSQL, so it also moves a store from one to the other."
    )]
    Backup(BackupArguments),
    /// Puts a backup into the store of the configuration: an empty one, or instead of what it holds
    #[command(
        after_help = "Examples:\n  tenure restore --from tenure-2026-11-25.backup\n  tenure restore --from tenure-2026-11-25.backup --replace sqlite:tenure.db --yes\n\nThe file is checked whole first; everything or nothing is restored. Stop what uses the store before."
    )]
    Restore(RestoreArguments),
    /// Makes, lists and revokes tokens: credentials for the API, the console and SCIM clients
    Token(TokenArguments),
    /// The SCIM clients: who they are, what they send, recorded and sent again, and what they wish
    Scim(ScimArguments),
    /// The console in a browser: makes a link that signs somebody in once, lists and ends sessions
    Console(ConsoleArguments),
    /// The key with which secrets are sealed that several processes share: makes one, seals everything anew
    Key(KeyArguments),
    /// Lists the catalogue of apps
    #[command(after_help = "Examples:\n  tenure apps\n  tenure apps --json")]
    Apps,
    /// Shows, makes, checks or tests one app
    App(AppArguments),
    /// Runs imitations of five vendors and an HR file, with a ready configuration
    #[command(
        after_help = "Examples:\n  tenure sandbox --out rehearsal\n  tenure sandbox --people 1000 --fault '429:app=gorgias,rate=0.05'\n\nThen, in another terminal:\n  cd rehearsal && tenure pull && tenure plan"
    )]
    Sandbox(SandboxArguments),
    /// Sandbox, pull, findings, plan, approval, apply and proof in one go, told as a story
    #[command(after_help = "Examples:\n  tenure demo\n  tenure demo --people 500 --out rehearsal")]
    Demo(DemoArguments),
    /// Prints a JSON Schema, for editors
    #[command(after_help = "Examples:\n  tenure schema config > tenure.schema.json")]
    Schema(SchemaArguments),
    /// Prints completions for a shell
    #[command(after_help = "Examples:\n  tenure completions bash > /etc/bash_completion.d/tenure")]
    Completions(CompletionsArguments),
    /// Prints the manual page, or writes one for each command
    #[command(after_help = "Examples:\n  tenure man | man -l -\n  tenure man --out /usr/local/share/man/man1")]
    Man(ManArguments),
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Takes the defaults without asking
    #[arg(long, short)]
    pub yes: bool,
    /// Overwrites files that are there
    #[arg(long)]
    pub force: bool,
    /// The folder to write to
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub out: PathBuf,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Sends no request
    #[arg(long)]
    pub offline: bool,
    /// Only these connections
    #[arg(value_name = "CONNECTION")]
    pub connections: Vec<String>,
}

/// `pull`.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// Only these connections
    #[arg(value_name = "CONNECTION")]
    pub connections: Vec<String>,
    /// Reads everything, even where the app could tell what changed
    #[arg(long)]
    pub full: bool,
}

/// Which form a list takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// `identities`, `accounts` and `grants`.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Only what this CEL expression is true for
    #[arg(long = "where", value_name = "CEL")]
    pub filter: Option<String>,
    /// As it was at this moment (RFC 3339, or a time or a date in UTC)
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// The form of the list
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// `who`.
#[derive(Debug, Args)]
pub struct WhoArguments {
    /// An identity's id, employee id, address or name; or an account
    pub key: String,
    /// As it was at this moment (RFC 3339, or a time or a date in UTC)
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
}

/// `why`.
#[derive(Debug, Args)]
pub struct WhyArguments {
    /// An account (`gorgias/42`), a step (`s-…`) or a finding (`f-…`)
    pub thing: String,
}

/// `trace`.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// The step (`s-…`), as `plan` and `apply` show it
    pub step: String,
}

/// `findings`.
#[derive(Debug, Clone, Args)]
pub struct FindingsArguments {
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Ends with exit code 2 when there is a finding of this severity or worse
    #[arg(long, value_name = "SEVERITY", value_parser = ["high", "medium", "low"])]
    pub fail_on: Option<String>,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Only these connections
    #[arg(long, value_name = "CONNECTION", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only this person
    #[arg(long, value_name = "KEY")]
    pub identity: Option<String>,
    /// Writes the plan to this file as JSON, too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `approve` and `reject`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// Plans (`p-…`) or steps (`s-…`)
    #[arg(required = true, value_name = "PLAN|STEP")]
    pub things: Vec<String>,
    /// Lets run what this guard holds in the plan, in this plan only
    #[arg(long, value_name = "GUARD")]
    pub release: Vec<String>,
    #[command(flatten)]
    pub said: Said,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The plan; the newest one by default
    pub plan: Option<String>,
    /// Does not ask on a terminal
    #[arg(long, short)]
    pub yes: bool,
    /// Who asks for it
    #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
    pub by: Option<String>,
}

/// Whose word it is, and why.
#[derive(Debug, Args)]
pub struct Said {
    /// Who decides
    #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
    pub by: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// Which connections.
#[derive(Debug, Args)]
pub struct PlaceArguments {
    /// These connections
    #[arg(value_name = "CONNECTION", required_unless_present = "all", conflicts_with = "all")]
    pub connections: Vec<String>,
    /// Everywhere
    #[arg(long)]
    pub all: bool,
}

/// `stop`.
#[derive(Debug, Args)]
pub struct StopArguments {
    /// Where
    #[command(flatten)]
    pub places: PlaceArguments,
    #[command(flatten)]
    pub said: Said,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct ResumeArguments {
    /// Where
    #[command(flatten)]
    pub places: PlaceArguments,
    /// Who decides
    #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
    pub by: Option<String>,
}

/// `revert`.
#[derive(Debug, Args)]
pub struct RevertArguments {
    /// The run (`r-…`), as `apply` showed it
    pub run: String,
    /// Writes the plan to this file as JSON, too
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Who asks for it
    #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
    pub by: Option<String>,
}

/// `join`, `move` and `leave`.
#[derive(Debug, Args)]
pub struct LifecycleArguments {
    /// An identity's id, employee id, address or name
    pub key: String,
    /// From when on (RFC 3339, or a time or a date in UTC)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Sets an attribute
    #[arg(long = "set", value_name = "ATTR=VALUE")]
    pub set: Vec<String>,
    /// Applies the approved steps at once
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub said: Said,
}

/// `link`.
#[derive(Debug, Args)]
pub struct LinkArguments {
    /// An account, such as `gorgias/42`
    pub account: String,
    /// A person: id, employee id, address or name
    pub identity: String,
    #[command(flatten)]
    pub said: Said,
}

/// `unlink`.
#[derive(Debug, Args)]
pub struct UnlinkArguments {
    /// An account, such as `gorgias/42`
    pub account: String,
    /// A person; without one, the account is nobody's
    pub identity: Option<String>,
    #[command(flatten)]
    pub said: Said,
}

/// `exempt`.
#[derive(Debug, Args)]
pub struct ExemptArguments {
    /// An account (`gorgias/7`) or a finding (`f-…`)
    pub thing: String,
    #[command(flatten)]
    pub said: Said,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct AuditArguments {
    /// What to do with the journal
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What `audit` can do.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Checks the chain of the journal, and that it agrees with its anchors; names the first entry that does not hold
    #[command(
        after_help = "Examples:\n  tenure audit verify\n  tenure audit verify --file journal.jsonl --anchors anchors.jsonl"
    )]
    Verify {
        /// Checks this export; needs neither a configuration nor a store
        #[arg(long, value_name = "EXPORT")]
        file: Option<PathBuf>,
        /// Anchors that were kept elsewhere, one a line
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
    },
    /// Prints the journal, one entry a line, with a last line that says how many there are
    #[command(after_help = "Examples:\n  tenure audit export > journal.jsonl")]
    Export,
    /// Writes down outside of the store where the journal stands, now
    #[command(after_help = "Examples:\n  tenure audit anchor")]
    Anchor,
}

/// `backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The file, which must not be there yet; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Who asks for it
    #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
    pub by: Option<String>,
}

/// `restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Gives up what the store holds: its address, as tenure.toml has it
    #[arg(long, value_name = "STORE")]
    pub replace: Option<String>,
    /// Does not ask on a terminal
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub said: Said,
}

/// `key`.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// What to do
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What `key` can do.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Prints a new key; needs neither a configuration nor a store
    #[command(
        after_help = "Examples:\n  (umask 077; tenure key new > /etc/tenure/key)\n\nThen, in tenure.toml:\n  [store]\n  key = { file = \"/etc/tenure/key\" }"
    )]
    New,
    /// Lists which key seals how many values; never a key
    #[command(after_help = "Examples:\n  tenure key list")]
    List,
    /// Seals everything anew with the key of now, all or none
    #[command(
        after_help = "Examples:\n  tenure key rotate --as mia@acme.example\n\nTo change the key without a pause:\n  1. tenure key new > new.key\n  2. in tenure.toml: key = { file = \"new.key\" } and key_before = { file = \"old.key\" }; restart what runs\n  3. tenure key rotate --as WHO\n  4. take key_before out, and destroy old.key"
    )]
    Rotate {
        /// Drops what no key at hand opens
        #[arg(long)]
        drop_lost: bool,
        #[command(flatten)]
        said: Said,
    },
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The address to listen on; `listen` of `[server]` unless given, else 127.0.0.1:8600
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
}

/// `app`.
#[derive(Debug, Args)]
pub struct AppArguments {
    /// What to do
    #[command(subcommand)]
    pub command: AppCommand,
}

/// What `app` can do.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Shows what an app can and cannot do
    #[command(after_help = "Examples:\n  tenure app show gorgias")]
    Show {
        /// The app's name, or its folder
        name: String,
    },
    /// Makes a new app from a template, under apps/NAME
    #[command(after_help = "Examples:\n  tenure app new helpdesk")]
    New {
        /// The new app's name
        name: String,
        /// Even where it takes the place of an app of this program
        #[arg(long)]
        force: bool,
    },
    /// Checks a manifest
    #[command(after_help = "Examples:\n  tenure app lint helpdesk\n  tenure app lint apps/helpdesk")]
    Lint {
        /// The app's name, or its folder
        name: String,
    },
    /// Replays an app's recorded exchanges
    #[command(after_help = "Examples:\n  tenure app test helpdesk")]
    Test {
        /// The app's name, or its folder
        name: String,
    },
}

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:8700", value_name = "ADDR", value_parser = address)]
    pub listen: std::net::SocketAddr,
    /// How many people the company has
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub people: usize,
    /// Chooses the company and the faults
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Whose word the imitations follow: `guide`, `live` (the vendors' own), or by app, as `gorgias=live`
    #[arg(long, default_value = "guide", value_name = "DIALECT")]
    pub dialect: String,
    /// A fault, such as `429:app=gorgias,rate=0.05`; may be repeated
    #[arg(long, value_name = "SPEC")]
    pub fault: Vec<String>,
    /// Writes tenure.toml, policy.toml and the HR files to this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Keeps the files in this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How many people the company has
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub people: usize,
    /// Chooses the company
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
}

/// `schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Of which file
    #[arg(value_parser = ["config", "policy", "manifest"])]
    pub file: String,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Writes a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Reads an address to listen on; `localhost` is the loopback address.
fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let numeric = numeric.as_deref().unwrap_or(text);
    numeric.parse().map_err(|_| "an address is an IP address and a port, such as 127.0.0.1:8700".to_owned())
}
