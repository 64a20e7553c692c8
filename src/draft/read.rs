//! Reads samples: one thread cuts a file into documents, others look into them.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::keys::KeyRows;
use super::nodes::{NodeShape, add_document};
use super::sniff;
use crate::bronze::{ChunkReader, ChunkWriter, Lake, Limits, Lines, chunks};
use crate::counted::counted;
use crate::entity::{Format, Input};
use crate::error::{Context, Error, Kind, Result};

/// Bytes of documents that are handed over at a time.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes of a file that are read at a time.
const FILE_BYTES: usize = 128 * 1024;

/// Bytes of a header in which a delimiter is looked for.
const HEADER_BYTES: usize = 256 * 1024;

/// Limits of documents that are tried out.
const TRIAL_LIMITS: Limits = Limits { line_bytes: 1024 * 1024, ratio: 1_000 };

/// Where a sample is.
#[derive(Debug, Clone)]
pub enum SampleFile {
    /// A file.
    Path(PathBuf),
    /// An object of the lake, with its etag.
    Object(Lake, String, String),
}

/// What samples came to. Written down, it has names and counts, and no value.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SampleReading {
    /// The shape of the documents.
    pub shape: NodeShape,
    /// Which fields are unique.
    pub keys: KeyRows,
    /// Documents.
    pub documents: u64,
    /// Lines that are no documents.
    pub unusable: u64,
    /// Decompressed bytes.
    pub bytes: u64,
    /// The byte that separates the fields, where a sample is CSV.
    pub delimiter: Option<u8>,
}

impl SampleReading {
    /// Makes sure that there is a document.
    ///
    /// # Errors
    /// `Usage` if there is none.
    pub fn require_documents(&self) -> Result<()> {
        if self.documents > 0 {
            return Ok(());
        }
        let error = Error::new(Kind::Usage, "the samples contain no document");
        Err(match self.unusable {
            0 => error.hint("a sample is NDJSON, a JSON array or CSV, plain or compressed (docs/inputs.md)"),
            n => error.detail(counted(n, "line is no JSON document", "lines are no JSON documents")).hint(
                "a document is a JSON object on one line, or in an array (jq -c writes them so); CSV is known by \
                     its name: it ends in .csv, .csv.gz or .csv.zst (docs/inputs.md)",
            ),
        })
    }

    /// Adds what another sample came to; which fields are unique over both is not known then.
    pub fn merge(&mut self, other: Self) {
        self.shape.merge(other.shape);
        self.keys.merge_children(other.keys);
        self.documents += other.documents;
        self.unusable += other.unusable;
        self.bytes += other.bytes;
        self.delimiter = self.delimiter.or(other.delimiter);
    }
}

impl SampleFile {
    /// A text that changes with its content; `None` if nothing says so.
    pub fn identity(&self) -> Option<String> {
        match self {
            Self::Path(path) => {
                let meta = std::fs::metadata(path).ok()?;
                let path = std::fs::canonicalize(path).ok()?;
                let (time, inode) = ((meta.mtime(), meta.mtime_nsec()), meta.ino());
                Some(format!("{}|{}|{time:?}|{inode}", path.display(), meta.len()))
            }
            Self::Object(lake, path, etag) => Some(format!("{}|{path}|{etag}", lake.shown())),
        }
    }

    /// Its name, as messages show it.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Object(_, path, _) => path.clone(),
        }
    }

    /// Whether its name ends so, or so with `.gz` or `.zst`.
    fn ends_with(&self, endings: &[&str]) -> bool {
        let name = self.name().to_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        endings.iter().any(|ending| name.ends_with(ending))
    }

    fn is_csv(&self) -> bool {
        self.ends_with(&[".csv"])
    }

    /// How it is written, if the entity's objects are written as `declared`: so, but in any compression, and
    /// in another format if its name says so.
    fn input(&self, declared: &Input) -> Input {
        let is_other = match declared.format {
            Some(Format::Csv) => self.ends_with(&[".json", ".jsonl", ".ndjson"]),
            Some(Format::Ndjson | Format::Array) => self.is_csv(),
            None => false,
        };
        let format = declared.format.filter(|_| !is_other);
        Input { compression: None, suffixes: Vec::new(), format, ..declared.clone() }
    }

    /// Begins to read: the bytes arrive at the reader.
    async fn open(&self) -> Result<ChunkReader> {
        let (writer, reader) = chunks::channel(&self.name());
        match self {
            Self::Path(path) => {
                let opened = std::fs::File::open(path);
                let file = opened.map_err(|e| {
                    Error::new(Kind::Usage, format!("cannot read the sample {}", path.display())).caused_by(e)
                })?;
                let handle = Handle::current();
                tokio::task::spawn_blocking(move || copy_file(file, writer, &handle));
            }
            Self::Object(lake, path, etag) => {
                let body = lake.read(path, etag).await?;
                tokio::spawn(writer.write_all(body));
            }
        }
        Ok(reader)
    }
}

fn copy_file(mut file: std::fs::File, mut writer: ChunkWriter, handle: &Handle) {
    let mut buffer = vec![0; FILE_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return handle.block_on(writer.finish()),
            Ok(n) if handle.block_on(writer.write(Bytes::copy_from_slice(&buffer[..n]))) => {}
            Ok(_) => return,
            Err(e) => {
                let error = Error::new(Kind::SourceUnavailable, "the sample cannot be read").caused_by(e);
                return handle.block_on(writer.fail(error));
            }
        }
    }
}

/// Documents on their way to a thread that looks into them.
#[derive(Debug, Default)]
struct Documents {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Threads that look into documents.
struct Lookers {
    sender: SyncSender<Documents>,
    threads: Vec<JoinHandle<(NodeShape, u64, u64)>>,
}

impl Lookers {
    fn new(count: usize) -> Self {
        let (sender, receiver) = sync_channel(2);
        let receiver = Arc::new(Mutex::new(receiver));
        let look = |receiver: Arc<Mutex<Receiver<Documents>>>| move || look(&receiver);
        let threads = (0..count.max(1)).map(|_| std::thread::spawn(look(receiver.clone()))).collect();
        Self { sender, threads }
    }

    /// What all of them have found.
    fn end(self, reading: &mut SampleReading) -> Result<()> {
        drop(self.sender);
        for thread in self.threads {
            let (shape, documents, unusable) =
                thread.join().map_err(|_| Error::new(Kind::Internal, "a thread that reads a sample died"))?;
            reading.shape.merge(shape);
            reading.documents += documents;
            reading.unusable += unusable;
        }
        Ok(())
    }
}

fn look(receiver: &Mutex<Receiver<Documents>>) -> (NodeShape, u64, u64) {
    let (mut shape, mut documents, mut unusable) = (NodeShape::default(), 0, 0);
    loop {
        let received = receiver.lock().recv();
        let Ok(batch) = received else { return (shape, documents, unusable) };
        let mut begin = 0;
        for end in batch.ends {
            match add_document(&mut shape, &batch.bytes[begin..end]) {
                true => documents += 1,
                false => unusable += 1,
            }
            begin = end;
        }
    }
}

/// Reads all samples, on as many threads, as the objects of an entity are `declared` to be written; without
/// that, as names and contents say.
///
/// # Errors
/// `Usage` for a file that cannot be opened, and for CSV with several delimiters; `SourceCorrupt` for one
/// that is broken; those of the lake.
pub async fn read_samples(
    samples: &[SampleFile],
    declared: Option<&Input>,
    limits: Limits,
    threads: usize,
) -> Result<SampleReading> {
    let lookers = Lookers::new(threads);
    let mut reading = SampleReading::default();
    for sample in samples {
        let input = match declared {
            Some(declared) => sample.input(declared),
            None if sample.is_csv() => {
                let delimiter = delimiter(sample, limits, &mut reading).await?;
                Input { format: Some(Format::Csv), delimiter, ..Input::default() }
            }
            None => Input::default(),
        };
        let lines = Lines::new(sample.open().await?, &input, limits);
        let sender = lookers.sender.clone();
        let keys = std::mem::take(&mut reading.keys);
        let cut = tokio::task::spawn_blocking(move || cut(lines, &sender, keys));
        let (keys, bytes, refused) = cut.await.map_err(died)?.context(sample.name())?;
        reading.keys = keys;
        reading.bytes += bytes;
        reading.unusable += refused;
    }
    let ended = tokio::task::spawn_blocking(move || lookers.end(&mut reading).map(|()| reading));
    ended.await.map_err(died)?
}

fn died(e: tokio::task::JoinError) -> Error {
    Error::new(Kind::Internal, "a thread that reads a sample died").caused_by(e)
}

/// The delimiter of a CSV file, by its header: one for all samples.
async fn delimiter(sample: &SampleFile, limits: Limits, reading: &mut SampleReading) -> Result<u8> {
    let input = Input { format: Some(Format::Ndjson), ..Input::default() };
    let mut lines = Lines::new(sample.open().await?, &input, limits);
    let found = tokio::task::spawn_blocking(move || -> Result<Option<u8>> {
        let mut header = Vec::new();
        // A name in quotes may go on in the next line.
        while let Some(line) = lines.next_line()? {
            header.extend_from_slice(line.bytes);
            if !sniff::is_open(&header) || header.len() > HEADER_BYTES {
                break;
            }
        }
        Ok(sniff::delimiter(&header))
    });
    let found = found.await.map_err(died)?.context(sample.name())?;
    match (reading.delimiter, found) {
        (Some(known), Some(other)) if known != other => {
            let (known, other) = (char::from(known), char::from(other));
            let message = format!("{} separates fields by {other:?}, and another sample by {known:?}", sample.name());
            Err(Error::new(Kind::Usage, message).hint("the objects of an entity have one delimiter: leave some out"))
        }
        (known, found) => {
            let delimiter = found.or(known).unwrap_or(b',');
            reading.delimiter = Some(delimiter);
            Ok(delimiter)
        }
    }
}

/// Hands the documents of a file over, and collects keys. Returns them, the bytes, and how many lines are too
/// long or no rows.
fn cut(mut lines: Lines, sender: &SyncSender<Documents>, mut keys: KeyRows) -> Result<(KeyRows, u64, u64)> {
    let (mut batch, mut bytes, mut refused) = (Documents::default(), 0, 0);
    while let Some(line) = lines.next_line()? {
        if line.refused.is_some() {
            refused += 1;
            continue;
        }
        if !keys.is_full() {
            keys.add(line.bytes);
        }
        batch.bytes.extend_from_slice(line.bytes);
        batch.ends.push(batch.bytes.len());
        if batch.bytes.len() >= BATCH_BYTES {
            // Nobody receives only when a thread died, and its end is an error.
            let _ = sender.send(std::mem::take(&mut batch));
        }
        bytes = lines.bytes_read().unsigned_abs();
    }
    let _ = sender.send(batch);
    Ok((keys, bytes, refused))
}

/// The first documents of samples of an entity whose objects are written as `declared`; at most `most`.
///
/// # Errors
/// As [`read_samples`].
pub async fn first_documents(samples: &[SampleFile], declared: &Input, most: usize) -> Result<Vec<Vec<u8>>> {
    let mut documents: Vec<Vec<u8>> = Vec::new();
    for sample in samples {
        let room = most - documents.len();
        let mut lines = Lines::new(sample.open().await?, &sample.input(declared), TRIAL_LIMITS);
        let read = tokio::task::spawn_blocking(move || -> Result<Vec<Vec<u8>>> {
            let mut found = Vec::new();
            while found.len() < room
                && let Some(line) = lines.next_line()?
            {
                found.extend(line.refused.is_none().then(|| line.bytes.to_vec()));
            }
            Ok(found)
        });
        documents.extend(read.await.map_err(died)?.context(sample.name())?);
    }
    Ok(documents)
}
