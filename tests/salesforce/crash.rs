//! Stopped at points that an uncrashed story passes, reopened on the same file: the world ends equal, nothing twice.

use super::*;
use crate::crash::dies_at_each_and_ends_well;
use host_harness::stage::story::salesforce_story;

/// One of so many points, in each way of making new people.
const EACH: usize = 4;

#[test]
fn stopped_at_points_of_the_story_the_world_of_leads_ends_equal() {
    dies_at_each_and_ends_well(&salesforce_story(LEADS), EACH);
}

#[test]
fn stopped_at_points_of_the_story_the_world_of_contacts_ends_equal() {
    dies_at_each_and_ends_well(&salesforce_story(CONTACTS), EACH);
}
