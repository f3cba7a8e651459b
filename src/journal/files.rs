//! The segments as they stand: which is written to, which are spare, what each still holds.
//!
//! Owns the order of all frames, being one thing behind one lock: the kernel lets one write to a file at a time anyway.

use super::{
    Disk,
    frame::{Frame, Kind, MAX_FRAME_BYTES},
    free::Free,
    mark::{Mark, Place},
    segment::{Name, Segment, Spare},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io, mem,
    sync::Arc,
};

pub(super) struct Files {
    /// Bytes after which a segment is closed. The frame that goes over it still fits: that much is allocated.
    segment_bytes: u32,
    /// All but the spare ones.
    segments: BTreeMap<u32, Segment>,
    active: Option<Active>,
    spares: VecDeque<Spare>,
    /// Closed, and not synced since.
    unsynced: Vec<Closed>,
    last_number: u32,
    /// Where this process began to write.
    born: Place,
    /// Behind the last frame, whatever became of its segment.
    end: Place,
    /// Exchanges that began here and have not ended.
    open: u64,
}

/// The segment that is written to.
struct Active {
    number: u32,
    file: Arc<File>,
}

/// A file that nobody writes to any more.
pub(super) struct Closed {
    pub(super) file: Arc<File>,
    pub(super) length: u32,
}

/// What of a segment can be read from some place on.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) name: Name,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What has to be synced, and up to where it goes.
pub(super) struct Unsynced {
    pub(super) closed: Vec<Closed>,
    pub(super) active: Option<Arc<File>>,
    pub(super) up_to: Place,
}

impl Files {
    /// What an earlier process has left, closed.
    pub(super) fn new(segment_bytes: u32, segments: BTreeMap<u32, Segment>) -> Self {
        let last = segments.values().next_back();
        let last_number = last.map_or(0, |segment| segment.name.number);
        let offset = last.map_or(0, |segment| segment.length);
        let born = Place { segment: last_number, offset };
        let (spares, unsynced) = (VecDeque::new(), Vec::new());
        Self {
            segment_bytes,
            segments,
            active: None,
            spares,
            unsynced,
            last_number,
            born,
            end: born,
            open: 0,
        }
    }

    /// Goes on writing to the last segment, all of which is allocated.
    pub(super) fn reopen_last(&mut self, file: File) {
        let number = self.last_number;
        self.active = Some(Active { number, file: Arc::new(file) });
    }

    /// Keeps a segment as long as this process lives.
    pub(super) fn hold(&mut self, number: u32) {
        if let Some(segment) = self.segments.get_mut(&number) {
            segment.held += 1;
        }
    }

    pub(super) fn add_spare(&mut self, spare: Spare) {
        self.last_number = self.last_number.max(spare.name.number);
        self.spares.push_back(spare);
    }

    /// A number that no segment has had.
    pub(super) fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }

    pub(super) fn last_number(&self) -> u32 {
        self.last_number
    }

    /// Writes a frame, and returns the place behind it.
    pub(super) fn append(
        &mut self,
        mut frame: Frame,
        disk: Disk,
        free: &Free,
    ) -> io::Result<Place> {
        self.rotate(free)?;
        let no_segment = || io::Error::from(io::ErrorKind::StorageFull);
        let active = self.active.as_ref().ok_or_else(no_segment)?;
        let segment = self.segments.get_mut(&active.number).ok_or_else(no_segment)?;
        let bytes = frame.sealed(segment.name.number, segment.name.salt);
        // What a failed write leaves behind is written over by the next, or is a torn tail.
        (disk.write)(&active.file, bytes, segment.length.into())?;
        segment.length += frame.size();
        self.end = Place { segment: active.number, offset: segment.length };
        match frame.kind {
            Kind::Begin => {
                segment.held += 1;
                self.open += 1;
            }
            Kind::End => {
                segment.unsettled += 1;
                self.open = self.open.saturating_sub(u64::from(frame.begun_in != 0));
            }
        }
        Ok(self.end)
    }

    /// Closes the active segment if it is full, and takes a spare one.
    fn rotate(&mut self, free: &Free) -> io::Result<()> {
        if let Some(active) = &self.active {
            let length = self.segments.get(&active.number).map_or(0, |segment| segment.length);
            if length < self.segment_bytes {
                return Ok(());
            }
            if self.spares.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.unsynced.push(Closed { file: Arc::clone(&active.file), length });
            // The frame that went over the segment's size was paid for, and took of what is allocated beyond.
            free.give((length - self.segment_bytes).into());
        }
        if let Some(Spare { name, file }) = self.spares.pop_front() {
            self.segments.insert(name.number, Segment::new(name));
            self.active = Some(Active { number: name.number, file });
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, mark: &Mark) {
        let Place { segment, .. } = mark.after();
        if mark.is_written() {
            let segment = self.segments.get_mut(&segment);
            if !segment.is_some_and(|segment| segment.settle(mark.offset)) {
                return;
            }
        }
        // What an earlier process began holds nothing: it has got its end when the journal was opened.
        let is_ours = mark.after() > self.born || !mark.is_written();
        if let Some(begun_in) = self.segments.get_mut(&mark.begun_in).filter(|_| is_ours) {
            begun_in.held = begun_in.held.saturating_sub(1);
        }
    }

    /// Takes the closed segments out in which nothing is needed any more.
    pub(super) fn take_settled(&mut self) -> Vec<Segment> {
        let active = self.active.as_ref().map(|active| active.number);
        let is_over =
            |number: &u32, segment: &mut Segment| Some(*number) != active && segment.is_settled();
        self.segments.extract_if(.., is_over).map(|(_number, segment)| segment).collect()
    }

    /// Whether so much of the segment that is written to is written, and nothing in it is needed any more.
    pub(super) fn active_is_over(&self, least: u32) -> bool {
        let active = self.active.as_ref().and_then(|active| self.segments.get(&active.number));
        active.is_some_and(|segment| segment.length >= least && segment.is_settled())
    }

    /// Takes the segment that is written to out if it is over and the rest of it is promised to nobody. The next frame
    /// goes to a spare one; what all ends share (`leave`) must be in those.
    pub(super) fn take_active(&mut self, least: u32, leave: u64, free: &Free) -> Option<Segment> {
        let number = self.active.as_ref().filter(|_| self.active_is_over(least))?.number;
        let length = self.segments.get(&number)?.length;
        // Without a spare, all that is free is the rest of this one: it can be taken when nothing is reserved.
        let leave = if self.spares.is_empty() { 0 } else { leave };
        match self.segment_bytes.checked_sub(length) {
            Some(rest) if !free.take(rest.into(), leave) => return None,
            Some(_) => {}
            None => free.give((length - self.segment_bytes).into()),
        }
        self.active = None;
        self.segments.remove(&number)
    }

    /// The next that can be read.
    pub(super) fn stretch(&self, from: Place) -> Option<Stretch> {
        self.segments.range(from.segment..).find_map(|(number, segment)| {
            let start = if *number == from.segment { from.offset } else { 0 };
            let end = segment.length;
            (start < end).then_some(Stretch { name: segment.name, start, end })
        })
    }

    pub(super) fn take_unsynced(&mut self) -> Unsynced {
        let (active, up_to) = (self.active.as_ref(), self.end);
        let active = active.map(|active| Arc::clone(&active.file));
        Unsynced { closed: mem::take(&mut self.unsynced), active, up_to }
    }

    /// Bytes that the closed segments have and that the others may come to have.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        let closed = self.segments.values().filter(|segment| !self.is_active(segment));
        let closed: u64 = closed.map(|segment| u64::from(segment.length)).sum();
        let allocated = self.spares.len() + usize::from(self.active.is_some());
        let file_bytes = u64::from(self.segment_bytes) + MAX_FRAME_BYTES;
        closed + file_bytes * u64::try_from(allocated).unwrap_or(u64::MAX)
    }

    /// What is allocated and not written.
    pub(super) fn room(&self) -> u64 {
        let active = self.segments.values().find(|segment| self.is_active(segment));
        let allocated = self.spares.len() + usize::from(active.is_some());
        let allocated =
            u64::from(self.segment_bytes) * u64::try_from(allocated).unwrap_or(u64::MAX);
        allocated.saturating_sub(active.map_or(0, |segment| segment.length.into()))
    }

    fn is_active(&self, segment: &Segment) -> bool {
        self.active.as_ref().is_some_and(|active| active.number == segment.name.number)
    }

    pub(super) fn written(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    pub(super) fn open(&self) -> u64 {
        self.open
    }
}
