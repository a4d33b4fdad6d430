//! Throw-away stores for tests: SQLite files, and databases in a private PostgreSQL that ends with the test process.
//! Used by the conformance suite here and by the tests of other rooms, behind the feature `test-support`.
//! It panics where a test cannot go on; nothing of it is in the program.

use crate::Store;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// Set to `1` where no PostgreSQL can be had: its half of the suite is then left out, and says so.
pub const NO_POSTGRES: &str = "TENURE_TEST_NO_POSTGRES";

/// An empty store and where it is; what it lies in goes when this goes.
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// Its address, to open it once more.
    pub url: String,
    _folder: Option<TempDir>,
}

/// Returns an empty store in a SQLite file.
pub async fn sqlite_store() -> TestStore {
    let folder = TempDir::new().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("tenure.db").display());
    let store = Store::open(&url).await.expect("a store in a new file");
    TestStore { store, url, _folder: Some(folder) }
}

/// Returns an empty store in a database of its own, or nothing where the tests were told to do without.
pub async fn postgres_store() -> Option<TestStore> {
    let url = postgres_url()?;
    let store = Store::open(&url).await.expect("a store in a new database");
    Some(TestStore { store, url, _folder: None })
}

/// Returns the address of a new, empty database in the private server.
pub fn postgres_url() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static DATABASES: AtomicU64 = AtomicU64::new(0);
    let server = SERVER.get_or_init(Server::start).as_ref()?;
    Some(server.database(&format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed))))
}

/// A private server that a test stops and starts as it likes, with one empty database.
pub struct FrailPostgres {
    server: Server,
    url: String,
}

impl FrailPostgres {
    /// Starts one, or returns nothing where the tests were told to do without.
    pub fn start() -> Option<Self> {
        let server = Server::start()?;
        let url = server.database("frail");
        Some(Self { server, url })
    }

    /// Returns the address of its database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server without a word to whoever is connected, as a power cut would.
    pub fn stop(&mut self) {
        self.server.tell("stop");
    }

    /// Starts it again with all that was committed.
    pub fn start_again(&mut self) {
        self.server.tell("start");
    }
}

/// A PostgreSQL server in a folder of its own, reached by a socket in it. A shell waits beside it for our end, however
/// it comes, and then stops the server and removes the folder.
struct Server {
    folder: PathBuf,
    binaries: PathBuf,
    _guard: Child,
    guard_hears: ChildStdin,
    guard_says: BufReader<ChildStdout>,
}

const GUARD: &str = r#"
set -e
trap '' INT TERM HUP
"$1/initdb" --pgdata="$2/data" --username=tenure --auth=trust --no-sync --encoding=UTF8 --locale=C >"$2/log" 2>&1
echo "-c listen_addresses='' -c unix_socket_directories='$2' -c fsync=off -c max_connections=200" >"$2/options"
"$1/pg_ctl" --pgdata="$2/data" --log="$2/log" --wait --timeout=60 start >/dev/null 2>&1 --options="$(cat "$2/options")"
echo ready
while read -r word; do
  case $word in
  stop) "$1/pg_ctl" --pgdata="$2/data" --mode=immediate --wait stop >/dev/null 2>&1 ;;
  start) "$1/pg_ctl" --pgdata="$2/data" --log="$2/log" --wait --timeout=60 start >/dev/null 2>&1 \
    --options="$(cat "$2/options")" ;;
  esac
  echo done
done
"$1/pg_ctl" --pgdata="$2/data" --mode=immediate --wait stop >/dev/null 2>&1 || true
rm -rf "$2"
"#;

impl Server {
    fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            assert!(
                std::env::var(NO_POSTGRES).is_ok_and(|value| value == "1"),
                "no PostgreSQL server binaries (initdb, pg_ctl) were found; install PostgreSQL, or set {NO_POSTGRES}=1 to \
                 leave its half of the tests out"
            );
            eprintln!("{NO_POSTGRES}=1: the PostgreSQL half of the tests is left out");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder").keep();
        let mut guard = as_anybody_but_root(&folder)
            .args(["sh", "-c", GUARD, "guard"])
            .args([&binaries, &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell to watch over the server");
        let guard_hears = guard.stdin.take().expect("its input");
        let mut line = String::new();
        let mut guard_says = BufReader::new(guard.stdout.take().expect("its output"));
        guard_says.read_line(&mut line).expect("its first line");
        if line.trim() != "ready" {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("the private PostgreSQL did not start:\n{log}");
        }
        Some(Self { folder, binaries, _guard: guard, guard_hears, guard_says })
    }

    /// Makes an empty database and returns its address.
    fn database(&self, name: &str) -> String {
        self.run("createdb", &["--template=template0", name]);
        format!("postgres://tenure@localhost/{name}?host={}", self.folder.display())
    }

    /// Has the guard stop or start the server, and waits until it has.
    fn tell(&mut self, word: &str) {
        writeln!(self.guard_hears, "{word}").expect("the guard hears");
        let mut line = String::new();
        self.guard_says.read_line(&mut line).expect("the guard answers");
        assert_eq!(line.trim(), "done", "the private PostgreSQL did not {word}");
    }

    fn run(&self, program: &str, args: &[&str]) {
        let done = Command::new(self.binaries.join(program))
            .args(["--username=tenure", "--host"])
            .arg(&self.folder)
            .args(args)
            .env_remove("PGDATABASE")
            .output()
            .expect("a client program of PostgreSQL");
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Finds the newest server binaries: on the path, or where Debian and Homebrew put them.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut folders: Vec<PathBuf> = Vec::new();
    for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let found = std::fs::read_dir(root).into_iter().flatten().flatten();
        folders.extend(found.map(|entry| entry.path().join("bin")));
    }
    folders.sort();
    folders.reverse();
    folders.extend(on_path.into_iter().flatten());
    folders.into_iter().find(|folder| ["initdb", "pg_ctl", "createdb"].iter().all(|name| folder.join(name).exists()))
}

/// PostgreSQL refuses to run as root: root hands the folder to the account `postgres` and runs as that.
fn as_anybody_but_root(folder: &Path) -> Command {
    use std::os::unix::fs::MetadataExt;
    let root = std::fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0);
    if !root {
        return Command::new("env");
    }
    let handed = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(handed.is_ok_and(|status| status.success()), "root needs an account `postgres` to run a private server");
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]);
    command
}
