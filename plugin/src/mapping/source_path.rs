//! Where in a registration a value stands, in words of ours: `fields.<id>` for every question of the form, standard and
//! custom, `utm.<name>` and `referrer`.

/// Questions whose answer lets anybody join as that person. Never a source (RULES 16).
const SECRETS: [&str; 2] = ["password_key", "connection_link"];

/// The path of a question of the form; none for a secret.
pub fn field(id: &str) -> Option<String> {
    (!SECRETS.contains(&id)).then(|| format!("fields.{id}"))
}

pub fn utm(name: &str) -> String {
    format!("utm.{name}")
}

pub const REFERRER: &str = "referrer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_a_source() {
        assert_eq!(field("password_key"), None);
        assert_eq!(field("connection_link"), None);
        assert_eq!(field("company").as_deref(), Some("fields.company"));
    }
}
