//! The token of the admin interface. Promises: it is compared in a time that tells nothing of it, and printed nowhere. Not here: the
//! file of its own that it has in the data directory (`data_dir`).

use axum::http::HeaderValue;
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use subtle::ConstantTimeEq;

pub const TOKEN_VARIABLE: &str = "HARNESS_ADMIN_TOKEN";
/// Fewer could be tried out.
const CHARACTERS_MIN: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(
        "{0} holds no token for the admin interface. A token is one line of at least {CHARACTERS_MIN} letters, digits and signs; make \
         one with: openssl rand -hex 32"
    )]
    NoToken(String),
    #[error("the token's file {} cannot be read: {problem}. Let this user read it", .file.display())]
    File { file: PathBuf, problem: String },
}

#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// `from`: where it stood.
    pub fn of(text: &str, from: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        match text.len() >= CHARACTERS_MIN && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Token(text.into())),
            false => Err(TokenError::NoToken(from.into())),
        }
    }

    pub fn read(file: &Path) -> Result<Token, TokenError> {
        let text = fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|e| TokenError::File { file: file.into(), problem: e.to_string() })?;
        Token::of(&text, &format!("the file {}", file.display()))
    }

    /// That of the environment, if there is one.
    pub fn of_environment() -> Result<Option<Token>, TokenError> {
        let text = env::var_os(TOKEN_VARIABLE).map(|text| Zeroizing::new(text.into_string().unwrap_or_default()));
        text.map(|text| Token::of(&text, &format!("the environment variable {TOKEN_VARIABLE}"))).transpose()
    }

    pub fn is(&self, shown: &str) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// As a request shows it.
    pub fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", self.0.expose_secret()));
        let mut value = HeaderValue::from_str(&text).expect("visible ASCII is what a header may hold");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_that_nobody_guesses() {
        let token = Token::of(" made-up-token-of-the-admin \n", "a test").unwrap();
        assert!(token.is("made-up-token-of-the-admin"));
        for other in ["", "made-up-token-of-the-admi", "made-up-token-of-the-admin2", "Made-up-token-of-the-admin"] {
            assert!(!token.is(other), "{other}");
        }
        assert_eq!(token.header(), "Bearer made-up-token-of-the-admin");
        assert!(!format!("{token:?} {:?}", token.header()).contains("made-up"));
        for text in ["", "short", "made up token of the admin interface", "made-up-token\nmade-up-token"] {
            let said = Token::of(text, "the file t").unwrap_err().to_string();
            assert!(said.starts_with("the file t holds no token") && !said.contains("made"), "{said}");
        }
    }
}
