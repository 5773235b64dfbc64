//! An S3 bucket that takes objects and gives them back, but never answers a listing: a lake that hangs once a run is under way.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A bucket on a free port; signatures are not looked at.
pub struct Bucket {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    objects: Mutex<HashMap<String, Vec<u8>>>,
    listings: AtomicUsize,
}

impl Bucket {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let served = state.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = served.clone();
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// The variables that lead to it.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.address.as_str()),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Listings that were asked for, and are not answered.
    pub fn listings(&self) -> usize {
        self.state.listings.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, state: &State) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    let (mut length, mut create) = (0, false);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or(0) == 0 || header == "\r\n" {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "if-none-match" => create = true,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap().to_owned());
    if target.contains("list-type=2") {
        state.listings.fetch_add(1, Ordering::SeqCst);
        // Until the client goes away.
        let _ = reader.read(&mut [0; 1]);
        return;
    }
    let mut objects = state.objects.lock().unwrap();
    let (status, body) = match method {
        "PUT" if create && objects.contains_key(&target) => ("412 Precondition Failed", Vec::new()),
        "PUT" => {
            objects.insert(target, body);
            ("200 OK", Vec::new())
        }
        "POST" => ("200 OK", b"<DeleteResult><Deleted><Key>x</Key></Deleted></DeleteResult>".to_vec()),
        "DELETE" => ("204 No Content", Vec::new()),
        _ => match objects.get(&target) {
            Some(object) => ("200 OK", object.clone()),
            None => ("404 Not Found", Vec::new()),
        },
    };
    drop(objects);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"x\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &body].concat());
}
