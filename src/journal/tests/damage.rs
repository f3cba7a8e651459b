//! Damaged files: what was not touched is all there, and nothing else.

use super::*;
use crate::journal::{frame::Kind, frames::Frames, segment::Name};
use proptest::prelude::*;

const EXCHANGES: u64 = 14;

/// What happens to a file, at a share of its length.
#[derive(Clone, Debug)]
enum Edit {
    Cut,
    Flip(u8),
    Insert(Vec<u8>),
    Replace(Vec<u8>),
}

/// A frame as it was before.
struct Placed {
    file: usize,
    from: usize,
    to: usize,
    kind: Kind,
    number: u64,
}

fn edits() -> impl Strategy<Value = Edit> {
    let garbage = || prop::collection::vec(any::<u8>(), 1..300);
    // The beginning of a frame, so that what follows is taken for one.
    let alluring = (garbage(), any::<u32>()).prop_map(|(garbage, size)| {
        let size = (size % 70_000).to_le_bytes();
        [b"\xffPJ1sum!".as_slice(), &size, b"E", &garbage].concat()
    });
    prop_oneof![
        Just(Edit::Cut),
        (1..=u8::MAX).prop_map(Edit::Flip),
        prop_oneof![garbage(), alluring, Just(vec![0; 5_000])].prop_map(Edit::Insert),
        garbage().prop_map(Edit::Replace),
    ]
}

/// A journal in which some exchanges, whose numbers are odd, have no end.
fn fill(dir: &TempDir) -> (Vec<PathBuf>, Vec<Placed>) {
    let journal = open(dir);
    let mut open = Vec::new();
    for number in 0..EXCHANGES {
        match number % 2 {
            0 => {
                pass(&journal, number);
            }
            _ => open.push(begin(&journal, number)),
        }
    }
    drop((open, journal));
    let files = segment_files(dir);
    let placed = files.iter().enumerate().flat_map(|(file, path)| placed(file, path)).collect();
    (files, placed)
}

fn placed(file: usize, path: &Path) -> Vec<Placed> {
    let name = Name::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let opened = File::open(path).unwrap();
    let length = u32::try_from(opened.metadata().unwrap().len()).unwrap();
    let mut frames = Frames::new(&opened, name.salt, 0, length);
    let mut placed = Vec::new();
    while let Some(frame) = frames.next().unwrap() {
        let (from, to) = (frame.offset.try_into().unwrap(), frame.end.try_into().unwrap());
        let number = frame.found.id.0.as_u64_pair().0;
        placed.push(Placed { file, from, to, kind: frame.found.kind, number });
    }
    assert_eq!(frames.damaged(), 0);
    placed
}

/// Applies an edit and says which bytes of before it spoiled.
fn apply(edit: &Edit, bytes: &mut Vec<u8>, at: usize) -> std::ops::Range<usize> {
    match edit {
        Edit::Cut => {
            let length = bytes.len();
            bytes.truncate(at);
            at..length
        }
        Edit::Flip(mask) => {
            bytes[at] ^= mask;
            at..at + 1
        }
        Edit::Insert(garbage) => {
            bytes.splice(at..at, garbage.iter().copied());
            at..at
        }
        Edit::Replace(garbage) => {
            let end = bytes.len().min(at + garbage.len());
            bytes.splice(at..end, garbage.iter().copied());
            at..end
        }
    }
}

fn is_whole(frame: &Placed, file: usize, spoiled: &std::ops::Range<usize>) -> bool {
    let is_split = spoiled.is_empty() && frame.from < spoiled.start && spoiled.start < frame.to;
    let overlaps = frame.from < spoiled.end && spoiled.start < frame.to && !spoiled.is_empty();
    frame.file != file || !(is_split || overlaps)
}

/// What must be read when these frames are whole.
fn expected(whole: &[&Placed]) -> Vec<Record> {
    let of = |kind| move |frame: &&&Placed| frame.kind == kind;
    let ends: Vec<u64> = whole.iter().filter(of(Kind::End)).map(|frame| frame.number).collect();
    let begun = whole.iter().filter(of(Kind::Begin)).map(|frame| frame.number);
    let open = begun.filter(|number| !ends.contains(number));
    ends.iter().copied().map(ended).chain(open.map(interrupted)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_takes_the_frames_that_it_touched_and_no_other(
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        edit in edits(),
    ) {
        let dir = scratch();
        let (files, placed) = fill(&dir);
        let file = file.index(files.len());
        let mut bytes = fs::read(&files[file]).unwrap();
        let at = at.index(bytes.len());
        let spoiled = apply(&edit, &mut bytes, at);
        fs::write(&files[file], bytes).unwrap();

        let whole: Vec<&Placed> =
            placed.iter().filter(|frame| is_whole(frame, file, &spoiled)).collect();
        let journal = open(&dir);
        prop_assert_eq!(records(&journal), expected(&whole));
        // It is written on, and stays as it is.
        pass(&journal, 100);
        drop(journal);
        let journal = open(&dir);
        let mut after = expected(&whole);
        after.push(ended(100));
        prop_assert_eq!(records(&journal), after);
        settle_all(&journal);
        prop_assert_eq!(journal.status().unsettled, 0);
    }

    #[test]
    fn garbage_is_no_record(garbage in prop::collection::vec(any::<u8>(), 1..3_000)) {
        let dir = scratch();
        fs::create_dir(dir.path().join("journal")).unwrap();
        fs::write(dir.path().join("journal/0000000007-00000000.journal"), garbage).unwrap();
        let journal = open(&dir);
        prop_assert_eq!(records(&journal), []);
        pass(&journal, 1);
        prop_assert_eq!(records(&journal), [ended(1)]);
    }
}

#[test]
fn every_place_at_which_a_write_is_cut_off_loses_that_write_alone() {
    let dir = scratch();
    let (files, placed) = fill(&dir);
    let last = files.len() - 1;
    let bytes = fs::read(&files[last]).unwrap();
    let frame = placed.iter().rfind(|frame| frame.file == last).unwrap();
    for length in (frame.from..frame.to).step_by(97) {
        let copy = scratch();
        fs::create_dir(copy.path().join("journal")).unwrap();
        for file in &files {
            fs::copy(file, copy.path().join("journal").join(file.file_name().unwrap())).unwrap();
        }
        let torn = copy.path().join("journal").join(files[last].file_name().unwrap());
        fs::write(torn, &bytes[..length]).unwrap();
        let whole: Vec<&Placed> =
            placed.iter().filter(|other| other.to <= length || other.file != last).collect();
        assert_eq!(records(&open(&copy)), expected(&whole));
    }
}

#[test]
fn a_file_that_could_not_be_read_to_its_end_is_kept_for_whoever_wants_to_look() {
    let dir = scratch();
    let (files, _) = fill(&dir);
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes[100] ^= 1;
    fs::write(&files[0], &bytes).unwrap();
    let journal = open(&dir);
    assert!(journal.status().damaged_bytes > 0);
    settle_all(&journal);
    assert_eq!(fs::read(files[0].with_extension("damaged")).unwrap(), bytes);
    assert!(!files[0].exists() && !files[1].exists());
}

#[test]
fn a_frame_counts_only_in_the_file_that_it_was_written_to() {
    let dir = scratch();
    let (files, _) = fill(&dir);
    let bytes = fs::read(&files[0]).unwrap();
    let forged = dir.path().join("journal/0000000099-12345678.journal");
    fs::write(forged, bytes).unwrap();
    let journal = open(&dir);
    assert_eq!(numbers(&journal).len(), usize::try_from(EXCHANGES).unwrap());
}
