//! The journal: the record that outlives the process, and that waits while the database is away.
//!
//! Owns the files of one directory: numbered segments of frames, a frame when a call is forwarded and one when its
//! exchange has ended. It must never delete a file that holds an end which the store does not have, nor one that
//! holds the beginning of an exchange which is still open.
//!
//! An exchange reserves the room of both its frames before anything else happens, in what is already allocated on the
//! disk; so an end finds its place, whatever became of the disk meanwhile. A write is one system call into the page
//! cache: it survives the process. The journal's own thread syncs it, after 10 ms or, on demand, at once for all who
//! wait; it also makes segments ahead, so that nobody who writes waits for that.
//!
//! What is settled is forgotten by deleting whole files. Which ends of a file are settled is known in memory only, so a
//! process that is killed leaves some that the next reads again; one that rests leaves none.

mod disk;
mod files;
mod frame;
mod frames;
mod free;
mod growth;
mod mark;
mod opening;
mod reading;
mod room;
mod segment;
mod status;
mod sync;

pub use mark::{Mark, Place, Written};
pub use opening::JournalError;
pub use reading::Chunk;
pub use room::Room;
pub use status::Status;
pub use sync::SyncFailed;

use crate::{config::Durability, types::Record};
use disk::Disk;
use files::Files;
use frame::{Frame, MAX_FRAME_BYTES};
use free::Free;
use std::{
    fmt,
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};
use sync::Syncing;

/// What an exchange reserves for its two frames. A larger record asks for more when it begins.
const ROOM_BYTES: u64 = 8 * 1024;
/// What no exchange can reserve: for ends that have grown beyond their room. A segment, if that is less.
const OVERDRAFT_BYTES: u64 = 2 * MAX_FRAME_BYTES;

/// Where the journal is and how far it goes.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// Its directory, made if it is missing.
    pub dir: PathBuf,
    /// Bytes of one segment; an eighth of `most_bytes` if that is less.
    pub segment_bytes: u64,
    /// Bytes of all segments, at most.
    pub most_bytes: u64,
    /// What [`Journal::durable`] waits for.
    pub durability: Durability,
}

/// Why there is no room for another exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Full {
    /// The journal may not grow any further.
    #[error("the journal has as many bytes as it may have")]
    Cap,
    /// The disk is full, or does not take what is written.
    #[error("the disk has no room for the journal")]
    Disk,
}

/// The journal of a process; its clones are the same one.
#[derive(Clone)]
pub struct Journal(Arc<Owner>);

/// Ends the journal's thread with the last clone.
struct Owner {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the journal's thread shares with everybody else.
struct Shared {
    dir: PathBuf,
    segment_bytes: u32,
    most_bytes: u64,
    durability: Durability,
    disk: Disk,
    files: Mutex<Files>,
    free: Free,
    /// Held while a segment is made.
    growth: Mutex<()>,
    /// Why the last one could not be.
    full: Mutex<Option<Full>>,
    syncing: Syncing,
    /// Frames that could not be written.
    unwritten: AtomicU64,
    damaged_bytes: u64,
    /// One journal, one process. Released when this is dropped.
    _lock: File,
}

impl Journal {
    /// Opens the journal, for one process at a time. What began there and has not ended is shown to `interrupt`, which
    /// says how, and gets its end.
    ///
    /// The file with an exchange's end may be gone when the one with its beginning is still there (held by another
    /// exchange, which took longer). Such an exchange looks open and gets a second end: whoever reads must drop what the
    /// store has under the same id.
    pub fn open(
        settings: JournalSettings,
        interrupt: impl FnMut(&mut Record),
    ) -> Result<Self, JournalError> {
        Self::open_on(Disk::default(), settings, interrupt)
    }

    fn open_on(
        disk: Disk,
        settings: JournalSettings,
        interrupt: impl FnMut(&mut Record),
    ) -> Result<Self, JournalError> {
        let shared = Arc::new(opening::open(disk, settings, interrupt)?);
        let thread = sync::start(&shared).map_err(JournalError::Thread)?;
        let journal = Self(Arc::new(Owner { shared, thread: Some(thread) }));
        journal.prepare();
        Ok(journal)
    }

    /// Reserves the room of an exchange's two frames. Touches the disk only when [`Journal::prepare`] did not come in
    /// time.
    pub fn reserve(&self) -> Result<Room, Full> {
        self.shared().take(ROOM_BYTES, self.shared().overdraft_bytes())?;
        Ok(Room::new(self.clone(), ROOM_BYTES))
    }

    /// Makes spare segments, so that [`Journal::reserve`] and rotation find them; tries again after the disk was full.
    /// The journal's thread does so whenever there is a need: who calls it does not want to wait for that.
    pub fn prepare(&self) {
        self.shared().prepare();
    }

    /// Waits until what was written is as durable as the settings say. What could not be written never is.
    pub fn durable(
        &self,
        written: Written,
    ) -> impl Future<Output = Result<(), SyncFailed>> + Send + 'static + use<> {
        sync::durable(Arc::clone(self.shared()), written)
    }

    /// The store has these: segments in which nothing else is left are deleted. A mark may be settled twice.
    pub fn settle(&self, marks: &[Mark]) {
        self.shared().settle(marks);
    }

    /// Deletes the segment that is written to as well, if nothing in it is left: for times of rest, since a process that
    /// is killed leaves nothing then that the next reads again. The last clone does so when it is dropped.
    pub fn rest(&self) {
        self.shared().rest();
    }

    /// Reads ends in the order in which they were written, `most` at most. All that are not settled are there; some that
    /// are may be.
    pub fn read(&self, from: Place, most: usize) -> io::Result<Chunk> {
        self.shared().read(from, most)
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.shared().status()
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }
}

impl Shared {
    fn files(&self) -> MutexGuard<'_, Files> {
        lock(&self.files)
    }

    /// Writes a frame whose bytes have been taken.
    fn append(&self, frame: Frame) -> io::Result<Written> {
        // Before it is written: a sync that fails right behind the write is not to be taken for an older one.
        let failures = self.syncing.failures();
        let up_to = self.files().append(frame, self.disk, &self.free)?;
        self.syncing.note_write();
        Ok(Written { up_to, failures })
    }

    fn settle(&self, marks: &[Mark]) {
        // In pieces, so that nobody who writes waits for long.
        for marks in marks.chunks(256) {
            let mut files = self.files();
            marks.iter().for_each(|mark| files.settle(mark));
        }
        let settled = self.files().take_settled();
        settled.iter().for_each(|segment| segment.discard(&self.dir));
        if self.files().active_is_over(self.worth_forgetting()) {
            self.syncing.ask_for_room();
        }
    }

    fn note_unwritten(&self, error: &str) {
        if self.unwritten.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(%error, "a frame could not be written to the journal; further ones are only counted");
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.syncing.close();
        if let Some(Err(_panicked)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the journal's thread had died");
        }
        // Behind the last sync, and nobody is left who writes: an exchange's room is a clone of the journal.
        self.shared.rest();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.shared().dir).finish()
    }
}

/// Nothing is left half done by a panic while one of these locks is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
