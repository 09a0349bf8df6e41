//! How many there are, in words.

/// The word for one, or that for any other number.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What something costs, where that is known within bounds.
pub(super) fn calls(least: u64, most: u64) -> String {
    match (least, most) {
        (1, 1) => "1 call".into(),
        (least, most) if least == most => format!("{most} calls"),
        (least, most) => format!("{least} to {most} calls"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_bounds_that_are_the_same_are_one_number() {
        let people = |count| counted(count, "person was", "people were");
        assert_eq!([people(0), people(1), people(2)], ["0 people were", "1 person was", "2 people were"]);
        assert_eq!([calls(0, 0), calls(1, 1), calls(2, 2)], ["0 calls", "1 call", "2 calls"]);
        assert_eq!([calls(0, 1), calls(2, 5)], ["0 to 1 calls", "2 to 5 calls"]);
    }
}
