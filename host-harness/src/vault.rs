//! Secrets at rest: what is written down and may not be read where it lies is sealed here, and opened again.
//!
//! Promises: what was sealed for one use is opened for that use, whole and unchanged, or not at all; nothing here prints a key, or
//! what was sealed. Not here: what is sealed (`connections/credentials.rs`, `ingress/delivery.rs`), where the key lies
//! (`data_dir.rs`).
//!
//! A sealed text is `sealed1:<key>:<base64 of nonce and ciphertext>`. It names its key, so that a key can be replaced: the new one
//! is put before the old one, the first seals, and each opens what it has sealed. The cipher is XChaCha20-Poly1305: its nonces
//! are so long that they may be drawn, however much is sealed.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use secrecy::{SecretSlice, SecretString, zeroize::Zeroizing};
use sha2::{Digest, Sha256};
use std::{env, fmt, fs, path::Path, sync::Arc};

/// Names the variable of the environment that holds the keys.
pub const KEY_VARIABLE: &str = "HARNESS_KEY";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const MARK: &str = "sealed1:";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error(
        "{0} holds no key. A key is 32 bytes in base64, and several are parted by commas or lines. Make one with: \
         openssl rand -base64 32"
    )]
    NoKey(String),
    #[error(
        "the file of the key, {file}, cannot be read: {problem}. Let this user read it, or give another one with \
         --key-file"
    )]
    KeyFile { file: String, problem: String },
    #[error(
        "it was sealed with the key {wanted}, and here is {}. Give the key {wanted} too, behind the one that is to seal: \
         {KEY_VARIABLE}=new,old", .given.join(", ")
    )]
    OtherKey { wanted: String, given: Vec<String> },
    #[error("it is not sealed, it was changed since, or it was sealed for another use. Take it from a backup")]
    Broken,
}

/// Keys, of which the first seals. A clone is the same vault.
#[derive(Clone)]
pub struct Vault(Arc<Vec<Key>>);

struct Key {
    /// Eight bytes of a digest, as hex. Tells keys apart, and nothing of them.
    name: String,
    cipher: XChaCha20Poly1305,
    /// Everybody knows it, so it hides nothing: then the same text is sealed in the same way each time.
    is_simulated: bool,
}

impl Vault {
    /// The keys of `--key-file`, else those of the environment, if there are any.
    pub fn given(key_file: Option<&Path>) -> Result<Option<Vault>, VaultError> {
        match (key_file, env::var_os(KEY_VARIABLE)) {
            (Some(file), _) => {
                let shown = file.display().to_string();
                let text = fs::read_to_string(file).map(Zeroizing::new);
                let text = text.map_err(|e| VaultError::KeyFile { file: shown.clone(), problem: e.to_string() })?;
                Vault::of(&text, &shown).map(Some)
            }
            (None, Some(text)) => {
                let text = Zeroizing::new(text.into_string().unwrap_or_default());
                Vault::of(&text, &format!("the environment variable {KEY_VARIABLE}")).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// Keys as text; `from` says where they stood.
    pub fn of(text: &str, from: &str) -> Result<Vault, VaultError> {
        let keys = text.split([',', '\n', '\r', ' ']).filter(|word| !word.is_empty());
        let key = |word: &str| {
            let bytes = STANDARD.decode(word).map(Zeroizing::new).ok()?;
            Some(Key::new(bytes.as_slice().try_into().ok()?))
        };
        let keys: Option<Vec<Key>> = keys.map(key).collect();
        let keys = keys.filter(|keys| !keys.is_empty()).ok_or_else(|| VaultError::NoKey(from.into()))?;
        Ok(Vault(Arc::new(keys)))
    }

    /// A key that nobody has yet, as text to be kept.
    pub fn new_key() -> SecretString {
        STANDARD.encode(*Zeroizing::new(<[u8; KEY_BYTES]>::generate())).into()
    }

    /// With a key that everybody knows, for plays on simulated worlds: the same play leaves the same bytes.
    pub fn simulated() -> Vault {
        Vault(Arc::new(vec![Key { is_simulated: true, ..Key::new(b"a key that everybody may know...") }]))
    }

    /// `used_for` is not kept; whoever opens it must say the same.
    pub fn seal(&self, used_for: &str, bytes: &[u8]) -> String {
        let key = self.first();
        let nonce = if key.is_simulated { derived(used_for, bytes) } else { XNonce::generate() };
        let sealed = key.cipher.encrypt(&nonce, Payload { msg: bytes, aad: used_for.as_bytes() });
        let sealed = sealed.expect("nobody seals more than 256 GiB");
        format!("{MARK}{}:{}", key.name, STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    pub fn open(&self, used_for: &str, sealed: &str) -> Result<SecretSlice<u8>, VaultError> {
        let parts = sealed.trim_end().strip_prefix(MARK).and_then(|rest| rest.split_once(':'));
        let (wanted, text) = parts.ok_or(VaultError::Broken)?;
        let key = self.0.iter().find(|key| key.name == wanted).ok_or_else(|| VaultError::OtherKey {
            // Somebody else's words are not repeated at any length.
            wanted: wanted.chars().filter(char::is_ascii_hexdigit).take(16).collect(),
            given: self.names(),
        })?;
        let bytes = STANDARD.decode(text).map_err(|_| VaultError::Broken)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Broken)?;
        let opened = key.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: used_for.as_bytes() });
        opened.map(Into::into).map_err(|_| VaultError::Broken)
    }

    /// Whether it says so of itself.
    pub fn is_sealed(text: &str) -> bool {
        text.starts_with(MARK)
    }

    /// Whether it was sealed with the key that seals now.
    pub fn is_current(&self, text: &str) -> bool {
        text.strip_prefix(MARK).and_then(|rest| rest.split_once(':')).is_some_and(|(name, _)| name == self.first().name)
    }

    fn first(&self) -> &Key {
        self.0.first().expect("a vault is made with a key")
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|key| key.name.clone()).collect()
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Key {
        let digest = Sha256::new().chain_update("the name of a key").chain_update(bytes).finalize();
        let cipher = XChaCha20Poly1305::new_from_slice(bytes).expect("it has the length of a key");
        Key { name: hex::encode(&digest[..8]), cipher, is_simulated: false }
    }
}

fn derived(used_for: &str, bytes: &[u8]) -> XNonce {
    let digest = Sha256::new().chain_update(used_for).chain_update([0]).chain_update(bytes).finalize();
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(&digest[..NONCE_BYTES]);
    nonce
}

/// Bytes that nobody can guess.
pub fn drawn() -> Zeroizing<[u8; 32]> {
    Zeroizing::new(Generate::generate())
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn vault() -> (Vault, String) {
        let key = Vault::new_key().expose_secret().to_owned();
        (Vault::of(&key, "a test").unwrap(), key)
    }

    fn opened(vault: &Vault, used_for: &str, text: &str) -> Result<Vec<u8>, VaultError> {
        vault.open(used_for, text).map(|bytes| bytes.expose_secret().to_vec())
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for vault in [vault().0, Vault::simulated()] {
                prop_assert_eq!(opened(&vault, "a use", &vault.seal("a use", &bytes)), Ok(bytes.clone()));
            }
        }

        #[test]
        fn what_was_changed_by_a_byte_is_not_opened(at in any::<proptest::sample::Index>(), by in 1u8..) {
            let (vault, _) = vault();
            let sealed = vault.seal("a use", b"something");
            let head = sealed.rfind(':').unwrap() + 1;
            let mut bytes = STANDARD.decode(&sealed[head..]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            let changed = format!("{}{}", &sealed[..head], STANDARD.encode(bytes));
            prop_assert_eq!(opened(&vault, "a use", &changed), Err(VaultError::Broken));
        }
    }

    #[test]
    fn a_text_is_opened_with_its_key_and_for_its_use_alone() {
        let (vault, _) = vault();
        let sealed = vault.seal("credentials", b"something");
        assert_ne!(sealed, vault.seal("credentials", b"something"), "each has a nonce of its own");
        assert_eq!(opened(&vault, "delivery", &sealed), Err(VaultError::Broken));
        let other = super::Vault::of(Vault::new_key().expose_secret(), "a test").unwrap();
        let said = opened(&other, "credentials", &sealed).unwrap_err();
        assert_eq!(said, VaultError::OtherKey { wanted: vault.names()[0].clone(), given: other.names() });
        for text in ["", "plain", "sealed1:", "sealed1:a", &sealed[..sealed.len() - 9], "sealed2:a:b"] {
            assert!(opened(&vault, "credentials", text).is_err(), "{text}");
            assert_eq!(Vault::is_sealed(text), text.starts_with("sealed1:"), "{text}");
        }
    }

    #[test]
    fn a_key_is_replaced_by_the_one_before_it() {
        let ((old, old_key), (new, new_key)) = (vault(), vault());
        let both = Vault::of(&format!("{new_key},{old_key}"), "a test").unwrap();
        let (before, after) = (old.seal("a use", b"before"), both.seal("a use", b"after"));
        assert_eq!(opened(&both, "a use", &before), Ok(b"before".to_vec()));
        assert_eq!(opened(&new, "a use", &after), Ok(b"after".to_vec()));
        assert!(both.is_current(&after) && !both.is_current(&before) && !both.is_current("plain"));
    }

    #[test]
    fn a_key_is_thirty_two_bytes_in_base64() {
        let key = Vault::new_key().expose_secret().to_owned();
        for text in ["", "\n", "hush-hush-hush", "aHVzaC1odXNo", &format!("{key},aHVzaC1odXNo")] {
            let said = Vault::of(text, "the file k").unwrap_err().to_string();
            assert!(said.starts_with("the file k holds no key. A key is 32 bytes in base64"), "{said}");
            assert!(!said.contains("hush") && !said.contains("aHVz") && !said.contains(&key), "{said}");
        }
        assert_eq!(Vault::of(&format!("{key}\r\n\n{key} \n"), "a test").unwrap().0.len(), 2);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k");
        let said = Vault::given(Some(&file)).unwrap_err().to_string();
        assert!(said.contains("cannot be read") && said.contains("--key-file"), "{said}");
        fs::write(&file, format!("{key}\n")).unwrap();
        assert!(Vault::given(Some(&file)).unwrap().is_some());
    }

    #[test]
    fn nothing_prints_a_key_or_what_was_sealed() {
        let (vault, key) = vault();
        let (other, _) = self::vault();
        let sealed = vault.seal("a use", b"hush-hush");
        let mut seen = format!("{vault:?} {sealed} {:?}", vault.open("a use", &sealed).unwrap());
        let refusals = [other.open("a use", &sealed), vault.open("another", &sealed), vault.open("a use", &key)];
        for refused in refusals {
            let refused = refused.unwrap_err();
            seen += &format!("{refused} {refused:?}");
        }
        for hidden in ["hush", &key, &hex::encode(STANDARD.decode(&key).unwrap()), &STANDARD.encode("hush-hush")] {
            assert!(!seen.contains(hidden), "{seen}");
        }
    }

    #[test]
    fn a_play_leaves_the_same_bytes_each_time() {
        let sealed = Vault::simulated().seal("a use", b"something");
        assert_eq!(sealed, Vault::simulated().seal("a use", b"something"));
        assert_ne!(sealed, Vault::simulated().seal("a use", b"something else"));
    }
}
