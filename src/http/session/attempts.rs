//! The limits on failed sign-ins.
//!
//! Owns who may try again, and when. Strangers are counted by their address and by the name that they try; a
//! browser in which the user has signed in before is counted by itself alone, so that strangers cannot lock
//! anybody out of it. A session that is open is counted by itself alone, too.

use crate::types::Sensitive;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// argon2 takes 19 MiB and some 20 ms each: two at a time.
const CHECKS_AT_ONCE: usize = 2;
/// Whoever comes when so many wait is sent away.
const CHECKS_WAITING: usize = 16;
/// More cannot be counted; the oldest count gives way.
const COUNTS_KEPT: usize = 10_000;

/// Failed sign-ins, and places for those that are being checked.
#[derive(Debug)]
pub struct SignInAttempts {
    failures: Mutex<HashMap<Counted, (u32, Instant)>>,
    pub(super) places: Arc<Semaphore>,
    pub(super) checks: Arc<Semaphore>,
}

/// What failures are counted for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::http) enum Counted {
    /// An address; of IPv6, what one customer usually gets.
    Address(IpAddr),
    /// A user name, by its hash, over all addresses.
    Name([u8; 32]),
    /// A browser that is known, by the hash of its mark.
    Device([u8; 32]),
    /// Codes of the identity provider, by the address that shows them: nobody guesses one, but each is a question to
    /// the provider.
    Codes(IpAddr),
    /// A session, by the hash of its token.
    Session([u8; 32]),
}

impl Counted {
    pub(in crate::http) fn address(address: IpAddr) -> Self {
        Self::Address(customer(address))
    }

    pub(in crate::http) fn codes(address: IpAddr) -> Self {
        Self::Codes(customer(address))
    }

    pub(super) fn name(username: &str) -> Self {
        Self::Name(Sha256::digest(username).into())
    }

    pub(super) fn device(mark: &str) -> Self {
        Self::Device(Sha256::digest(mark).into())
    }

    pub(super) fn session(token: &Sensitive<String>) -> Self {
        Self::Session(Sha256::digest(token.expose()).into())
    }

    /// How many failures are forgiven, and after what time they are forgotten.
    const fn terms(&self) -> (u32, Duration) {
        match self {
            Self::Address(_) | Self::Device(_) | Self::Session(_) => (5, Duration::from_secs(60)),
            Self::Codes(_) => (60, Duration::from_secs(60)),
            Self::Name(_) => (30, Duration::from_secs(15 * 60)),
        }
    }
}

impl Default for SignInAttempts {
    fn default() -> Self {
        Self {
            failures: Mutex::default(),
            places: Arc::new(Semaphore::new(CHECKS_AT_ONCE + CHECKS_WAITING)),
            checks: Arc::new(Semaphore::new(CHECKS_AT_ONCE)),
        }
    }
}

impl SignInAttempts {
    /// Counts an attempt as failed before it is made, so that many at once are no more than many in a
    /// row; or the seconds to wait, when one of these has failed too often.
    pub(in crate::http) fn begin(&self, counted: &[Counted]) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for each in counted {
            let (allowed, forgotten_after) = each.terms();
            let Some((count, since)) = failures.get_mut(each) else { continue };
            match forgotten_after.checked_sub(since.elapsed()) {
                Some(left) if *count >= allowed => return Err(left.as_secs() + 1),
                Some(_) => {}
                None => (*count, *since) = (0, Instant::now()),
            }
        }
        for each in counted {
            if failures.len() >= COUNTS_KEPT && !failures.contains_key(each) {
                make_room(&mut failures);
            }
            failures.entry(each.clone()).or_insert((0, Instant::now())).0 += 1;
        }
        Ok(())
    }

    /// The attempt did not fail, or told nothing about the password.
    pub(in crate::http) fn take_back(&self, counted: &[Counted]) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for each in counted {
            if let Some((count, _)) = failures.get_mut(each) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// The attempt succeeded: what its browser did before is forgiven. What its address did, or others under the same
    /// name, is not: a user of one's own would make room for guesses at others.
    pub(in crate::http) fn forgive(&self, counted: &[Counted]) {
        self.take_back(counted);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for each in counted.iter().filter(|each| matches!(each, Counted::Device(_))) {
            failures.remove(each);
        }
    }
}

/// Of an IPv6 address, what one customer usually gets.
fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

fn make_room(failures: &mut HashMap<Counted, (u32, Instant)>) {
    failures.retain(|each, (_, since)| since.elapsed() < each.terms().1);
    if failures.len() >= COUNTS_KEPT {
        let oldest = failures.iter().min_by_key(|(_, (_, since))| *since);
        if let Some(oldest) = oldest.map(|(each, _)| each.clone()) {
            failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> Counted {
        Counted::address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn attempts_count_before_they_end_and_a_success_is_none() {
        let attempts = SignInAttempts::default();
        for _ in 0..5 {
            attempts.begin(&[address(1)]).unwrap();
        }
        assert!(attempts.begin(&[address(1)]).is_err());
        assert!(attempts.begin(&[address(2)]).is_ok());
        attempts.take_back(&[address(1)]);
        assert!(attempts.begin(&[address(1)]).is_ok());
        assert!(attempts.begin(&[address(1)]).is_err());
        attempts.forgive(&[address(1)]);
        assert!(attempts.begin(&[address(1)]).is_ok());
        assert!(attempts.begin(&[address(1)]).is_err(), "what it did before is not forgiven");
    }

    #[test]
    fn a_browser_that_is_known_is_forgiven_what_it_did_before() {
        let attempts = SignInAttempts::default();
        let device = || [Counted::device("mark")];
        for _ in 0..5 {
            attempts.begin(&device()).unwrap();
        }
        attempts.forgive(&device());
        for _ in 0..5 {
            attempts.begin(&device()).unwrap();
        }
    }

    #[test]
    fn codes_of_the_provider_do_not_count_against_passwords() {
        let attempts = SignInAttempts::default();
        let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        for _ in 0..60 {
            attempts.begin(&[Counted::codes(peer)]).unwrap();
        }
        assert!(attempts.begin(&[Counted::codes(peer)]).is_err());
        for _ in 0..5 {
            attempts.begin(&[address(1)]).unwrap();
        }
    }

    #[test]
    fn strangers_wear_out_a_name_but_not_for_a_browser_that_is_known() {
        let attempts = SignInAttempts::default();
        let name = Counted::name("admin");
        for last in 0..30 {
            attempts.begin(&[address(last), name.clone()]).unwrap();
        }
        assert!(attempts.begin(&[address(99), name.clone()]).unwrap_err() > 60);
        assert!(attempts.begin(&[address(99), Counted::name("ann")]).is_ok());
        assert!(attempts.begin(&[Counted::device("mark")]).is_ok());
        attempts.forgive(&[address(1), name.clone()]);
        attempts.begin(&[address(1), name.clone()]).unwrap();
        assert!(attempts.begin(&[address(1), name]).is_err(), "only its own attempt is forgiven");
    }

    #[test]
    fn one_customers_addresses_are_one() {
        let counted = |text: &str| Counted::address(text.parse().unwrap());
        assert_eq!(counted("2001:db8::1"), counted("2001:db8::ffff:0:0:2"));
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), counted("192.0.2.1"));
        assert_ne!(counted("192.0.2.1"), counted("192.0.2.2"));
    }

    #[test]
    fn counts_are_bounded() {
        let attempts = SignInAttempts::default();
        for number in 0..COUNTS_KEPT + 10 {
            attempts.begin(&[Counted::name(&number.to_string())]).unwrap();
        }
        assert_eq!(attempts.failures.lock().unwrap().len(), COUNTS_KEPT);
    }
}
