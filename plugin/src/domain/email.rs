//! An address by which a person is told apart, in lower case: mixed case makes a second prospect.

use crate::text::lower;

/// Account Engagement refuses longer ones with code 4.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>, confirmed.
pub const BYTES_MAX: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Email(String);

plain_text!(Email);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAddress {
    Empty,
    NotOneAt,
    Blank,
    NoName,
    NoDomain,
    TooLong,
}

impl std::fmt::Display for NoAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            NoAddress::Empty => "there is none",
            NoAddress::NotOneAt => "it does not hold exactly one @",
            NoAddress::Blank => "it holds a blank or a control character",
            NoAddress::NoName => "nothing stands before the @",
            NoAddress::NoDomain => "nothing stands after the @",
            NoAddress::TooLong => "it is longer than 255 bytes",
        })
    }
}

impl Email {
    /// Trims and lower-cases. Plus signs, quotes and letters of any alphabet survive.
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let address = lower(text.trim());
        if address.is_empty() {
            return Err(NoAddress::Empty);
        }
        if address.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(NoAddress::Blank);
        }
        let Some((name, domain)) = address.split_once('@') else { return Err(NoAddress::NotOneAt) };
        if domain.contains('@') {
            return Err(NoAddress::NotOneAt);
        }
        if name.is_empty() {
            return Err(NoAddress::NoName);
        }
        if domain.is_empty() {
            return Err(NoAddress::NoDomain);
        }
        if address.len() > BYTES_MAX {
            return Err(NoAddress::TooLong);
        }
        Ok(Self(address))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl TryFrom<String> for Email {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Email::parse(&text).map_err(|why| format!("not an address: {why}"))
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_lower_cased_and_otherwise_kept() {
        let rows = [
            ("Ana@Example.ORG", Ok("ana@example.org")),
            ("  john@doe.com\n", Ok("john@doe.com")),
            ("pierre+registrant1@livestorm.co", Ok("pierre+registrant1@livestorm.co")),
            ("o'brien@example.org", Ok("o'brien@example.org")),
            ("\"Quoted\"@example.org", Ok("\"quoted\"@example.org")),
            ("JOSÉ@exämple.org", Ok("josé@exämple.org")),
            ("", Err(NoAddress::Empty)),
            ("   ", Err(NoAddress::Empty)),
            ("ana", Err(NoAddress::NotOneAt)),
            ("a@b@c", Err(NoAddress::NotOneAt)),
            ("an a@example.org", Err(NoAddress::Blank)),
            ("ana@exam\u{0}ple.org", Err(NoAddress::Blank)),
            ("@example.org", Err(NoAddress::NoName)),
            ("ana@", Err(NoAddress::NoDomain)),
        ];
        for (text, expected) in rows {
            assert_eq!(Email::parse(text).as_ref().map(Email::as_str), expected.as_ref().map(|text| *text), "{text:?}");
        }
        assert_eq!(Email::parse(&format!("{}@example.org", "a".repeat(243))).map(|e| e.0.len()), Ok(255));
        assert_eq!(Email::parse(&format!("{}@example.org", "a".repeat(244))), Err(NoAddress::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_a_reason_and_parsing_twice_changes_nothing(text in ".*") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert!(email.0.len() <= BYTES_MAX);
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            }
        }

        #[test]
        fn case_never_makes_two_people(name in "[a-z0-9.+'-]{1,20}", domain in "[a-z0-9-]{1,20}\\.[a-z]{2,6}") {
            let address = format!("{name}@{domain}");
            prop_assert_eq!(Email::parse(&address), Email::parse(&address.to_uppercase()));
        }
    }
}
