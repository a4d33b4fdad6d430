//! What `tenure token` and `tenure scim` can be asked: credentials of clients, and what clients send and wish.

use super::Said;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `token`.
#[derive(Debug, Args)]
pub struct TokenArguments {
    /// What to do
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What `token` can do.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token and shows it once; only its hash is kept
    #[command(
        after_help = "Examples:\n  tenure token create --scope api:read --name dashboards --as mia@acme.example\n  tenure token create --scope scim:support --name okta --expires 365d > okta.token\n\nScopes: api:read · api:write (and api:read) · approve · scim:CONNECTION · hooks · ssf · admin (all but approve and SCIM)"
    )]
    Create {
        /// What its bearer may do; may be repeated
        #[arg(long, value_name = "SCOPE", required = true, num_args = 1..)]
        scope: Vec<String>,
        /// How long it lasts, such as `90d`; `never` for one that does not end
        #[arg(long, value_name = "TIME", default_value = "90d")]
        expires: String,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "token")]
        name: String,
        /// In whose name its bearer acts
        #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
        by: Option<String>,
    },
    /// Lists tokens: whose, for what, until when, used when; never the token itself
    #[command(after_help = "Examples:\n  tenure token list")]
    List,
    /// Makes the follower of a token and shows it once; both work until the overlap is over
    #[command(
        after_help = "Examples:\n  tenure token rotate okta --overlap 7d > okta.token\n  tenure token rotate 0a1b2c3d4e5f --as mia@acme.example"
    )]
    Rotate {
        /// Its id, or its name
        token: String,
        /// How long the old one works yet, such as `7d`
        #[arg(long, value_name = "TIME", default_value = "7d")]
        overlap: String,
        #[command(flatten)]
        said: Said,
    },
    /// Ends a token at once
    #[command(
        after_help = "Examples:\n  tenure token revoke 0a1b2c3d4e5f --as mia@acme.example\n  tenure token revoke okta"
    )]
    Revoke {
        /// Its id, or its name
        token: String,
        #[command(flatten)]
        said: Said,
    },
}

/// `scim`.
#[derive(Debug, Args)]
pub struct ScimArguments {
    /// What to do
    #[command(subcommand)]
    pub command: ScimCommand,
}

/// `scim replay`.
#[derive(Debug, Args)]
pub struct ScimReplayArguments {
    /// A file of `scim show`, or the name of one that comes with the program; without, lists those
    pub recording: Option<String>,
    /// Which app's imitation stands behind it; that of the recording unless said
    #[arg(long, value_name = "APP", conflicts_with = "url")]
    pub app: Option<String>,
    /// Sends it there, with the token of TENURE_SCIM_TOKEN; accounts are made and changed
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Does it at an address
    #[arg(long)]
    pub yes: bool,
}

/// What `scim` can do.
#[derive(Debug, Subcommand)]
pub enum ScimCommand {
    /// Lists the clients: who each is by what it sends, and what it sends in vain
    #[command(after_help = "Examples:\n  tenure scim clients")]
    Clients,
    /// Writes down what a client sends from now on, secrets and people masked, in the place of an earlier recording
    #[command(
        after_help = "Examples:\n  tenure scim record okta\n  tenure scim record okta --for 4h --as mia@acme.example\n  tenure scim record okta --end\n\nThe server masks each request before it keeps it. `tenure scim show okta` prints what there is."
    )]
    Record {
        /// The name or the id of its token
        client: String,
        /// For how long, up to a day
        #[arg(long = "for", value_name = "TIME", default_value = "1h")]
        lasts: String,
        /// Ends it before its time; what was recorded stays
        #[arg(long)]
        end: bool,
        #[command(flatten)]
        said: Said,
    },
    /// Prints what was recorded of a client
    #[command(after_help = "Examples:\n  tenure scim show okta\n  tenure scim show okta --out okta-monday.txt")]
    Show {
        /// The name or the id of its token
        client: String,
        /// Writes it to this file instead
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Sends a recording again and tells what is answered otherwise; exit code 2 where something is
    #[command(
        after_help = "Examples:\n  tenure scim replay                    lists the recordings that come with the program\n  tenure scim replay okta-aiw           before a sandbox and a store that are thrown away\n  tenure scim replay okta-monday.txt --json\n  TENURE_SCIM_TOKEN=… tenure scim replay okta-oin --url https://tenure.acme.example/scim/v2/support --yes"
    )]
    Replay(ScimReplayArguments),
    /// Forgets what a retired client wished, so that the rules alone count; without --yes it only tells how much that is
    #[command(
        after_help = "Examples:\n  tenure scim forget okta\n  tenure scim forget okta --yes --as mia@acme.example\n\nNothing is written to an app; `tenure plan` shows what follows."
    )]
    Forget {
        /// The name of the client's tokens
        client: String,
        /// Does it
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        said: Said,
    },
}
