//! What a refusal of Account Engagement means. By the code in the body, never by its text and seldom by the status: codes 66
//! and 122 come with statuses that nobody documents, and some failures are XML.

use crate::{
    call::ACCOUNT_ENGAGEMENT,
    host::{FailureClass, HOUR, Instant, MINUTE, Response, SECOND},
    json,
    ledger::Judged,
    stop::{Doing, Stop},
    text,
};

#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: u16,
    pub code: Option<u32>,
    pub message: String,
}

impl ApiError {
    pub fn of(response: &Response) -> Self {
        let body = String::from_utf8_lossy(&response.body);
        let value = json::parse(&response.body).ok();
        let from_json = value.as_ref().and_then(|value| {
            let code = value.get("code").and_then(json::scalar)?.parse().ok()?;
            Some((Some(code), value.get("message").and_then(json::scalar).unwrap_or_default()))
        });
        let (code, message) = from_json.or_else(|| xml(&body)).unwrap_or((None, String::new()));
        Self { status: response.status, code, message: text::fit(message.trim(), 500) }
    }

    /// In Account Engagement's own words.
    pub fn said(&self) -> String {
        let code = self.code.map_or(format!("status {}", self.status), |code| format!("code {code}"));
        if self.message.is_empty() {
            format!("Account Engagement answered {code}")
        } else {
            format!("Account Engagement answered {code}: {}", self.message)
        }
    }

    pub fn verdict(&self) -> Verdict {
        verdict(self.code, self.status)
    }

    /// Whether the write may have taken place all the same.
    pub fn judged(&self) -> Judged {
        match self.verdict() {
            Verdict::NotKnown => Judged::InDoubt(self.said()),
            Verdict::Done
            | Verdict::CampaignNotThereYet
            | Verdict::Conflict
            | Verdict::SlowDown
            | Verdict::QuotaGone
            | Verdict::SignIn
            | Verdict::LookUpAnew
            | Verdict::DropField
            | Verdict::NameTooLong
            | Verdict::NameInUse
            | Verdict::ListGone
            | Verdict::Ability
            | Verdict::NeedsAttention(_)
            | Verdict::Invalid
            | Verdict::Bug => Judged::Refused,
        }
    }

    /// The outcome of a refusal that the caller has no better use for.
    pub fn stop(&self, now: Instant, doing: &Doing<'_>) -> Stop {
        let said = self.said();
        match self.verdict() {
            Verdict::CampaignNotThereYet => {
                doing.later(now + 2 * MINUTE, "the campaign is not yet in Account Engagement; nothing is lost")
            }
            Verdict::Conflict => doing.later(now + 5 * SECOND, &said),
            Verdict::SlowDown => doing.later(now + 10 * SECOND, &said),
            Verdict::NotKnown => doing.later(now + MINUTE, &said),
            Verdict::QuotaGone => {
                doing.pause(now + HOUR, "today's API calls of the business unit are used up", ACCOUNT_ENGAGEMENT)
            }
            Verdict::SignIn => doing.later(now + 15 * MINUTE, &format!("the connection must be signed in again ({said})")),
            Verdict::Ability => doing.needs_attention(&format!("{said}."), ABILITY),
            Verdict::NeedsAttention(remedy) => doing.needs_attention(&format!("{said}."), remedy),
            Verdict::ListGone => doing.needs_attention(&format!("{said}."), LIST_GONE),
            Verdict::DropField => doing.needs_attention(
                &format!("{said}. Which of the fields is meant cannot be told."),
                "Compare the mapped fields with those of the prospects in Account Engagement, then retry.",
            ),
            Verdict::Invalid => doing.failed(
                FailureClass::Invalid,
                &format!("{said}."),
                "Account Engagement does not take this address. Correct it in Livestorm, where the person can register again.",
            ),
            Verdict::LookUpAnew | Verdict::NameTooLong | Verdict::NameInUse | Verdict::Done => {
                doing.needs_attention(&format!("{said}, and again after another attempt."), "See the record there, then retry.")
            }
            Verdict::Bug => doing.bug(&said),
        }
    }
}

const ABILITY: &str = "Give the connected user a role with the abilities for prospects (view those not assigned to them, \
                       create), lists (view, create) and external activities (view, create), then retry.";
const LIST_GONE: &str =
    "The session's list was deleted. Restore it from the recycle bin of Account Engagement, then retry.";
const BUSINESS_UNIT: &str = "Check the business unit id of the connection, its host (pi.pardot.com, or pi.demo.pardot.com for \
                             sandboxes and developer orgs) and that the connected user belongs to that unit; then retry.";
const SUPPORT: &str = "An Account Engagement administrator must settle this; then retry.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is so already.
    Done,
    /// Connected Campaigns has not brought it over.
    CampaignNotThereYet,
    /// Written by somebody else at the same moment.
    Conflict,
    SlowDown,
    QuotaGone,
    /// The token is not taken.
    SignIn,
    /// It broke off there; whether it was written is not known.
    NotKnown,
    /// The prospect or record that we knew is not the one any more.
    LookUpAnew,
    DropField,
    NameTooLong,
    NameInUse,
    ListGone,
    /// A role ability is missing.
    Ability,
    /// With what a person does about it.
    NeedsAttention(&'static str),
    /// The data itself is not taken.
    Invalid,
    /// Of ours.
    Bug,
}

/// <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>.
pub fn verdict(code: Option<u32>, status: u16) -> Verdict {
    let Some(code) = code else {
        return match status {
            401 => Verdict::SignIn,
            403 => Verdict::Ability,
            404 => Verdict::LookUpAnew,
            429 => Verdict::SlowDown,
            408 | 500.. => Verdict::NotKnown,
            _ => Verdict::NeedsAttention(SUPPORT),
        };
    };
    match code {
        3 | 9 | 16 | 54 | 92 | 109 | 132 | 219 => Verdict::LookUpAnew,
        4 => Verdict::Invalid,
        38 => Verdict::CampaignNotThereYet,
        46 => Verdict::Ability,
        49 | 181 | 182 | 201 | 203 => Verdict::NeedsAttention(BUSINESS_UNIT),
        50 | 56 | 57 | 154 | 180 | 224 => Verdict::DropField,
        55 => Verdict::ListGone,
        58 => Verdict::Done,
        62 => Verdict::Conflict,
        66 => Verdict::SlowDown,
        67 => {
            Verdict::NeedsAttention("The business unit may have no more of these. Delete what is not used, then retry.")
        }
        76 => Verdict::NeedsAttention("Give the connected user access to the API again, then retry."),
        85 | 183 | 202 | 214 => Verdict::NotKnown,
        96 | 97 | 216 => {
            Verdict::NeedsAttention("Make room in the folder of uncategorized lists, or give access to it.")
        }
        122 => Verdict::QuotaGone,
        138 => Verdict::NameTooLong,
        139 => {
            Verdict::NeedsAttention("Rename the event in Livestorm so that its title can be a name there, then retry.")
        }
        184 => Verdict::SignIn,
        210 | 211 => Verdict::Conflict,
        218 => Verdict::NeedsAttention("Switch Connected Campaigns on in Account Engagement Settings, then retry."),
        245 => Verdict::NameInUse,
        2 | 7 | 13 | 23 | 36 | 60 | 61 | 71 | 88 | 89 | 126 | 150..=153 | 192 | 198 | 199 | 204 | 209 => Verdict::Bug,
        _ if status >= 500 => Verdict::NotKnown,
        _ => Verdict::NeedsAttention(SUPPORT),
    }
}

/// `<rsp stat="fail" version="1.0"><err code="15">Login failed</err></rsp>`.
fn xml(body: &str) -> Option<(Option<u32>, String)> {
    let (attributes, said) = body.split('<').find_map(|tag| tag.strip_prefix("err")?.split_once('>'))?;
    let mut quoted = attributes.split('"').skip_while(|name| !name.ends_with("code="));
    Some((quoted.nth(1).and_then(|code| code.parse().ok()), said.into()))
}

/// The field a refusal is about, if it can be told: the only one sent, or the only one named.
pub fn field_meant(error: &ApiError, sent: &[&str]) -> Option<String> {
    let words: Vec<&str> =
        error.message.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).collect();
    let named: Vec<&&str> = sent.iter().filter(|field| words.contains(*field)).collect();
    match (sent, &named[..]) {
        ([only], _) => Some(only.to_string()),
        (_, [only]) => Some(only.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> ApiError {
        ApiError::of(&Response { status, headers: vec![], body: body.into() })
    }

    #[test]
    fn every_code_that_matters_is_a_verdict() {
        use Verdict as V;
        type Row = (&'static [u32], fn(V) -> bool);
        let named: [Row; 12] = [
            (&[58], |v| v == V::Done),
            (&[38], |v| v == V::CampaignNotThereYet),
            (&[62, 210, 211], |v| v == V::Conflict),
            (&[66], |v| v == V::SlowDown),
            (&[122], |v| v == V::QuotaGone),
            (&[184], |v| v == V::SignIn),
            (&[85, 183, 202, 214], |v| v == V::NotKnown),
            (&[3, 9, 16, 54, 92, 109, 132, 219], |v| v == V::LookUpAnew),
            (&[50, 56, 57, 154, 180, 224], |v| v == V::DropField),
            (&[4], |v| v == V::Invalid),
            (&[46, 49, 55, 67, 76, 96, 97, 138, 139, 181, 182, 201, 203, 216, 218, 245, 999], |v| {
                matches!(v, V::NeedsAttention(_) | V::Ability | V::ListGone | V::NameTooLong | V::NameInUse)
            }),
            (&[2, 7, 13, 23, 36, 60, 61, 71, 88, 89, 126, 150, 151, 152, 153, 192, 198, 199, 204, 209], |v| {
                v == V::Bug
            }),
        ];
        for (codes, expected) in named {
            for code in codes {
                assert!(expected(verdict(Some(*code), 400)), "{code}: {:?}", verdict(Some(*code), 400));
            }
        }
        let by_status =
            [(401, V::SignIn), (403, V::Ability), (404, V::LookUpAnew), (429, V::SlowDown), (500, V::NotKnown)];
        for (status, expected) in by_status {
            assert_eq!(verdict(None, status), expected, "{status}");
        }
        assert_eq!(verdict(Some(999), 503), V::NotKnown);
        assert_eq!(verdict(Some(66), 500), V::SlowDown, "the code goes before the status");
    }

    #[test]
    fn a_refusal_is_read_from_json_xml_html_and_nothing() {
        assert_eq!(answered(400, r#"{"code":58,"message":"That prospect is already"}"#).code, Some(58));
        assert_eq!(answered(400, r#"{"code":"58"}"#).code, Some(58));
        let xml = answered(
            200,
            r#"<?xml version="1.0"?><rsp stat="fail"><err code="184">access_token is invalid</err></rsp>"#,
        );
        assert_eq!((xml.code, xml.message.as_str()), (Some(184), "access_token is invalid"));
        assert_eq!(answered(502, "<html><body>Bad gateway").code, None);
        assert_eq!(answered(500, "").said(), "Account Engagement answered status 500");
    }

    #[test]
    fn the_field_is_told_only_where_there_is_no_choice() {
        let error = answered(400, r#"{"code":57,"message":"Invalid date: phone_x is wrong, city"}"#);
        assert_eq!(field_meant(&error, &["city", "phone"]).as_deref(), Some("city"));
        assert_eq!(field_meant(&error, &["country", "phone"]), None);
        assert_eq!(field_meant(&error, &["phone"]).as_deref(), Some("phone"));
        assert_eq!(field_meant(&error, &[]), None);
    }

    #[test]
    fn an_outcome_that_is_not_known_is_not_taken_for_a_refusal() {
        assert!(matches!(answered(400, r#"{"code":214,"message":"timed out"}"#).judged(), Judged::InDoubt(_)));
        assert!(matches!(answered(500, "").judged(), Judged::InDoubt(_)));
        assert_eq!(answered(400, r#"{"code":66}"#).judged(), Judged::Refused);
    }

    #[test]
    fn a_used_up_day_pauses_the_whole_account() {
        let doing = Doing { what: "x", whom: "y" };
        let Stop::Later(wait) = answered(403, r#"{"code":122}"#).stop(0, &doing) else { panic!("waits") };
        assert_eq!((wait.until, wait.pause.as_deref()), (HOUR, Some("account-engagement")));
    }
}
