//! Addresses of mailboxes and machines.
//!
//! Owns which top-level domains exist and which numbers are addresses. It must never look anything up.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// The top-level domains, with those that are kept for examples and for private use.
static TOP_LEVEL: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut domains: Vec<&str> = include_str!("tlds.txt").lines().collect();
    domains.sort_unstable();
    domains
});

/// Addresses of four small numbers that do exist: public resolvers.
const RESOLVERS: [Ipv4Addr; 6] = [
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(1, 0, 0, 1),
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(8, 8, 4, 4),
    Ipv4Addr::new(9, 9, 9, 9),
    Ipv4Addr::new(4, 2, 2, 2),
];

/// What stands before `@` in program text and in remotes, but is nobody's name.
const NOBODY: [&str; 5] = ["git", "hg", "this", "super", "return"];

/// A mailbox: dots stand alone, and the top-level domain exists.
pub(super) fn email(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let dots = !local.is_empty() && !local.ends_with('.') && !local.contains("..");
    dots && !NOBODY.contains(&local) && is_domain(domain)
}

/// Something beyond ASCII, which another rule does not see.
pub(super) fn beyond_ascii(value: &str) -> bool {
    !value.is_ascii()
}

fn is_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let sound = labels.iter().all(|label| {
        !label.is_empty()
            && label.len() < 64
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.contains(['@', ':', '/'])
    });
    let [first, rest @ .., top] = labels.as_slice() else { return false };
    let top = top.to_lowercase();
    let known = top.starts_with("xn--") || TOP_LEVEL.binary_search(&top.as_str()).is_ok();
    // `pkg@2.1.dev`, `icon@2x.ai`: versions and sizes.
    let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let version = number(first) && (rest.iter().any(|label| number(label)) || first.len() < 3);
    let size =
        first.len() == 2 && first.ends_with('x') && first.starts_with(|c: char| c.is_ascii_digit());
    sound && known && !version && !size
}

/// An address of a machine, not of the machine itself, not a mask, and not a version of four small numbers.
pub(super) fn ipv4(value: &str) -> bool {
    let Ok(address) = value.parse::<Ipv4Addr>() else { return false };
    let [first, _, _, last] = address.octets();
    let small = value.len() < 10 && first != 10 && !RESOLVERS.contains(&address);
    let everywhere = address.is_unspecified() || address.is_loopback() || address.is_broadcast();
    let mask = first == 255 || (first == 0) || (last == 0 && value.ends_with(".0.0.0"));
    !small && !everywhere && !mask
}

/// An address that somebody may have: global, local to a site or to a link, or all eight groups of it.
pub(super) fn ipv6(value: &str) -> bool {
    let Ok(address) = value.parse::<Ipv6Addr>() else { return false };
    let groups: Vec<&str> = value.split(':').filter(|group| !group.is_empty()).collect();
    let in_use = matches!(address.segments()[0], 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf | 0x0064);
    let written_out =
        groups.len() == 8 && groups.iter().filter(|group| group.len() > 2).count() > 3;
    let short = groups.len() < 2 || groups.first().is_none_or(|first| first.len() < 2);
    (in_use && !short && !groups.iter().all(|group| group.len() == 2)) || written_out
}

/// The address of one network card: neither a group's nor one of nothing but zeros.
pub(super) fn mac(value: &str) -> bool {
    let hex: Vec<u32> = value.chars().filter_map(|c| c.to_digit(16)).collect();
    let separators = value.chars().filter(|c| !c.is_ascii_hexdigit());
    let mixed = separators.clone().any(|c| Some(c) != separators.clone().next());
    let group = hex.get(1).is_none_or(|second| second % 2 == 1);
    let digits_only = hex.iter().all(|digit| *digit < 10) && value.contains('-');
    hex.len() == 12 && !mixed && !group && !digits_only && hex.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_of_the_world_pass() {
        for address in [
            "jane.doe+news@mail.example.co.uk",
            "o'brien@example.ie",
            "a_b%c@x-y.museum",
            "ops@163.com",
            "x@xn--bcher-kva.example",
            "info@bücher.de",
            "jane@corp.internal",
        ] {
            assert!(email(address), "{address}");
        }
    }

    #[test]
    fn versions_remotes_and_files_are_no_mailboxes() {
        for text in [
            "lodash@4.17.21",
            "foo@2x.png",
            "icon@2x.ai",
            "git@github.com",
            "git@github.com:org/repo",
            "user@host",
            "pkg@1.0.0-rc.dev",
            "this@Main.run",
            "a..b@x.com",
            "a.@x.com",
            "a@-x.com",
            "a@.com",
            "me@index.js",
        ] {
            assert!(!email(text), "{text}");
        }
    }

    #[test]
    fn addresses_pass_and_versions_masks_and_loops_fail() {
        for address in ["192.168.1.10", "10.0.0.1", "203.0.113.7", "8.8.8.8", "172.16.254.1"] {
            assert!(ipv4(address), "{address}");
        }
        for text in [
            "1.2.3.4",
            "10.0.19041.1",
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.0",
            "1.2.3.4.5",
            "256.1.1.1",
            "4.0.30.1",
        ] {
            assert!(!ipv4(text), "{text}");
        }
    }

    #[test]
    fn long_addresses_pass_and_times_and_fingerprints_fail() {
        for address in [
            "2001:db8::8a2e:370:7334",
            "fe80::1ff:fe23:4567:890a",
            "fd12:3456:789a:1::1",
            "b7d5:4a0f:91c2:0d3e:5f60:7a81:9cb2:d3e4",
        ] {
            assert!(ipv6(address), "{address}");
        }
        for text in ["::1", "::", "12:34:56", "add::bad", "0a:3a:a9:b1:0f:66:73:a8", "a::b", "2::3"]
        {
            assert!(!ipv6(text), "{text}");
        }
    }

    #[test]
    fn cards_have_addresses_and_groups_have_not() {
        assert!(mac("00:1A:2b:3c:4d:5e") && mac("00-1a-2b-3c-4d-5e") && mac("001a.2b3c.4d5e"));
        assert!(
            !mac("01:00:5e:00:00:fb")
                && !mac("00:00:00:00:00:00")
                && !mac("00:1a-2b:3c:4d:5e")
                && !mac("20-24-01-15-10-30")
        );
    }
}
