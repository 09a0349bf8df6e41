//! Which fields of a prospect are written, and from what, where the customer has chosen nothing (RULES 15).

/// One field of the destination and the sources it is filled from, the first that is there.
pub struct Rule {
    pub target: &'static str,
    pub sources: &'static [&'static str],
}

/// Livestorm's ids of standard questions differ a little between ages of workspaces; the first spelling is today's.
pub const PROSPECT_DEFAULTS: &[Rule] = &[
    Rule { target: "firstName", sources: &["fields.first_name"] },
    Rule { target: "lastName", sources: &["fields.last_name"] },
    Rule { target: "company", sources: &["fields.company", "fields.company_name", "fields.organization"] },
    Rule { target: "jobTitle", sources: &["fields.job_title", "fields.job"] },
    Rule { target: "phone", sources: &["fields.phone_number", "fields.phone"] },
    Rule { target: "city", sources: &["fields.city"] },
    Rule { target: "country", sources: &["fields.country"] },
    Rule { target: "website", sources: &["fields.website", "fields.company_website", "fields.website_url"] },
];
