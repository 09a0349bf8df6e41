//! Stopped at points that an uncrashed story passes, reopened on the same file: the world ends equal, nothing twice.

use super::*;
use crate::crash::dies_at_each_and_ends_well;
use host_harness::stage::story::salesforce_story;

#[test]
fn stopped_at_its_points_of_the_story_the_world_of_leads_ends_equal() {
    dies_at_each_and_ends_well(&salesforce_story(LEADS), 3);
}

#[test]
fn stopped_at_its_points_of_the_story_the_world_of_contacts_ends_equal() {
    dies_at_each_and_ends_well(&salesforce_story(CONTACTS), 3);
}
