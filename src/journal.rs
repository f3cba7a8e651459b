//! The journal: the record that outlives the process, and that waits while the database is away.
//!
//! Owns the files of one directory: numbered segments of frames, a frame when a call is forwarded and one when its
//! exchange has ended. It must never delete a file that holds an end which the store does not have, nor one that
//! holds the beginning of an exchange which is still open.
//!
//! An exchange reserves the room of both its frames before anything else happens, in what is already allocated on the
//! disk; so an end finds its place, whatever became of the disk meanwhile. A write is one system call into the page
//! cache: it survives the process. The journal's own thread syncs it, after 10 ms or, on demand, at once for all who
//! wait.

mod disk;
mod files;
mod frame;
mod frames;
mod free;
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
use segment::Spare;
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
    /// To be called often, and after a [`Full`], by a thread that may wait for the disk.
    pub fn prepare(&self) {
        self.shared().prepare();
    }

    /// Waits until what was written is as durable as the settings say.
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

    /// Takes bytes of what is allocated and not promised, but leaves so many; makes a segment if there are not enough.
    fn take(&self, bytes: u64, leave: u64) -> Result<(), Full> {
        while !self.free.take(bytes, leave) {
            // Until the next `prepare` the disk is not asked again.
            if let Some(full) = *lock(&self.full) {
                return Err(full);
            }
            let _growing = lock(&self.growth);
            if self.free.bytes() < bytes + leave {
                self.grow(self.most_bytes)?;
            }
        }
        Ok(())
    }

    fn prepare(&self) {
        let wanted = (2 * u64::from(self.segment_bytes)).max(ROOM_BYTES + self.overdraft_bytes());
        let _growing = lock(&self.growth);
        while self.free.bytes() < wanted {
            if self.grow(self.most_bytes).is_err() {
                return;
            }
        }
        *lock(&self.full) = None;
    }

    /// Makes a spare segment, or notes why it cannot. The caller holds `growth`, or is alone.
    fn grow(&self, most_bytes: u64) -> Result<(), Full> {
        let grown = if self.files().bytes_on_disk() + self.file_bytes() > most_bytes {
            Err(Full::Cap)
        } else {
            self.add_spare().map_err(|error| self.note_refusal(&error))
        };
        *lock(&self.full) = grown.err();
        grown
    }

    fn add_spare(&self) -> io::Result<()> {
        disk::look_for_room(&self.dir, self.file_bytes())?;
        let number = self.files().next_number();
        let spare = Spare::create(&self.dir, number, self.file_bytes(), self.disk)?;
        self.files().add_spare(spare);
        self.free.give(self.segment_bytes.into());
        Ok(())
    }

    fn overdraft_bytes(&self) -> u64 {
        OVERDRAFT_BYTES.min(self.segment_bytes.into())
    }

    /// What is allocated of a segment: its bytes, and the frame that goes over them.
    fn file_bytes(&self) -> u64 {
        u64::from(self.segment_bytes) + MAX_FRAME_BYTES
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
    }

    /// Says that there is no room: once, until there was some again.
    fn note_refusal(&self, error: &io::Error) -> Full {
        if *lock(&self.full) != Some(Full::Disk) {
            tracing::error!(path = %self.dir.display(), %error, "the journal cannot grow; calls without room are refused");
        }
        Full::Disk
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
