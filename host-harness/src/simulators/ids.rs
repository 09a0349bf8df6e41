//! Ids and chance. Everything here is counted or drawn from a seed, so the same story gives the same ids, and every id
//! shows at a glance that it was made up. Promises: a Salesforce id has the right checksum. Not here: time.

use sha2::{Digest, Sha256};

/// One step of SplitMix64: cheap, well spread, and the whole of our chance.
pub fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The draw that belongs to `number` under `seed`, whatever was drawn before.
pub fn draw(seed: u64, number: u64) -> u64 {
    let mut state = seed ^ number.wrapping_mul(0xD134_2543_DE82_EF95);
    splitmix(&mut state)
}

/// Shaped like a UUID of version 4; its zeros give it away.
pub fn uuid(kind: &str, key: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{kind}/{key}")));
    format!("00000000-0000-4000-8{}-{}", &digest[..3], &digest[3..15])
}

/// An 18-character Salesforce id, such as `701SIM000000001` and its checksum.
pub fn salesforce_id(prefix: &str, number: u64) -> String {
    let short = format!("{prefix}SIM{number:09}");
    format!("{short}{}", checksum(&short))
}

/// Reads an id of 15 or 18 characters into the long form. A wrong checksum is no id.
pub fn long_salesforce_id(id: &str) -> Option<String> {
    if !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        15 => Some(format!("{id}{}", checksum(id))),
        18 if checksum(&id[..15]) == id[15..] => Some(id.to_owned()),
        _ => None,
    }
}

/// Each of the three characters tells which letters of its third are capitals, first letter in the lowest bit.
fn checksum(short: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    short
        .as_bytes()
        .chunks(5)
        .map(|third| {
            let bits = third.iter().rev().fold(0, |bits, b| bits << 1 | usize::from(b.is_ascii_uppercase()));
            ALPHABET[bits] as char
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_salesforces() {
        // Both stand in the examples of the vendor's REST guide.
        for (short, long) in [("001D000000IqhSL", "001D000000IqhSLIAZ"), ("0015000000VALDt", "0015000000VALDtAAP")] {
            assert_eq!(long_salesforce_id(short).as_deref(), Some(long));
            assert_eq!(long_salesforce_id(long).as_deref(), Some(long));
        }
        for wrong in ["001D000000IqhSLIAA", "001D000000IqhS", "001D000000Iqh-L", ""] {
            assert_eq!(long_salesforce_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_id_says_that_it_is_made_up_and_comes_again_in_the_same_story() {
        assert!(salesforce_id("701", 1).starts_with("701SIM000000001"));
        assert!(uuid("event", "1").starts_with("00000000-0000-4000-8"));
        assert_eq!(uuid("event", "1").len(), 36);
        assert_eq!(uuid("event", "1"), uuid("event", "1"));
        assert_ne!(uuid("event", "1"), uuid("session", "1"));
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(8, 3));
    }
}
