//! One session over a connection: a script of the wrapper's, what is written to it, and what it says.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openssh::Stdio;
use pogo_plan::event::Stream;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::master::Master;
use crate::Progress;
use crate::wrapper::{Decoder, Event, Request, SecretBytes};

/// What is read at once from a session that has little to say, in bytes.
const FIRST_CHUNK: usize = 1024;

/// What is read at once at most, in bytes.
const CHUNK: usize = 32 * 1024;

/// How long the output of a session whose process has ended is waited for. Who holds it open is none of ours.
const REST: Duration = Duration::from_secs(1);

/// What a session says.
#[derive(Debug)]
pub(super) enum Next {
    /// From the script.
    Event(Event),
    /// Nothing more will come: the session has ended, or the connection was lost.
    Over,
}

type Exit = Pin<Box<dyn Future<Output = ()> + Send>>;

type Input = Box<dyn AsyncWrite + Send + Unpin>;

type Output = Box<dyn AsyncRead + Send + Unpin>;

/// What a session is made of: its streams, and its end.
pub(super) struct Parts<I, O, E, X> {
    pub(super) stdin: I,
    pub(super) stdout: O,
    pub(super) stderr: E,
    pub(super) exit: X,
    /// Whether `exit` is that of a process which stays for as long as anybody holds the output open. Then the script's own
    /// word counts as its end too.
    pub(super) is_own_process: bool,
}

/// A session. Dropping it closes its streams; what runs on the host goes on.
pub(super) struct Session {
    request: Request,
    decoder: Decoder,
    stdin: Option<Input>,
    stdout: Half,
    stderr: Half,
    exit: Exit,
    is_own_process: bool,
    has_said_bye: bool,
    /// It has ended; until then the rest of its output is waited for.
    rest_until: Option<Instant>,
    outgoing: VecDeque<(Vec<u8>, usize)>,
    /// Whether the word that lets the first command start stands in line to be written, and whether it has been.
    is_told_to_go: bool,
    may_have_started: bool,
    events: VecDeque<Event>,
    fresh: Vec<Event>,
    is_finished: bool,
}

struct Half {
    pipe: Option<Output>,
    chunk: Vec<u8>,
}

impl Session {
    /// Opens a session. What fails here has started nothing.
    pub(super) async fn open(master: &Master, request: Request) -> Result<Self, openssh::Error> {
        let session = Arc::new(openssh::Session::resume_mux(master.socket().into(), None));
        let mut command = openssh::Session::to_raw_command(session, request.command_line());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(openssh::Error::ChildIo(io::ErrorKind::BrokenPipe.into()));
        };
        let exit = async move {
            // How it ended is not asked: the script says that itself.
            let _ended = child.wait().await;
        };
        Ok(Self::over(request, Parts { stdin, stdout, stderr, exit, is_own_process: false }))
    }

    /// A session that is open, or will be.
    pub(super) fn over<I, O, E, X>(request: Request, parts: Parts<I, O, E, X>) -> Self
    where
        I: AsyncWrite + Send + Unpin + 'static,
        O: AsyncRead + Send + Unpin + 'static,
        E: AsyncRead + Send + Unpin + 'static,
        X: Future<Output = ()> + Send + 'static,
    {
        let Parts { stdin, stdout, stderr, exit, is_own_process } = parts;
        let mut this = Self {
            decoder: request.decoder(),
            request,
            stdin: Some(Box::new(stdin)),
            stdout: Half { pipe: Some(Box::new(stdout)), chunk: vec![0; FIRST_CHUNK] },
            stderr: Half { pipe: Some(Box::new(stderr)), chunk: vec![0; FIRST_CHUNK] },
            exit: Box::pin(exit),
            is_own_process,
            has_said_bye: false,
            rest_until: None,
            outgoing: VecDeque::new(),
            is_told_to_go: false,
            may_have_started: false,
            events: VecDeque::new(),
            fresh: Vec::new(),
            is_finished: false,
        };
        let opening = this.request.opening().expose_secret().to_vec();
        this.outgoing.push_back((opening, 0));
        this
    }

    /// Waits until the script says its first word; false if it never will. Dropping this loses nothing.
    pub(super) async fn is_up(&mut self) -> bool {
        while self.events.is_empty() && !self.is_finished {
            self.step(&Reads::ALL).await;
        }
        !self.events.is_empty()
    }

    /// What was said before the script's first word.
    pub(super) fn noise(&self) -> String {
        self.decoder.noise()
    }

    /// Writes this when what is before it has been written.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.outgoing.push_back((bytes.to_vec(), 0));
    }

    /// Ends the input.
    pub(super) fn close_input(&mut self) {
        self.stdin = None;
        self.outgoing.clear();
    }

    /// Whether the script may have been told to start the command. Before, nothing has started.
    pub(super) const fn may_have_started(&self) -> bool {
        self.may_have_started
    }

    /// Why the script is not up.
    pub(super) fn why_not_up(&self) -> String {
        self.decoder.why_not_up()
    }

    /// The next that it says. Nothing is lost when this is dropped. Output is read as `reads` allows.
    pub(super) async fn next(&mut self, reads: &Reads<'_>) -> Next {
        loop {
            if let Some(event) = self.events.pop_front() {
                // Written only when this is called again: when what the event says has been taken in.
                self.answer(&event);
                return Next::Event(event);
            }
            if self.is_finished {
                return Next::Over;
            }
            self.step(reads).await;
        }
    }

    /// Waits until the script has ended. What it left behind may hold the output open for as long as it lives; that is
    /// nobody's any more.
    pub(super) async fn ended(&mut self) {
        let is_over = |this: &Self| {
            this.rest_until.is_some() || this.is_finished || (this.is_own_process && this.has_said_bye)
        };
        while !is_over(self) {
            self.step(&Reads::ALL).await;
            self.events.clear();
        }
    }

    async fn step(&mut self, reads: &Reads<'_>) {
        let Self { stdin, stdout, stderr, exit, rest_until, outgoing, .. } = self;
        let writes = stdin.is_some() && !outgoing.is_empty();
        let waits_for_exit = rest_until.is_none();
        let are_closed = stdout.pipe.is_none() && stderr.pipe.is_none();
        let rest_until = *rest_until;
        let happened = tokio::select! {
            written = write(stdin, outgoing), if writes => Happened::Written(written.is_ok()),
            n = read(stdout, reads, reads.stdout_has_room) => Happened::Read(Stream::Stdout, n),
            n = read(stderr, reads, reads.stderr_has_room) => Happened::Read(Stream::Stderr, n),
            () = exit, if waits_for_exit => Happened::Exited,
            () = until(rest_until), if rest_until.is_some() => Happened::Finished,
        };
        match happened {
            Happened::Written(false) => self.close_input(),
            Happened::Written(true) => {
                self.may_have_started |= self.is_told_to_go;
            }
            Happened::Read(stream, n) => self.read(stream, n),
            Happened::Exited => {
                self.rest_until = Some(Instant::now() + REST);
                if are_closed {
                    self.finish();
                }
            }
            Happened::Finished => self.finish(),
        }
    }

    fn read(&mut self, stream: Stream, n: usize) {
        if n == 0 {
            match stream {
                Stream::Stdout => self.stdout.pipe = None,
                Stream::Stderr => self.stderr.pipe = None,
            }
            if self.stdout.pipe.is_none() && self.stderr.pipe.is_none() && self.rest_until.is_some() {
                self.finish();
            }
            return;
        }
        let chunk = match stream {
            Stream::Stdout => &mut self.stdout.chunk,
            Stream::Stderr => &mut self.stderr.chunk,
        };
        self.decoder.push(stream, chunk.get(..n).unwrap_or_default(), &mut self.fresh);
        if n == chunk.len() && n < CHUNK {
            chunk.resize(CHUNK, 0);
        }
        self.take_fresh();
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) {
            self.decoder.finish(&mut self.fresh);
            self.take_fresh();
        }
    }

    fn take_fresh(&mut self) {
        self.has_said_bye |= self.fresh.contains(&Event::Bye);
        self.events.extend(self.fresh.drain(..));
    }

    fn answer(&mut self, event: &Event) {
        let answer = self.request.answer(event).map(|bytes: &SecretBytes| bytes.expose_secret().to_vec());
        match (event, answer) {
            (Event::PasswordWanted, None) | (Event::PasswordRefused, _) => self.close_input(),
            (event, Some(answer)) => {
                self.outgoing.push_back((answer, 0));
                self.is_told_to_go |= matches!(event, Event::Started(_));
            }
            (_, None) => {}
        }
    }
}

/// How output is to be read.
pub(super) struct Reads<'a> {
    /// Where it goes, and what says when it is welcome; nobody slows down what is not shown.
    pub(super) progress: Option<&'a Progress>,
    pub(super) stdout_has_room: bool,
    pub(super) stderr_has_room: bool,
}

impl Reads<'_> {
    /// For sessions without output.
    pub(super) const ALL: Reads<'static> =
        Reads { progress: None, stdout_has_room: false, stderr_has_room: false };
}

enum Happened {
    Written(bool),
    Read(Stream, usize),
    Exited,
    Finished,
}

async fn write(stdin: &mut Option<Input>, outgoing: &mut VecDeque<(Vec<u8>, usize)>) -> io::Result<()> {
    let (Some(stdin), Some((bytes, at))) = (stdin.as_mut(), outgoing.front_mut()) else { return Ok(()) };
    let rest = bytes.get(*at..).unwrap_or_default();
    if !rest.is_empty() {
        *at += stdin.write(rest).await?;
    }
    if *at >= bytes.len() {
        zeroize(bytes);
        outgoing.pop_front();
    }
    Ok(())
}

/// It may hold secrets.
fn zeroize(bytes: &mut Vec<u8>) {
    drop(SecretBytes::from(std::mem::take(bytes)));
}

async fn read(half: &mut Half, reads: &Reads<'_>, has_room: bool) -> usize {
    let Some(pipe) = &mut half.pipe else { return std::future::pending().await };
    if let (Some(progress), true) = (reads.progress, has_room) {
        progress.ready().await;
    }
    // What cannot be read is over.
    pipe.read(&mut half.chunk).await.unwrap_or(0)
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;
    use crate::wrapper::{Kill, Traces};

    /// Whether a session is over when its script has said goodbye while the process of `exit` stays.
    async fn is_over_by_word(is_own_process: bool) -> bool {
        let traces: Traces = "b 2 3 4 5".parse().unwrap();
        let request = Request::kill(&Kill { traces }, None).unwrap();
        let opening = String::from_utf8(request.opening().expose_secret().to_vec()).unwrap();
        let nonce = opening.split_whitespace().nth(1).unwrap().to_owned();
        let (stdin, _input) = duplex(64);
        let (mut says, stdout) = duplex(1024);
        let (_open, stderr) = duplex(64);
        let parts = Parts { stdin, stdout, stderr, exit: std::future::pending(), is_own_process };
        let mut session = Session::over(request, parts);
        says.write_all(format!("\u{1e}{nonce} bye\u{1e}").as_bytes()).await.unwrap();
        tokio::select! {
            biased;
            () = session.ended() => true,
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => false,
        }
    }

    #[tokio::test]
    async fn a_process_that_stays_for_the_output_is_not_waited_for() {
        assert!(is_over_by_word(true).await);
        assert!(
            !is_over_by_word(false).await,
            "the server tells when a session in a shared connection has ended"
        );
    }
}
