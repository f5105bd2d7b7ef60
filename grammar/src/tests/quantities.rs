//! Limits, durations, sizes.

use super::shown;
use crate::{Share, parse_duration, parse_share, parse_size};

#[test]
fn shares() {
    assert_eq!(parse_share("1", 1), Ok(Share::Count(1)));
    assert_eq!(parse_share("0", 0), Ok(Share::Count(0)));
    assert_eq!(parse_share("4294967295", 1), Ok(Share::Count(u32::MAX)));
    assert_eq!(parse_share("1%", 1), Ok(Share::Percent(1)));
    assert_eq!(parse_share("100%", 0), Ok(Share::Percent(100)));
    let mut out = String::new();
    let texts = [
        "",
        " ",
        "0",
        "0%",
        "101%",
        "4294967296",
        "99999999999999999999%",
        "-1",
        "+1",
        "1.5",
        "1,000",
        "1 %",
        " 1",
        "010",
        "00",
        "07%",
        "%",
        "1%%",
        "x",
        "٣",
        "half",
        "1-2",
    ];
    for text in texts {
        out.push_str(&shown(text, &parse_share(text, 1).unwrap_err()));
    }
    out.push_str(&shown("0%", &parse_share("0%", 0).unwrap_err()));
    insta::assert_snapshot!(out);
}

#[test]
fn a_percentage_is_rounded_down_and_at_least_one() {
    // The original read "15%" as the number 15.
    let table = [(15, 100, 15), (15, 20, 3), (25, 7, 1), (34, 3, 1), (67, 3, 2), (99, 100, 99), (1, 10, 1)];
    for (percent, total, hosts) in table {
        assert_eq!(Share::Percent(percent).of(total), hosts, "{percent}% of {total}");
    }
    assert_eq!(Share::Percent(100).of(u32::MAX), u32::MAX);
    assert_eq!(Share::Percent(50).of(0), 1);
    assert_eq!(Share::Count(5).of(3), 5);
}

#[test]
fn durations() {
    let table = [
        ("90s", 90_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        ("2d", 172_800_000),
        ("0s", 0),
        ("1d2h3m4s5ms", 93_784_005),
        ("1h05m", 3_900_000),
    ];
    for (text, ms) in table {
        assert_eq!(parse_duration(text), Ok(ms), "{text}");
    }
    let mut out = String::new();
    let texts = [
        "",
        "90",
        "0",
        "10 m",
        " 10m",
        "1.5h",
        "-1s",
        "1m1h",
        "1m2m",
        "1h30",
        "h",
        "10min",
        "1h3sec",
        "5w",
        "1H",
        "213503982334602d",
        "99999999999999999999s",
        "soon",
        "PT5M",
    ];
    for text in texts {
        out.push_str(&shown(text, &parse_duration(text).unwrap_err()));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn sizes() {
    let table = [
        ("0B", 0),
        ("512B", 512),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("2GiB", 2_147_483_648),
        ("1KB", 1000),
        ("1kB", 1000),
        ("3MB", 3_000_000),
        ("1GB", 1_000_000_000),
    ];
    for (text, bytes) in table {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
    let mut out = String::new();
    let texts =
        ["", "64", "64 KiB", "64K", "64kib", "1.5MiB", "-1B", "1KiB2B", "17179869184GiB", "1PB", "big"];
    for text in texts {
        out.push_str(&shown(text, &parse_size(text).unwrap_err()));
    }
    insta::assert_snapshot!(out);
}
