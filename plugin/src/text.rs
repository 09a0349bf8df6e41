//! Text made to fit a limit, digests that stand for text, and the word that was meant.

use sha2::{Digest, Sha256};

/// At most `bytes_max` bytes, cut between two characters; what was cut off is shown by an ellipsis.
pub fn fit(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: &str = "\u{2026}";
    if text.len() <= bytes_max {
        return text.into();
    }
    let mut end = bytes_max.saturating_sub(ELLIPSIS.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if bytes_max < ELLIPSIS.len() { text[..end].into() } else { format!("{}{ELLIPSIS}", &text[..end]) }
}

/// 32 hexadecimal digits (half of a SHA-256) over parts that cannot run into one another.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let sum = hasher.finalize();
    let mut hex = String::with_capacity(32);
    for byte in &sum[..16] {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    hex
}

/// A key of the state, at most 256 bytes as `state.wit` wants it: parts that are too long are replaced by their digest.
pub fn state_key(kind: &str, parts: &[&str]) -> String {
    let plain = format!("{kind}/{}", parts.join("/"));
    if plain.len() <= 200 && parts.iter().all(|part| !part.contains('/')) {
        plain
    } else {
        format!("{kind}/#{}", digest(parts.iter().copied()))
    }
}

/// Lower case, letter by letter: an address is no word, so a sigma at its end is a sigma like any other.
pub fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The known name that differs least, if it is like enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (distance(word, name), name)).min()?;
    (near.0 <= 1 + word.len() / 4).then_some(near.1)
}

/// Insertions, deletions and replacements between two words.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (number, letter) in from.chars().enumerate() {
        let mut corner = row[0];
        row[0] = number + 1;
        for (place, other) in to.iter().enumerate() {
            let replaced = corner + usize::from(letter != *other);
            corner = row[place + 1];
            row[place + 1] = replaced.min(corner + 1).min(row[place] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(fit("short", 10), "short");
        assert_eq!(fit("ééééé", 7), "éé…");
        assert_eq!(fit("éé", 2), "");
        assert!(fit(&"🎉".repeat(300), 300).len() <= 300);
    }

    #[test]
    fn parts_of_a_digest_cannot_run_into_one_another() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab"]).len(), 32);
    }

    #[test]
    fn a_state_key_never_grows_over_its_limit_and_never_mixes_two_up() {
        let long = "x".repeat(300);
        assert!(state_key("person", &[&long]).len() <= 256);
        assert_ne!(state_key("person", &[&long]), state_key("person", &[&"y".repeat(300)]));
        assert_ne!(state_key("fact", &["a/b", "c"]), state_key("fact", &["a", "b/c"]));
        assert_eq!(state_key("person", &["ana@example.org"]), "person/ana@example.org");
    }
}
