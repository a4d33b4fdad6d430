//! A sixth app: a folder of the catalogue copied under another name, beside the configuration, with no Rust changed.
//! Each of the five is copied in turn and must do what the original does: a quiet company stays quiet, somebody who
//! joins gets an account. What the folders say is theirs; only their name is changed here.

use crate::stage::{Stage, email_of};
use std::fs;
use tenure_sandbox::{Limits, Options, Vendor};

#[test]
fn an_app_folder_under_another_name_is_another_app() {
    for vendor in Vendor::ALL {
        let stage = Stage::open(Options { people: 21, limits: Limits::Off, ..Options::default() });
        let (name, copy) = (vendor.name(), format!("copy-of-{vendor}"));
        let manifest = tenure_tests::root().join("apps").join(name).join("manifest.toml");
        let text = fs::read_to_string(&manifest).expect("the app is in the catalogue");
        let renamed = text.replacen(&format!("app = \"{name}\""), &format!("app = \"{copy}\""), 1);
        assert_ne!(text, renamed, "the manifest names its app");
        let folder = stage.folder().join("apps").join(&copy);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("manifest.toml"), renamed).expect("a manifest");
        let (config, policy) = (&stage.files().config, &stage.files().policy);
        stage
            .edit(config, &format!("app = \"{name}\""), &format!("app = \"{copy}\""))
            .expect("the connection is there");
        stage.edit(policy, "extra_grants = \"revoke\"", "extra_grants = \"report\"").expect("the policy is there");
        for (command, code) in [(&["check"][..], 0), (&["pull"], 0), (&["plan"], 0)] {
            let ended = stage.run(command);
            assert_eq!(ended.code, code, "{copy}: {ended}");
        }
        stage.next_morning();
        for (command, code) in [(&["pull"][..], 0), (&["plan"], 2), (&["apply"], 3)] {
            let ended = stage.run(command);
            assert_eq!(ended.code, code, "{copy}: {ended}");
        }
        let newcomer = email_of(if vendor == Vendor::Gainsight { "nora.weiss" } else { "pia.novak" });
        assert_eq!(stage.world().count(vendor, &newcomer), 1, "{copy}");
        assert_eq!(stage.aftermath(), Vec::<String>::new(), "{copy}");
    }
}
