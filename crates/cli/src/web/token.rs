//! Secrets: 256 bits from the system, and comparisons whose time tells nothing. Knows nothing of HTTP.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};

/// A secret: 64 hexadecimal digits.
#[derive(Clone)]
pub struct Secret(String);

/// Bytes of a secret.
const BYTES: usize = 32;

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0_u8; BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let mut text = String::with_capacity(2 * BYTES);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }

    /// The digits, for whoever is to have them.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is it. Takes as long for every text of the right length.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let (ours, given) = (self.0.as_bytes(), given.as_bytes());
        if ours.len() != given.len() {
            return false;
        }
        // Each difference is looked for, whatever was found before; the black box keeps the compiler from ending early.
        let differences = ours.iter().zip(given).fold(0_u8, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
        differences == 0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_random_and_only_itself() {
        let (a, b) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_eq!(a.reveal().len(), 64);
        assert!(a.is(a.reveal()) && !a.is(b.reveal()), "two are never the same");
        assert!(!a.is("") && !a.is(&a.reveal()[..63]) && !a.is(&format!("{}0", a.reveal())));
        assert_eq!(format!("{a:?}"), "Secret(…)", "it does not get into a log by accident");
    }
}
