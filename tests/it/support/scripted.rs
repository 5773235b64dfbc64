//! A vendor that answers what a scenario says, for what the sandbox never does: refusing for ever, or answering nonsense for ever.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde::Deserialize;

/// What is answered to requests whose path ends with `path`, in order; the last one for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub path: String,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
    /// Instead of `body`, in hexadecimal digits: for bodies that are no text.
    #[serde(default)]
    pub hex: String,
    /// Bytes announced beyond those sent: the body is cut.
    #[serde(default)]
    pub cut: usize,
}

/// A scripted vendor on a free port; requests that no answer is for get an empty page.
pub struct Scripted {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub fn start(answers: Vec<Answer>, otherwise: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let state = Arc::new(Mutex::new(answers));
        let (seen, otherwise) = (requests.clone(), otherwise.to_owned());
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, state, otherwise) = (seen.clone(), state.clone(), otherwise.clone());
                std::thread::spawn(move || serve(stream, &seen, &state, &otherwise));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> &str {
        &self.address
    }

    /// Paths and queries asked so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>, answers: &Mutex<Vec<Answer>>, otherwise: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
            break;
        }
    }
    let target = request.split(' ').nth(1).unwrap_or("/").to_owned();
    seen.lock().unwrap().push(target.clone());
    let path = target.split('?').next().unwrap_or("/").trim_end_matches('/').to_owned();
    let answer = {
        let mut answers = answers.lock().unwrap();
        let at = answers.iter().position(|answer| path.ends_with(&answer.path));
        at.map(|at| {
            let more = answers[at + 1..].iter().any(|later| later.path == answers[at].path);
            if more { answers.remove(at) } else { answers[at].clone() }
        })
    };
    let answer = answer.unwrap_or_else(|| Answer {
        path,
        status: 200,
        headers: Vec::new(),
        body: otherwise.to_owned(),
        hex: String::new(),
        cut: 0,
    });
    let body = match answer.hex.is_empty() {
        true => answer.body.into_bytes(),
        false => from_hex(&answer.hex),
    };
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\nConnection: close\r\n",
        answer.status,
        body.len() + answer.cut
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(&[format!("{head}\r\n").as_bytes(), &body].concat());
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // The client must be able to read what was sent before the connection goes.
    let _ = stream.read(&mut [0; 64]);
}

/// Bytes from pairs of digits, with white space between them as one likes.
fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .split_whitespace()
        .flat_map(str::chars)
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn ok() -> u16 {
    200
}
