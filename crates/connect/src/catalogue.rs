//! The apps there are: those built in, and those of folders that the operator names.
//! An app is a folder with a manifest; a folder copied under another name is another app. A later folder wins over an
//! earlier one of the same name. Nothing here knows a tenant.

use crate::manifest::{Manifest, Sheet, lay_over};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tenure_core::place::{Misplaced, nearest};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../apps");

/// The largest file of an app that is read.
const FILE_MAX: u64 = 4 * 1024 * 1024;
/// Apps of one folder that are read at most.
const APPS_MAX: usize = 10_000;

/// One app: its manifest and where its other files are.
#[derive(Clone, Debug)]
pub struct App {
    /// The name under which connections name it: the folder's name.
    pub name: String,
    /// What it says.
    pub manifest: Arc<Manifest>,
    /// Where it lies.
    pub place: AppPlace,
}

/// Where an app lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPlace {
    /// In the program.
    BuiltIn,
    /// In a folder.
    Folder(PathBuf),
}

/// The apps there are.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    apps: BTreeMap<String, App>,
    /// Those of folders that cannot be read, and why: whoever wants to use one is told.
    broken: BTreeMap<String, Misplaced>,
}

impl Catalogue {
    /// Loads the built-in apps and those of further folders: each is an app itself (it has a `manifest.toml`) or holds
    /// folders that are. An app that cannot be read is broken; the others are not.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn load(folders: &[PathBuf]) -> Result<Self, Misplaced> {
        // What lies in the program is read once in its life.
        static READ: OnceLock<Result<Catalogue, Misplaced>> = OnceLock::new();
        let mut catalogue = READ.get_or_init(Self::built_in).clone()?;
        for folder in folders {
            catalogue.load_folder(folder)?;
        }
        Ok(catalogue)
    }

    fn built_in() -> Result<Self, Misplaced> {
        let mut catalogue = Self::default();
        for folder in BUILT_IN.dirs() {
            let name = folder.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let texts = |file: &str| folder.get_file(folder.path().join(file)).and_then(|file| file.contents_utf8());
            let Some(text) = texts("manifest.toml") else { continue };
            let further = folder
                .files()
                .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
                .map(|(file, text)| (format!("apps/{name}/{file}"), text.to_owned()));
            let manifest = in_all_dialects(text, &format!("apps/{name}/manifest.toml"), further)?;
            catalogue.add(App { name: name.to_owned(), manifest, place: AppPlace::BuiltIn });
        }
        Ok(catalogue)
    }

    /// Lists the apps by name.
    pub fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.values()
    }

    /// Lists the apps that cannot be read by name, each with file, line and what is wrong.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &Misplaced)> {
        self.broken.iter().map(|(name, problem)| (name.as_str(), problem))
    }

    /// Tells whether an app of this name lies in the program.
    pub fn is_built_in(name: &str) -> bool {
        BUILT_IN.get_file(format!("{name}/manifest.toml")).is_some()
    }

    /// Returns an app by its name.
    pub fn get(&self, name: &str) -> Option<&App> {
        self.apps.get(name)
    }

    /// Returns why an app cannot be read, if it cannot.
    pub fn problem(&self, name: &str) -> Option<&Misplaced> {
        self.broken.get(name)
    }

    /// Returns an app by its name, or by the path of its folder as seen from `beside` (`./apps/ours`).
    ///
    /// # Errors
    /// There is no such app; the nearest known one is named. Or its manifest cannot be read.
    pub fn resolve(&self, name: &str, beside: &Path) -> Result<App, Misplaced> {
        if let Some(app) = self.get(name) {
            return Ok(app.clone());
        }
        if let Some(problem) = self.problem(name) {
            return Err(problem.clone());
        }
        if name.contains('/') || name.starts_with('.') {
            let path = if Path::new(name).is_absolute() { PathBuf::from(name) } else { beside.join(name) };
            return read_app(&path);
        }
        let known: Vec<&str> = self.apps.keys().map(String::as_str).collect();
        let hint = nearest(name, &known).map_or_else(
            || format!("there are {}; a folder is written `./folder`", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("no app is named {name:?}");
        Err(Misplaced { path: beside.display().to_string(), line: 0, column: 0, message, hint: Some(hint) })
    }

    fn add(&mut self, app: App) {
        self.broken.remove(&app.name);
        self.apps.insert(app.name.clone(), app);
    }

    /// Takes in the app of a folder. A broken one hides what has its name: another than was meant would be used.
    fn add_folder(&mut self, folder: &Path) {
        match read_app(folder) {
            Ok(app) => self.add(app),
            Err(problem) => {
                let name = name_of(folder).unwrap_or_default();
                self.apps.remove(&name);
                self.broken.insert(name, problem);
            }
        }
    }

    fn load_folder(&mut self, folder: &Path) -> Result<(), Misplaced> {
        if folder.join("manifest.toml").is_file() {
            self.add_folder(folder);
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error.to_string()))?;
        let mut folders: Vec<PathBuf> = entries
            .take(APPS_MAX)
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("manifest.toml").is_file())
            .collect();
        folders.sort();
        for folder in folders {
            self.add_folder(&folder);
        }
        Ok(())
    }
}

/// Reads the app in `folder`.
///
/// # Errors
/// There is no manifest, or it cannot be read.
pub fn read_app(folder: &Path) -> Result<App, Misplaced> {
    let path = folder.join("manifest.toml");
    let text = read_text(&path)?;
    let mut further = Vec::new();
    for file in fs::read_dir(folder).into_iter().flatten().take(APPS_MAX).filter_map(Result::ok) {
        if file.path().extension().is_some_and(|extension| extension == "toml") {
            further.push((file.path().display().to_string(), read_text(&file.path())?));
        }
    }
    further.sort();
    let manifest = in_all_dialects(&text, &path.display().to_string(), further)?;
    let name = name_of(folder).unwrap_or_else(|| manifest.app.to_string());
    Ok(App { name, manifest, place: AppPlace::Folder(folder.to_path_buf()) })
}

/// Returns the name of an app by its folder.
fn name_of(folder: &Path) -> Option<String> {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    Some(absolute.file_name()?.to_str()?.to_owned())
}

/// Reads a manifest with the further dialects of its folder: every other TOML file there is one.
fn in_all_dialects(
    text: &str,
    path: &str,
    files: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<Manifest>, Misplaced> {
    let mut manifest = Manifest::parse(text, path)?;
    let base = Sheet { text, path };
    for (file, over) in files {
        if file != path && file.ends_with(".toml") {
            manifest.further.push(Arc::new(lay_over(base, Sheet { text: &over, path: &file })?));
        }
    }
    Ok(Arc::new(manifest))
}

fn read_text(path: &Path) -> Result<String, Misplaced> {
    let size = fs::metadata(path).map_err(|error| unreadable(path, &error.to_string()))?.len();
    if size > FILE_MAX {
        return Err(unreadable(path, &format!("larger than {FILE_MAX} bytes")));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, &error.to_string()))
}

fn unreadable(path: &Path, because: &str) -> Misplaced {
    let path = path.display().to_string();
    Misplaced { path, line: 0, column: 0, message: format!("cannot be read: {because}"), hint: None }
}

impl App {
    /// Returns the app's setup page, if it has one.
    pub fn readme(&self) -> Option<String> {
        self.file("README.md")
    }

    /// Returns a text file of the app, by its path inside the folder.
    pub fn file(&self, path: &str) -> Option<String> {
        match &self.place {
            AppPlace::BuiltIn => {
                let file = BUILT_IN.get_file(format!("{}/{path}", self.name))?;
                file.contents_utf8().map(str::to_owned)
            }
            AppPlace::Folder(folder) => read_text(&folder.join(path)).ok(),
        }
    }

    /// Lists the names of the JSON files in a folder of the app, sorted.
    pub fn json_files(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match &self.place {
            AppPlace::BuiltIn => BUILT_IN
                .get_dir(format!("{}/{folder}", self.name))
                .into_iter()
                .flat_map(|dir| dir.files())
                .filter_map(|file| file.path().file_name()?.to_str().map(str::to_owned))
                .collect(),
            AppPlace::Folder(home) => fs::read_dir(home.join(folder))
                .into_iter()
                .flatten()
                .take(APPS_MAX)
                .filter_map(|entry| entry.ok()?.file_name().to_str().map(str::to_owned))
                .collect(),
        };
        names.retain(|name| name.ends_with(".json"));
        names.sort();
        names
    }
}
