//! Output comes through as it is.

use pogo_plan::event::Stream;
use pogo_plan::outcome::Outcome;
use proptest::prelude::*;

use super::drive::*;
use crate::wrapper::{Decoder, Event, Request};

const TOKEN: [u8; 32] = [b'7'; 32];
const NONCE: [u8; 32] = [b'a'; 32];
const START: &str = "phase command b 5 1 6 1";

fn mark(text: &str) -> Vec<u8> {
    format!("\u{1e}{} {text}\u{1e}", "a".repeat(32)).into_bytes()
}

proptest! {
    #[test]
    fn bytes_in_any_chunks_come_out_as_they_went_in(
        parts in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            Just(vec![0x1e]),
            Just(b"\x1eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_vec()),
            Just(b"\x1e77777777777777777777777777777777".to_vec()),
            Just(b"\x1eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab end\x1e".to_vec()),
        ], 0..20),
        cuts in prop::collection::vec(1usize..50, 1..20),
    ) {
        let output: Vec<u8> = parts.concat();
        // Nobody but the wrapper knows the nonce; here chance may put it together.
        let forged = mark("");
        prop_assume!(!output.windows(1 + NONCE.len()).any(|bytes| forged.starts_with(bytes)));
        let middle = output.len() / 2;
        let mut wire = mark(START);
        wire.extend_from_slice(&output[..middle]);
        wire.extend(mark("phase finally b 7 1 6 1"));
        wire.extend_from_slice(&output[middle..]);
        let mut decoder = Decoder::new(TOKEN, NONCE);
        let mut events = Vec::new();
        let mut rest = wire.as_slice();
        for cut in cuts.iter().cycle() {
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            decoder.push(Stream::Stdout, chunk, &mut events);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        decoder.finish(&mut events);
        let got: Vec<u8> = events.iter().filter_map(|event| match event {
            Event::Output(_, bytes) => Some(bytes.clone()),
            _ => None,
        }).flatten().collect();
        prop_assert_eq!(got, output);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8), text in ".{0,60}") {
        let mut decoder = Decoder::new(TOKEN, NONCE);
        let mut events = Vec::new();
        decoder.push(Stream::Stdout, &mark(&text), &mut events);
        for chunk in &chunks {
            decoder.push(Stream::Stderr, chunk, &mut events);
        }
        decoder.finish(&mut events);
    }
}

#[test]
fn what_is_held_back_is_bounded() {
    let mut decoder = Decoder::new(TOKEN, NONCE);
    let mut events = Vec::new();
    decoder.push(Stream::Stdout, &mark(START), &mut events);
    let mut endless = b"\x1eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_vec();
    endless.resize(10_000, b'x');
    events.clear();
    decoder.push(Stream::Stdout, &endless, &mut events);
    assert_eq!(events, [Event::Output(Stream::Stdout, endless)]);
}

#[test]
fn binary_output_and_no_final_newline() {
    for host in Host::all() {
        let text =
            "head -c 100000 /dev/urandom >$HOME/x; cat $HOME/x; cat $HOME/x >&2; printf '\\036x\\000\\377'";
        let (ended, heard) = host.run(job(text));
        let mut wanted = std::fs::read(host.home().join("x")).unwrap();
        assert_eq!(ended.outcome, Outcome::Succeeded, "{:?}", host.shell);
        assert!(heard.stderr == wanted, "{:?}", host.shell);
        wanted.extend_from_slice(b"\x1ex\x00\xff");
        assert!(heard.stdout == wanted, "{:?}", host.shell);
    }
}

#[test]
fn much_output_is_passed_on() {
    let host = Host::new(SHELLS[0]);
    let mut session = host.start(
        Request::run(&invocation(job("head -c 1000000000 /dev/zero; seq 1000000 >&2")), None).unwrap(),
    );
    session.keep = false;
    let (mut bytes, mut lines) = (0, 0);
    let ended = session.until(|event, _| {
        match event {
            Event::Output(Stream::Stdout, some) => bytes += some.len(),
            Event::Output(Stream::Stderr, some) => {
                lines += some.iter().filter(|&&byte| byte == b'\n').count();
            }
            _ => {}
        }
        matches!(event, Event::Ended(_))
    });
    assert!(ended.is_some());
    assert_eq!((bytes, lines), (1_000_000_000, 1_000_000));
    session.end_by_closing();
}
