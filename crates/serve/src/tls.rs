//! TLS in the process, for whoever has no proxy before it: certificate and key come from two files, which are read again
//! when they change. Files that do not fit are told in the log, and the certificate of before is shown on.
//! A client that is slow to greet, or never does, keeps nobody else waiting. It knows no request.

use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tenure_engine::config::Config;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;

/// How often it is looked whether the files have changed.
const LOOKED_EVERY: Duration = Duration::from_secs(5);
/// How long a client may take to greet.
const GREETING_MAX: Duration = Duration::from_secs(10);
/// So many may be greeting at the same time; further ones wait.
const GREETING_AT_ONCE: usize = 256;
/// So many that have greeted may wait to be answered.
const GREETED_MAX: usize = 64;

/// The two files of a certificate, as PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, with those that vouch for it behind it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Takes connections as TLS.
#[derive(Debug)]
pub struct TlsListener {
    greeted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    listens: SocketAddr,
}

impl TlsListener {
    /// Takes the connections that come to `listener`, with the certificate of the files.
    ///
    /// # Errors
    /// The files hold no certificate with its key.
    pub fn over(listener: TcpListener, files: TlsFiles) -> io::Result<Self> {
        let listens = listener.local_addr()?;
        let shown = Arc::new(Shown::of(files)?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (done, greeted) = mpsc::channel(GREETED_MAX);
        tokio::spawn(take(listener, TlsAcceptor::from(Arc::new(config)), done.clone()));
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = done.closed() => return,
                    () = tokio::time::sleep(LOOKED_EVERY) => shown.look(),
                }
            }
        });
        Ok(Self { greeted, listens })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.greeted.recv().await {
            Some(greeted) => greeted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.listens)
    }
}

type Greeted = mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>;

/// Takes connections and greets them, many at once, until nobody wants them any more.
async fn take(mut listener: TcpListener, acceptor: TlsAcceptor, greeted: Greeted) {
    let turns = Arc::new(Semaphore::new(GREETING_AT_ONCE));
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else { return };
        let (stream, address) = tokio::select! {
            () = greeted.closed() => return,
            taken = Listener::accept(&mut listener) => taken,
        };
        let (acceptor, greeted) = (acceptor.clone(), greeted.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(GREETING_MAX, acceptor.accept(stream)).await {
                // Nobody is there to be told when the server ends just now.
                Ok(Ok(stream)) => drop(greeted.send((stream, address)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a client did not greet as TLS does"),
                Err(_) => tracing::debug!("a client took too long to greet"),
            }
            drop(turn);
        });
    }
}

/// The certificate that is shown, and as of when its files are.
#[derive(Debug)]
struct Shown {
    files: TlsFiles,
    held: RwLock<(Arc<CertifiedKey>, Changed)>,
}

/// When each of the two files was changed last.
type Changed = [Option<SystemTime>; 2];

impl Shown {
    fn of(files: TlsFiles) -> io::Result<Self> {
        let changed = files.changed();
        let held = RwLock::new((Arc::new(files.read()?), changed));
        Ok(Self { files, held })
    }

    /// Reads the files again if they have changed.
    fn look(&self) {
        let changed = self.files.changed();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.1 == changed {
            return;
        }
        match self.files.read() {
            Ok(read) => {
                *held = (Arc::new(read), changed);
                tracing::info!("the certificate was read anew");
            }
            // Perhaps only one of the two is written yet: it is looked again.
            Err(error) => tracing::warn!(%error, "the certificate is as it was: its files cannot be read anew"),
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.held.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}

impl TlsFiles {
    /// Returns the files that the configuration names, if the server speaks TLS itself.
    pub fn of(config: &Config) -> Option<Self> {
        let tls = config.server.tls.as_ref()?;
        Some(Self { certificate: config.beside(&tls.certificate), key: config.beside(&tls.key) })
    }

    /// Reads the files and forgets what is in them.
    ///
    /// # Errors
    /// The files hold no certificate with its key.
    pub fn check(&self) -> io::Result<()> {
        self.read().map(drop)
    }

    fn changed(&self) -> Changed {
        let of = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
        [of(&self.certificate), of(&self.key)]
    }

    fn read(&self) -> io::Result<CertifiedKey> {
        let wrong = |path: &Path, because: &dyn std::fmt::Display| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {because}", path.display()))
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(|error| wrong(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(&self.certificate, &"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, &error))?;
        let key = ring::sign::any_supported_type(&key).map_err(|error| wrong(&self.key, &error))?;
        let certified = CertifiedKey::new(chain, key);
        certified
            .keys_match()
            .map_err(|error| wrong(&self.key, &format!("it is not the key of the certificate: {error}")))?;
        Ok(certified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    const NAME: &str = "tenure.acme.example";

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        (made.cert.pem(), made.key_pair.serialize_pem())
    }

    fn files(folder: &TempDir) -> TlsFiles {
        let files = TlsFiles { certificate: folder.path().join("a.pem"), key: folder.path().join("a.key") };
        let (certificate, key) = made();
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    /// A client that trusts the certificate of the file and no other.
    fn connector(files: &TlsFiles) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    async fn asked(address: SocketAddr, connector: &TlsConnector) -> io::Result<String> {
        let stream = TcpStream::connect(address).await?;
        let mut stream = connector.connect(NAME.try_into().unwrap(), stream).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn who_trusts_the_certificate_is_answered_and_who_never_greets_keeps_nobody_waiting() {
        let folder = TempDir::new().unwrap();
        let files = files(&folder);
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = plain.local_addr().unwrap();
        let listener = TlsListener::over(plain, files.clone()).unwrap();
        let router = Router::new().route("/", get(|| async { "over TLS" }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let silent = TcpStream::connect(address).await.unwrap();
        let answer = asked(address, &connector(&files)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("over TLS"), "{answer}");
        drop(silent);
        let others = TempDir::new().unwrap();
        let stranger = connector(&self::files(&others));
        assert!(asked(address, &stranger).await.is_err(), "another certificate is not this one");
    }

    #[test]
    fn files_that_change_are_read_anew_once_they_fit() {
        let folder = TempDir::new().unwrap();
        let files = files(&folder);
        let shown = Shown::of(files.clone()).unwrap();
        let now = || shown.held.read().unwrap().0.cert[0].clone();
        let first = now();
        let (certificate, key) = made();
        std::fs::write(&files.certificate, certificate).unwrap();
        shown.look();
        assert_eq!(now(), first, "the key of another certificate does not fit");
        std::fs::write(&files.key, key).unwrap();
        shown.look();
        assert_eq!(now(), CertificateDer::from_pem_file(&files.certificate).unwrap());
        std::fs::write(&files.key, "no key").unwrap();
        shown.look();
        assert_ne!(now(), first, "what cannot be read changes nothing");
    }

    #[test]
    fn without_a_certificate_that_fits_its_key_nothing_begins() {
        let folder = TempDir::new().unwrap();
        let files = files(&folder);
        std::fs::write(&files.key, made().1).unwrap();
        let error = files.read().unwrap_err().to_string();
        assert!(error.contains("a.key") && !error.contains("BEGIN"), "{error}");
        std::fs::write(&files.certificate, "").unwrap();
        assert!(files.read().unwrap_err().to_string().contains("no certificate in it"));
    }
}
