//! A vendor for tests: answers from a queue, in order, on a port of this machine, and remembers what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use url::Url;

use super::{Client, ClientOptions, Stop};
use crate::schema::{Auth, Retry};
use crate::secret::Secret;

/// The token that [`Scripted::client`] sends.
pub(crate) const TOKEN: &str = "t0ken-s3cr3t";

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fault: Option<Fault>,
}

#[derive(Debug, Clone)]
enum Fault {
    /// All headers and half of the body.
    Cut,
    /// Nothing at all.
    HangUp,
    /// The body comes this late.
    Slow(Duration),
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.into(),
            fault: None,
        }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn cut(mut self) -> Self {
        self.fault = Some(Fault::Cut);
        self
    }

    pub(crate) fn hang_up() -> Self {
        Self {
            fault: Some(Fault::HangUp),
            ..Self::ok("")
        }
    }

    pub(crate) fn slow(mut self, delay: Duration) -> Self {
        self.fault = Some(Fault::Slow(delay));
        self
    }
}

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Path and query, as sent.
    pub target: String,
    /// `name: value`, names in lower case.
    pub headers: Vec<String>,
}

/// What a target is answered with.
type Vendor = Box<dyn FnMut(&str) -> Answer + Send>;

struct State {
    vendor: Mutex<Vendor>,
    asked: Mutex<Vec<Asked>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// The server. Its threads end with the test's process.
#[derive(Debug)]
pub(crate) struct Scripted {
    address: SocketAddr,
    state: Arc<State>,
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut answers: VecDeque<Answer> = answers.into_iter().collect();
        Self::answering(move |_| answers.pop_front().unwrap_or_else(|| Answer::new(418, "the script is over")))
    }

    /// A server that makes each answer of path and query.
    pub(crate) fn answering(vendor: impl FnMut(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            vendor: Mutex::new(Box::new(vendor)),
            asked: Mutex::default(),
        });
        let served = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = served.clone();
                // A client that goes away in the middle is part of the tests.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).unwrap()
    }

    /// Options for a client of this server, with waits of milliseconds.
    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            source: "acme".to_owned(),
            base_url: self.url(),
            token: Secret::new(TOKEN).unwrap(),
            token_origin: "the environment variable `ACME_TOKEN`".to_owned(),
            auth: Auth::Header {
                name: "User-Key".to_owned(),
                prefix: String::new(),
            },
            rate_limit: None,
            retry: Retry {
                attempts: 3,
                backoff: Duration::from_millis(1),
                max_backoff: Duration::from_millis(4),
                ..Retry::default()
            },
            timeout: Duration::from_secs(5),
            max_body: 1024 * 1024,
            hides_bodies: false,
            stop: Stop::never(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Path and query of each request.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

fn serve(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let target = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
        state.asked.lock().unwrap().push(Asked {
            target: target.clone(),
            headers: lines[1..].to_vec(),
        });
        let answer = (state.vendor.lock().unwrap())(&target);
        if !reply(stream, answer)? {
            return stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// Whether the connection can go on.
fn reply(mut stream: &TcpStream, answer: Answer) -> std::io::Result<bool> {
    if matches!(answer.fault, Some(Fault::HangUp)) {
        return Ok(false);
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    match answer.fault {
        Some(Fault::Cut) => {
            stream.write_all(&answer.body[..answer.body.len() / 2])?;
            return Ok(false);
        }
        Some(Fault::Slow(delay)) => std::thread::sleep(delay),
        _ => {}
    }
    stream.write_all(&answer.body)?;
    Ok(true)
}
