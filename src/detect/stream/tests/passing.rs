//! Streams that pass while they are judged.

use super::*;

fn passing() -> StreamScreen {
    StreamScreen::new(acting(), None, endpoint("chat/completions"), AFTER)
}

#[test]
fn bytes_pass_in_their_own_chunks_without_a_copy_and_findings_come_at_the_end() {
    let stream =
        [content(0, "a se"), content(0, "cret bo"), content(0, "mb"), DONE.into()].concat();
    let stream = Bytes::from(stream);
    let mut screen = passing();
    for at in (0..stream.len()).step_by(7) {
        let piece = stream.slice(at..stream.len().min(at + 7));
        let mut out = Vec::new();
        screen.feed(piece.clone(), &mut out).unwrap();
        assert_eq!((out.len(), out[0].as_ptr(), out[0].len()), (1, piece.as_ptr(), piece.len()));
    }
    screen.finish(&mut Vec::new()).unwrap();
    let report = screen.report();
    assert_eq!((report.tally.violations(), report.scan.extent), (2, ScanExtent::Full));
}

#[test]
fn a_stream_that_nobody_finishes_is_judged_as_far_as_it_came() {
    let mut screen = passing();
    screen.feed(content(0, "a secret").into(), &mut Vec::new()).unwrap();
    assert_eq!(screen.report().tally.violations(), 1);
}

#[test]
fn what_cannot_be_read_passes_and_the_report_says_so() {
    for bad in ["data: {\n\n".to_owned(), content(0, &"x".repeat(openai::MAX_EVENT_BYTES))] {
        let seen = screen_with(passing(), [&bad, &content(0, "secret")]);
        assert_eq!(seen.bytes, [bad, content(0, "secret")].concat());
        assert_eq!((seen.count(), seen.stop), (1, None));
        assert_eq!(seen.report.scan.reason.as_deref(), Some("an event could not be read"));
    }
}

#[test]
fn where_no_rule_looks_nothing_is_read() {
    let profile = rules("allow", "allow");
    let screen = StreamScreen::new(profile, None, endpoint("chat/completions"), INLINE);
    let seen = screen_with(screen, ["data: {"]);
    assert_eq!((seen.bytes.as_str(), seen.report.scan.extent), ("data: {", ScanExtent::None));
}

#[test]
fn arguments_of_tools_are_judged_too() {
    let call = |arguments: &str| {
        delta(0, json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}))
    };
    let seen = screen_with(passing(), [call("a se"), call("cret")]);
    assert_eq!(seen.count(), 1);
}
