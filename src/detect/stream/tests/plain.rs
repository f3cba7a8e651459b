//! Plain text in chunks.

use super::*;

fn read(
    settings: StreamSettings,
    text: &[u8],
    size: usize,
) -> (Vec<u8>, Option<StreamStop>, Report) {
    let mut screen = TextScreen::new(&acting(), crate::types::TextSurface::Transcript, settings);
    let mut out = Vec::new();
    let mut stop = None;
    for chunk in text.chunks(size) {
        stop = screen.feed(Bytes::copy_from_slice(chunk), &mut out).err();
        if stop.is_some() {
            break;
        }
    }
    if stop.is_none() {
        stop = screen.finish(&mut out).err();
    }
    (out.concat(), stop, screen.report())
}

#[test]
fn characters_and_values_in_pieces_are_put_together() {
    let text = "Grüße, 日本 secret! 🎉 sec";
    for size in 1..text.len() {
        let (out, stop, report) = read(INLINE, text.as_bytes(), size);
        assert_eq!(String::from_utf8(out).unwrap(), text.replace("secret", "[REDACTED:SECRET]"));
        assert_eq!((stop, report.tally.violations()), (None, 1));
        let (out, _, report) = read(AFTER, text.as_bytes(), size);
        assert_eq!((out, report.tally.violations()), (text.as_bytes().to_vec(), 1));
    }
}

#[test]
fn a_stop_lets_nothing_of_the_value_out() {
    let (out, stop, _) = read(INLINE, b"the bomb", 3);
    assert_eq!((out, stop), (b"the ".to_vec(), Some(StreamStop::Violation)));
}

#[test]
fn bytes_that_are_no_text_cut_what_must_be_judged_and_pass_elsewhere() {
    let text = b"ok \xFF secret";
    let (out, stop, report) = read(INLINE, text, 4);
    assert_eq!((out, stop), (Vec::new(), Some(StreamStop::Unreadable)));
    assert_eq!(report.scan.extent, ScanExtent::Partial);
    let (out, stop, report) = read(AFTER, text, 4);
    assert_eq!((out, stop), (text.to_vec(), None));
    assert_eq!(report.scan.extent, ScanExtent::Partial);
    assert_eq!(
        read(INLINE, "Gr\u{fc}".as_bytes().split_last().unwrap().1, 9).1,
        Some(StreamStop::Unreadable)
    );
}
