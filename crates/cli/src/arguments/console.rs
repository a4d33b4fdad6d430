//! What `tenure console` can be asked: a link that signs somebody in once, who is signed in, the end of a session.

use super::Said;
use clap::{Args, Subcommand};

/// `console`.
#[derive(Debug, Args)]
pub struct ConsoleArguments {
    /// What to do
    #[command(subcommand)]
    pub command: ConsoleCommand,
}

/// What `console` can do.
#[derive(Debug, Subcommand)]
pub enum ConsoleCommand {
    /// Prints a link that signs one person in once; only its hash is kept
    #[command(
        after_help = "Examples:\n  tenure console link --role admin\n  tenure console link --role approver --as mia@acme.example --expires 2h\n\nRoles: viewer (looks) · operator (pulls, plans, applies, decides about people) · approver (says yes or no) · admin (all of it, and who may come in). Whose yes counts for which step is the policy's to say."
    )]
    Link {
        /// What the person may do: viewer, operator, approver or admin
        #[arg(long, value_name = "ROLE", default_value = "admin")]
        role: String,
        /// How long the link is good, such as `15m`; a day at most
        #[arg(long, value_name = "TIME", default_value = "15m")]
        expires: String,
        /// Whom it signs in: an address of `[approvers]` for somebody who approves
        #[arg(long = "as", value_name = "WHO", env = "TENURE_AS")]
        by: Option<String>,
    },
    /// Lists who is signed in
    #[command(after_help = "Examples:\n  tenure console sessions")]
    Sessions,
    /// Ends a session at once
    #[command(after_help = "Examples:\n  tenure console end 0a1b2c3d4e5f --as mia@acme.example")]
    End {
        /// Its id
        session: String,
        #[command(flatten)]
        said: Said,
    },
}
