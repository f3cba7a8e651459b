//! The journal's thread: brings to the disk what was written, and sees to room for what will be.
//!
//! Owns the times at which it does (10 ms after the first write, or at once where exchanges wait for it; every 50 ms as
//! long as there is too little room), and who waits. All that was written while a sync ran is synced together by the
//! next. It sleeps while there is nothing to do.

use super::{
    Durability, Shared,
    files::{Closed, Unsynced},
    mark::{Place, Written},
};
use std::{
    fs::File,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};
use tokio::sync::watch;

const DELAY: Duration = Duration::from_millis(10);
/// How long a disk without room is left alone.
const PREPARE_EVERY: Duration = Duration::from_millis(50);

/// What was written may be lost with the machine's power, or could not be written at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the journal could not be synced")]
pub struct SyncFailed;

#[derive(Debug)]
pub(super) struct Syncing {
    /// Something was written since the last sync began.
    is_dirty: AtomicBool,
    /// Segments are to be made, or one is to be forgotten.
    is_room_wanted: AtomicBool,
    is_closing: AtomicBool,
    thread: OnceLock<Thread>,
    /// How often it failed. The kernel reports a page that could not be written once, and then takes it for clean: so
    /// a sync that fails condemns all that was waiting, and a later success does not acquit it.
    failures: AtomicU32,
    /// All before it has been synced, or has been tried to.
    tried: watch::Sender<Place>,
}

impl Syncing {
    pub(super) fn new() -> Self {
        Self {
            is_dirty: AtomicBool::new(false),
            is_room_wanted: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            thread: OnceLock::new(),
            failures: AtomicU32::new(0),
            tried: watch::Sender::new(Place::START),
        }
    }

    /// Wakes the thread with the first write after a sync.
    pub(super) fn note_write(&self) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    /// Has the thread prepare, soon.
    pub(super) fn ask_for_room(&self) {
        if !self.is_room_wanted.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// Waits until something was synced, if the settings ask for it.
pub(super) async fn durable(shared: Arc<Shared>, written: Written) -> Result<(), SyncFailed> {
    if written == Written::NOTHING {
        return Err(SyncFailed);
    }
    if shared.durability == Durability::Process {
        return Ok(());
    }
    let mut tried = shared.syncing.tried.subscribe();
    let reached = tried.wait_for(|tried| *tried >= written.up_to).await.is_ok();
    let is_synced = reached && shared.syncing.failures() == written.failures;
    if is_synced { Ok(()) } else { Err(SyncFailed) }
}

/// Starts the thread. It ends after [`Syncing::close`].
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let delay = match shared.durability {
        Durability::Process => DELAY,
        Durability::Disk => Duration::ZERO,
    };
    let thread_shared = Arc::clone(shared);
    let thread = thread::Builder::new().name("journal".to_owned());
    let thread = thread.spawn(move || thread_shared.work(delay))?;
    // Before anybody can write.
    let _ = shared.syncing.thread.set(thread.thread().clone());
    Ok(thread)
}

impl Shared {
    /// What the thread does, until all is synced that was written before it is to end.
    fn work(&self, delay: Duration) {
        let syncing = &self.syncing;
        let (mut dirty_since, mut prepared_at) = (None, None);
        loop {
            // Before it is looked whether anything was written, so that nothing is missed.
            let is_closing = syncing.is_closing.load(Ordering::Acquire);
            let now = Instant::now();
            let is_dirty = syncing.is_dirty.load(Ordering::Acquire);
            let sync_at = is_dirty.then(|| *dirty_since.get_or_insert(now) + delay);
            if sync_at.is_some_and(|at| is_closing || at <= now) {
                dirty_since = None;
                self.sync();
                continue;
            }
            if is_closing {
                return;
            }
            let is_room_wanted = syncing.is_room_wanted.load(Ordering::Acquire);
            let prepare_at =
                is_room_wanted.then(|| prepared_at.map_or(now, |at: Instant| at + PREPARE_EVERY));
            if prepare_at.is_some_and(|at| at <= now) {
                // Before it is done, so that it is done again when it fails, or when somebody asks meanwhile.
                syncing.is_room_wanted.swap(false, Ordering::AcqRel);
                self.prepare();
                prepared_at = Some(Instant::now());
                continue;
            }
            match [sync_at, prepare_at].into_iter().flatten().min() {
                Some(at) => thread::park_timeout(at.saturating_duration_since(now)),
                None => thread::park(),
            }
        }
    }

    /// Syncs what was written so far.
    pub(super) fn sync(&self) {
        let syncing = &self.syncing;
        // Before it is looked what there is, so that what comes after asks for another sync.
        syncing.is_dirty.swap(false, Ordering::AcqRel);
        let Unsynced { closed, active, up_to } = self.files().take_unsynced();
        let closed = closed.iter().map(|closed| self.close(closed));
        let active = active.iter().map(|file| (self.disk.sync)(file));
        // All are tried, whatever becomes of one.
        let failures: Vec<io::Error> = closed.chain(active).filter_map(Result::err).collect();
        if let Some(error) = failures.first()
            && syncing.failures.fetch_add(1, Ordering::AcqRel) == 0
        {
            tracing::error!(%error, "the journal could not be synced; further failures are only counted");
        }
        syncing.tried.send_replace(up_to);
    }

    /// Syncs a file that is written to no more, and gives back what it did not need.
    fn close(&self, closed: &Closed) -> io::Result<()> {
        let file: &File = &closed.file;
        (self.disk.sync)(file)?;
        let _ = file.set_len(closed.length.into());
        Ok(())
    }
}
