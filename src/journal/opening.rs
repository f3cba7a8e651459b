//! What an earlier process has left.
//!
//! Owns the first reading of all segments, and the ends of exchanges that were open. Keeps in memory only what is open,
//! never what has ended.

use super::{
    Disk, Full, JournalSettings, Shared,
    files::Files,
    frame::{Frame, Kind},
    frames::Frames,
    free::Free,
    mark::Place,
    segment::{Name, Segment, Spare},
    sync::Syncing,
};
use crate::types::{ExchangeId, Record};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicU64},
};

const LOCK: &str = "lock";
/// So that every place in a segment has a number.
const MOST_SEGMENT_BYTES: u64 = 1 << 30;

/// Why the journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its directory cannot be made, read or written.
    #[error("the journal {} cannot be opened: {error}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process has it open.
    #[error("the journal {} is in use by another process", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// Exchanges of an earlier process are open, and their ends cannot be written.
    #[error("the journal cannot note that exchanges were interrupted: {0}")]
    NoRoom(Full),
    /// Its thread cannot be started.
    #[error("the journal's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// What was found.
#[derive(Default)]
struct Left {
    segments: BTreeMap<u32, Segment>,
    /// Files without a byte.
    empty: Vec<Name>,
    /// Where those begin that have no end.
    open: HashMap<ExchangeId, Place>,
    damaged_bytes: u64,
}

pub(super) fn open(
    disk: Disk,
    settings: JournalSettings,
    interrupt: impl FnMut(&mut Record),
) -> Result<Shared, JournalError> {
    let path = settings.dir.clone();
    let failed = |error| JournalError::Directory { path: path.clone(), error };
    let lock = claim(&settings.dir)?;
    let mut left = Left::default();
    for name in names(&settings.dir).map_err(failed)? {
        left.scan(&settings.dir, name).map_err(failed)?;
    }
    let Left { segments, empty, open, damaged_bytes } = left;
    let segment_bytes = settings.segment_bytes.min(settings.most_bytes / 8);
    let segment_bytes = u32::try_from(segment_bytes.clamp(1, MOST_SEGMENT_BYTES)).unwrap_or(1);
    let shared = Shared {
        dir: settings.dir,
        segment_bytes,
        most_bytes: settings.most_bytes,
        durability: settings.durability,
        disk,
        files: Mutex::new(Files::new(segment_bytes, segments)),
        free: Free::default(),
        growth: Mutex::new(None),
        syncing: Syncing::new(),
        unwritten: AtomicU64::new(0),
        damaged_bytes,
        _lock: lock,
    };
    shared.reopen_last().map_err(failed)?;
    shared.reuse(empty);
    shared.interrupt(open, interrupt)?;
    shared.sync();
    shared.settle(&[]);
    Ok(shared)
}

/// Makes the directory, for its owner alone, and locks it.
fn claim(dir: &Path) -> Result<File, JournalError> {
    let failed = |error| JournalError::Directory { path: dir.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(dir.join(LOCK)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The segments of a directory, in order. Other files in it are none of ours.
fn names(dir: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().to_str().and_then(Name::parse));
    }
    names.sort_unstable();
    names.dedup_by(|later, first| {
        let is_copy = later.number == first.number;
        if is_copy {
            tracing::error!(
                file = later.file_name(),
                "another file of the journal has this number; it is left out"
            );
        }
        is_copy
    });
    Ok(names)
}

impl Left {
    fn scan(&mut self, dir: &Path, name: Name) -> io::Result<()> {
        let path = name.path(dir);
        let file = File::open(&path)?;
        let bytes = file.metadata()?.len();
        if bytes == 0 {
            self.empty.push(name);
            return Ok(());
        }
        let mut segment = Segment::new(name);
        // Not what is behind the last frame: a torn tail is no damage.
        let mut damaged = 0;
        let mut frames = Frames::new(&file, name.salt, 0, u32::try_from(bytes).unwrap_or(u32::MAX));
        loop {
            let Some(frame) = frames.next()? else { break };
            segment.length = frame.end;
            match frame.found.kind {
                Kind::Begin => {
                    let place = Place { segment: name.number, offset: frame.offset };
                    self.open.insert(frame.found.id, place);
                }
                Kind::End => {
                    segment.unsettled += 1;
                    self.open.remove(&frame.found.id);
                }
            }
            damaged = frames.damaged();
        }
        segment.is_damaged = damaged > 0;
        let torn = bytes - u64::from(segment.length);
        if frames.damaged() > 0 {
            self.damaged_bytes += frames.damaged();
            tracing::warn!(path = %path.display(), bytes = frames.damaged(), torn, "left out what is no record in the journal");
        }
        self.segments.insert(name.number, segment);
        Ok(())
    }
}

impl Shared {
    /// Goes on in the last segment: what open exchanges had reserved there is still allocated, on a full disk too.
    fn reopen_last(&self) -> io::Result<()> {
        let mut files = self.files();
        let Some(last) = files.written().last() else { return Ok(()) };
        let (name, length) = (last.name, last.length);
        let file = OpenOptions::new().read(true).write(true).open(name.path(&self.dir))?;
        if file.metadata()?.len() > length.into() {
            // A torn tail.
            file.set_len(length.into())?;
        }
        let is_open =
            length < self.segment_bytes && (self.disk.allocate)(&file, self.file_bytes()).is_ok();
        self.free.give(files.reopen_last(file, is_open));
        Ok(())
    }

    /// Takes the empty segments that an earlier process had made for its spare ones.
    fn reuse(&self, empty: Vec<Name>) {
        for name in empty {
            let path = name.path(&self.dir);
            let file = OpenOptions::new().read(true).write(true).open(&path);
            let file = file.and_then(|file| {
                (self.disk.allocate)(&file, self.file_bytes())?;
                Ok(Arc::new(file))
            });
            match file {
                Ok(file) if name.number >= self.files().next_number() => {
                    self.files().add_spare(Spare { name, file });
                    self.free.give(self.segment_bytes.into());
                }
                _ => drop(fs::remove_file(&path)),
            }
        }
    }

    /// Gives what is open its end. A beginning that cannot be read holds its segment, so that another version may.
    fn interrupt(
        &self,
        open: HashMap<ExchangeId, Place>,
        mut interrupt: impl FnMut(&mut Record),
    ) -> Result<(), JournalError> {
        let mut open: Vec<Place> = open.into_values().collect();
        open.sort_unstable();
        for place in open {
            let record = self.read_begin(place);
            let frame = record.and_then(|mut record| {
                interrupt(&mut record);
                Frame::of(Kind::End, 0, &record)
            });
            match frame {
                Ok(frame) => self.write_interrupted(frame)?,
                Err(error) => {
                    tracing::error!(%error, "an open exchange in the journal cannot be read");
                    self.files().hold(place.segment);
                }
            }
        }
        Ok(())
    }

    fn read_begin(&self, place: Place) -> Result<Record, String> {
        let stretch = self.files().stretch(place).ok_or("its segment is gone")?;
        let file = File::open(stretch.name.path(&self.dir)).map_err(|error| error.to_string())?;
        let mut frames = Frames::new(&file, stretch.name.salt, stretch.start, stretch.end);
        let frame = frames.next().map_err(|error| error.to_string())?.ok_or("it is gone")?;
        serde_json::from_slice(frame.payload).map_err(|error| error.to_string())
    }

    /// The room of these ends was reserved by the process that began them: they may go over the cap.
    fn write_interrupted(&self, frame: Frame) -> Result<(), JournalError> {
        let size = u64::from(frame.size());
        while !self.free.take(size, 0) {
            self.grow(u64::MAX, None).map_err(JournalError::NoRoom)?;
        }
        let written = self.append(frame);
        written
            .map(|_| ())
            .map_err(|error| JournalError::Directory { path: self.dir.clone(), error })
    }
}
