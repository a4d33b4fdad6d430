//! What `tenure token` and `tenure scim` can be asked: credentials of clients, and what clients wished.

use super::Said;
use clap::{Args, Subcommand};

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
        after_help = "Examples:\n  tenure token create --scope api:read --name dashboards --as mia@acme.example\n  tenure token create --scope scim:support --name okta --expires 365d > okta.token\n\nScopes: api:read · api:write (and api:read) · approve · scim:CONNECTION · hooks · admin (all but approve and SCIM)"
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

/// What `scim` can do.
#[derive(Debug, Subcommand)]
pub enum ScimCommand {
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
