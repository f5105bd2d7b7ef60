//! What commands print, in files of its own: append-only, and never in the way of a start.
//!
//! Each job has a folder with segments and an index. A segment is bytes of many hosts one after the other; the index has a
//! record of [`RECORD`] bytes for each piece, in the order in which they were written, little-endian:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | the host's number in the plan |
//! | 4 | the attempt |
//! | 4 | 0 for standard output, 1 for standard error |
//! | 4 | the length of the piece |
//! | 8 | the number of the segment |
//! | 8 | where in the segment the piece begins |
//! | 8 | bytes that were dropped behind it |
//!
//! A piece is in its segment before the index names it, so what is read is whole, also while the job runs. Nothing here is
//! synced: after a crash of the machine the end of an output may be missing, and nothing is decided by output.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use pogo_plan::HostIdx;
use pogo_plan::event::{JobId, Stream};
use pogo_plan::outcome::Attempt;

use crate::error::StoreError;
use crate::folder::Folder;
use crate::store::Store;

const RECORD: usize = 40;
/// A segment that has grown so far is followed by another.
const SEGMENT: u64 = 64 << 20;
/// A piece of this size is written at once, a smaller one when it is this old or its attempt ends.
const PIECE: usize = 64 << 10;
const AGE: Duration = Duration::from_millis(200);
/// How much may wait for the disk. What comes on top of that is counted and dropped.
const WAITING: usize = 4096;

type Key = (u32, u32, u32);

enum Word {
    Bytes(Key, Vec<u8>),
    End(Key, u64),
}

/// Keeps the output of a job's attempts. Dropping it writes what is left.
#[derive(Debug)]
pub struct OutputWriter {
    words: Option<SyncSender<Word>>,
    lost: Arc<Mutex<HashMap<Key, u64>>>,
    thread: Option<JoinHandle<()>>,
}

/// What is kept of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many more there were.
    pub dropped: u64,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Word")
    }
}

fn key(host: HostIdx, attempt: Attempt, stream: Stream) -> Key {
    let stream = match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    };
    (u32::try_from(host.index()).unwrap_or(u32::MAX), attempt.0, stream)
}

impl OutputWriter {
    /// Keeps the output of a job, whose owner this process is.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`], [`StoreError::Full`], [`StoreError::Io`].
    pub fn open(store: &Store, job: JobId) -> Result<Self, StoreError> {
        let path = store.folder.output_of(job);
        let failed = |error| StoreError::io("cannot make the folder", &path, error);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            Err(_) => {}
            Ok(()) => store.folder.share(&path, true),
        }
        let index = path.join("index");
        drop(store.folder.open(&index)?);
        let index = File::options().append(true).open(&index).map_err(failed)?;
        let (words, inbox) = sync_channel(WAITING);
        let lost = Arc::new(Mutex::new(HashMap::new()));
        let keeper = Keeper {
            folder: Arc::clone(&store.folder),
            path: path.clone(),
            index,
            segment: None,
            waiting: BTreeMap::new(),
            lost: Arc::clone(&lost),
        };
        let thread = std::thread::Builder::new()
            .name("pogo-output".to_owned())
            .spawn(move || keeper.work(&inbox))
            .map_err(failed)?;
        Ok(Self { words: Some(words), lost, thread: Some(thread) })
    }

    /// Keeps some bytes; never waits. What the disk cannot take in time is counted and dropped.
    pub fn write(&self, host: HostIdx, attempt: Attempt, stream: Stream, bytes: Vec<u8>) {
        let key = key(host, attempt, stream);
        let length = bytes.len() as u64;
        let sent = self.words.as_ref().map(|words| words.try_send(Word::Bytes(key, bytes)));
        if !matches!(sent, Some(Ok(()))) {
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += length;
        }
    }

    /// The stream has ended; `dropped` bytes of it were not handed in.
    pub fn end(&self, host: HostIdx, attempt: Attempt, stream: Stream, dropped: u64) {
        let key = key(host, attempt, stream);
        let sent = self.words.as_ref().map(|words| words.try_send(Word::End(key, dropped)));
        // Said when the thread next has time for it.
        if let Some(Err(TrySendError::Full(_))) = sent {
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += dropped;
        }
    }
}

impl Drop for OutputWriter {
    fn drop(&mut self) {
        self.words = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Keeper {
    folder: Arc<Folder>,
    path: PathBuf,
    index: File,
    /// The segment that is written to, its number and its length.
    segment: Option<(File, u64, u64)>,
    /// What is not in a segment yet, and since when.
    waiting: BTreeMap<Key, (Vec<u8>, Instant)>,
    lost: Arc<Mutex<HashMap<Key, u64>>>,
}

impl Keeper {
    fn work(mut self, inbox: &Receiver<Word>) {
        loop {
            match inbox.recv_timeout(AGE) {
                Ok(Word::Bytes(key, bytes)) => {
                    let waiting = self.waiting.entry(key).or_insert_with(|| (Vec::new(), Instant::now()));
                    waiting.0.extend_from_slice(&bytes);
                    if waiting.0.len() >= PIECE || waiting.1.elapsed() >= AGE {
                        self.flush(key, 0);
                    }
                }
                Ok(Word::End(key, dropped)) => self.flush(key, dropped),
                Err(RecvTimeoutError::Timeout) => self.flush_all(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.flush_all();
                    return;
                }
            }
        }
    }

    fn flush_all(&mut self) {
        let mut keys: Vec<Key> = self.waiting.keys().copied().collect();
        keys.extend(self.lost.lock().unwrap_or_else(PoisonError::into_inner).keys());
        for key in keys {
            self.flush(key, 0);
        }
    }

    fn flush(&mut self, key: Key, dropped: u64) {
        let bytes = self.waiting.remove(&key).map(|(bytes, _)| bytes).unwrap_or_default();
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).remove(&key).unwrap_or(0);
        let dropped = dropped + lost;
        if bytes.is_empty() && dropped == 0 {
            return;
        }
        if let Err(error) = self.put(key, &bytes, dropped) {
            tracing::warn!(%error, "output is not kept");
            // A later piece may find room again, and then says how much is missing.
            let missing = bytes.len() as u64 + dropped;
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += missing;
        }
    }

    fn put(&mut self, (host, attempt, stream): Key, bytes: &[u8], dropped: u64) -> io::Result<()> {
        let (segment, number, at) = self.segment()?;
        segment.write_all_at(bytes, *at)?;
        let (number, start) = (*number, *at);
        *at += bytes.len() as u64;
        let mut record = Vec::with_capacity(RECORD);
        for part in [host, attempt, stream, u32::try_from(bytes.len()).unwrap_or(u32::MAX)] {
            record.extend_from_slice(&part.to_le_bytes());
        }
        for part in [number, start, dropped] {
            record.extend_from_slice(&part.to_le_bytes());
        }
        self.index.write_all(&record)
    }

    fn segment(&mut self) -> io::Result<&mut (File, u64, u64)> {
        if self.segment.as_ref().is_some_and(|(_, _, length)| *length >= SEGMENT) {
            self.segment = None;
        }
        match &mut self.segment {
            Some(segment) => Ok(segment),
            empty @ None => {
                // A process begins a segment of its own: what another one left may have a torn end.
                let mut number = 1;
                let path = loop {
                    let path = self.path.join(format!("segment-{number}"));
                    match File::options().write(true).create_new(true).open(&path) {
                        Ok(_) => break path,
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                        Err(error) => return Err(error),
                    }
                };
                self.folder.share(&path, false);
                let file = File::options().write(true).open(&path)?;
                Ok(empty.insert((file, number, 0)))
            }
        }
    }
}

/// What is kept of an attempt's stream so far; empty if nothing is.
pub(crate) fn read(
    folder: &Folder,
    job: JobId,
    host: HostIdx,
    attempt: Attempt,
    stream: Stream,
) -> Result<Output, StoreError> {
    let path = folder.output_of(job);
    let failed = |error| StoreError::io("cannot read the output in", &path, error);
    let wanted = key(host, attempt, stream);
    let mut output = Output::default();
    let index = match fs::read(path.join("index")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(output),
        other => other.map_err(failed)?,
    };
    let mut segments: HashMap<u64, File> = HashMap::new();
    // A record whose end is missing is being written.
    for record in index.chunks_exact(RECORD) {
        let mut rest = record;
        let (host, attempt, stream) = (number(&mut rest), number(&mut rest), number(&mut rest));
        let length = number(&mut rest);
        let (segment, start, dropped) = (long(&mut rest), long(&mut rest), long(&mut rest));
        if (host, attempt, stream) != wanted {
            continue;
        }
        if length > 0 {
            let file = match segments.entry(segment) {
                hashbrown::hash_map::Entry::Occupied(file) => file.into_mut(),
                hashbrown::hash_map::Entry::Vacant(empty) => {
                    empty.insert(File::open(path.join(format!("segment-{segment}"))).map_err(failed)?)
                }
            };
            let mut piece = vec![0; length as usize];
            file.read_exact_at(&mut piece, start).map_err(failed)?;
            output.bytes.append(&mut piece);
        }
        output.dropped += dropped;
    }
    Ok(output)
}

fn number(rest: &mut &[u8]) -> u32 {
    let mut bytes = [0; 4];
    // A record has all its bytes.
    let _ = rest.read_exact(&mut bytes);
    u32::from_le_bytes(bytes)
}

fn long(rest: &mut &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let _ = rest.read_exact(&mut bytes);
    u64::from_le_bytes(bytes)
}
