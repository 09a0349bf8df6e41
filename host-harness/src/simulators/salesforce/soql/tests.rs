//! What is read, refused and printed of SOQL.

use super::*;
use proptest::prelude::{Strategy, any, *};

#[test]
fn queries_are_read_and_printed_in_one_form() {
    let rows = [
        ("select Id from Campaign", "SELECT Id FROM Campaign"),
        (
            "SELECT Id, Owner.Name FROM Campaign WHERE Name='it\\'s' and IsActive=TRUE ORDER BY CreatedDate DESC, Id LIMIT 1",
            "SELECT Id, Owner.Name FROM Campaign WHERE Name = 'it\\'s' AND IsActive = true ORDER BY CreatedDate DESC, Id ASC LIMIT 1",
        ),
        (
            "SELECT Id FROM Campaign WHERE (Name = 'a' OR Name = 'b') AND NOT (StartDate >= 2026-11-22)",
            "SELECT Id FROM Campaign WHERE (Name = 'a' OR Name = 'b') AND NOT (StartDate >= 2026-11-22)",
        ),
        (
            "SELECT Id FROM Campaign WHERE Id NOT IN ('x', null) OFFSET 5",
            "SELECT Id FROM Campaign WHERE Id NOT IN ('x', null) OFFSET 5",
        ),
        (
            "SELECT Id FROM Campaign WHERE CreatedDate>=2026-11-22T15:00:00+01:00 AND BudgetedCost<>-1.5",
            "SELECT Id FROM Campaign WHERE CreatedDate >= 2026-11-22T14:00:00.000Z AND BudgetedCost != -1.5",
        ),
        (
            "SELECT Id FROM Lead WHERE CreatedDate > 2026-11-22T15:00:00.000+0100",
            "SELECT Id FROM Lead WHERE CreatedDate > 2026-11-22T14:00:00.000Z",
        ),
        (
            "SELECT Id FROM Campaign WHERE Name LIKE '100\\%\\_%'",
            "SELECT Id FROM Campaign WHERE Name LIKE '100\\%\\_%'",
        ),
        (
            "select Email from Lead group by Email having count(Id)>1 and MAX(Name)!='x' order by count(Id) desc",
            "SELECT Email FROM Lead GROUP BY Email HAVING COUNT(Id) > 1 AND MAX(Name) != 'x' ORDER BY COUNT(Id) DESC",
        ),
        ("SELECT c.Id FROM Contact c WHERE c.Name=null", "SELECT c.Id FROM Contact c WHERE c.Name = null"),
        ("select count() from Lead where CreatedDate=today", "SELECT COUNT() FROM Lead WHERE CreatedDate = TODAY"),
        (
            "SELECT Status, count( Id )n FROM Lead GROUP BY Status, Owner.Name",
            "SELECT Status, COUNT(Id) n FROM Lead GROUP BY Status, Owner.Name",
        ),
        ("SELECT fields ( all ),Id FROM Lead LIMIT 200", "SELECT FIELDS(ALL), Id FROM Lead LIMIT 200"),
        (
            "SELECT Id, ( SELECT Id FROM CampaignMembers WHERE Status IN ('a') LIMIT 1 ) FROM Campaign WHERE CreatedDate > LAST_N_DAYS:3",
            "SELECT Id, (SELECT Id FROM CampaignMembers WHERE Status IN ('a') LIMIT 1) FROM Campaign WHERE CreatedDate > LAST_N_DAYS:3",
        ),
        (
            "SELECT Id FROM Lead WHERE Id NOT IN (SELECT LeadId FROM CampaignMember)",
            "SELECT Id FROM Lead WHERE Id NOT IN (SELECT LeadId FROM CampaignMember)",
        ),
    ];
    for (text, printed) in rows {
        assert_eq!(parse(text).map(|query| query.to_string()), Ok(printed.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_query_is_refused_with_the_place_where_it_breaks_off() {
    let rows = [
        "",
        "SELECT FROM Campaign",
        "SELECT Id FROM Campaign WHERE Name = 'it's'",
        "SELECT Id FROM Campaign WHERE Name = \"x\"",
        "SELECT Id FROM Campaign WHERE a = 1 AND b = 2 OR c = 3",
        "SELECT Id FROM Campaign WHERE Name LIKE 5",
        "SELECT Id FROM Campaign WHERE Id IN ()",
        "SELECT Id FROM Campaign LIMIT -1",
        "SELECT Id FROM Campaign LIMIT 1 WHERE Id = null",
        "SELECT Id FROM Campaign; DROP",
        "DELETE FROM Campaign",
        "SELECT MAX() FROM Campaign",
        "SELECT COUNT(Id FROM Campaign",
        "SELECT (SELECT Id FROM Leads FROM Campaign",
        "SELECT Id FROM Campaign WHERE Id IN (SELECT Id)",
        "SELECT Id FROM Campaign WHERE CreatedDate = LAST_N_DAYS",
    ];
    for text in rows {
        let message = parse(text).unwrap_err();
        assert!(message.contains("ERROR at Row:1:Column:"), "{text}: {message}");
    }
    assert!(parse(&format!("SELECT Id FROM C WHERE {}a = 1", "(".repeat(10_000))).is_err());
}

#[test]
fn the_place_is_within_the_clause_that_is_wrong() {
    let rows = [
        ("SELECT Id FROM Lead WHERE Id IN ()", 34, ")"),
        ("SELECT Id FROM Lead WHERE IsConverted = false AND", 50, "<EOF>"),
        ("SELECT Id FROM Lead WHERE Name = \"x\"", 34, "\"x\""),
        ("SELECT Id FROM Lead GROUP Name", 27, "Name"),
        ("SELECT Id FROM Lead LIMIT -1", 27, "-1"),
        ("SELECT Id FROM Lead FOR UPDATE", 21, "FOR"),
    ];
    for (text, column, token) in rows {
        let message = parse(text).unwrap_err();
        let expected = format!("Column:{column}\nunexpected token: '{token}'");
        assert!(message.ends_with(&expected), "{text}: {message}");
    }
}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_]{0,8}".prop_filter("not a keyword", |name| {
        let name = name.to_ascii_lowercase();
        !KEYWORDS.contains(&name.as_str()) && !FOLLOWING.contains(&name.as_str()) && name != "nulls"
    })
}

fn fields() -> impl Strategy<Value = Path> {
    proptest::collection::vec(names(), 1..3)
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        any::<String>().prop_map(Literal::Text),
        (-1_000_000i32..1_000_000).prop_map(|n| Literal::Number(f64::from(n) / 100.0)),
        (0i32..40_000).prop_map(|day| Literal::Date(NaiveDate::from_epoch_days(day).unwrap())),
        (0u32..9).prop_map(|n| Literal::Relative(Relative::read(&format!("LAST_N_DAYS:{n}")).unwrap())),
        Just(Literal::Relative(Relative::read("THIS_MONTH").unwrap())),
        (0i64..4_000_000_000_000).prop_map(|ms| Literal::DateTime(DateTime::from_timestamp_millis(ms).unwrap())),
    ]
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        (fields(), comparisons(), literals()).prop_map(|(f, o, v)| Condition::Compare(f, o, v)),
        (fields(), "[a-z'é]{0,4}(\\\\%|\\\\_|\\\\\\\\|%|_){0,3}").prop_map(|(f, like)| Condition::Compare(
            f,
            Comparison::Like,
            Literal::Text(like)
        )),
        (fields(), any::<bool>(), proptest::collection::vec(literals(), 1..4))
            .prop_map(|(field, negated, among)| Condition::In { field, negated, among: Among::Literals(among) }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn orders() -> impl Strategy<Value = Order> {
    let function = proptest::option::of((0..FUNCTIONS.len()).prop_map(|n| FUNCTIONS[n].1));
    let all = (function, fields(), any::<bool>(), any::<Option<bool>>());
    all.prop_map(|(function, field, descending, nulls_last)| Order { function, field, descending, nulls_last })
}

/// A column, or a condition's query, holds `inner`.
fn around(inner: Option<Query>) -> impl Strategy<Value = Query> {
    let aggregate = (0..FUNCTIONS.len(), fields(), proptest::option::of(names()));
    let column = prop_oneof![
        4 => fields().prop_map(Column::Field),
        1 => (0..GROUPS.len()).prop_map(|n| Column::Fields(GROUPS[n].1)),
        1 => Just(Column::Aggregate { function: Function::Count, field: None, alias: None }),
        1 => aggregate.prop_map(|(n, field, alias)| Column::Aggregate { function: FUNCTIONS[n].1, field: Some(field), alias }),
    ];
    let select = proptest::collection::vec(column, 1..4);
    let condition = proptest::option::of(any_condition());
    let group = proptest::collection::vec(fields(), 0..2);
    let having = ((0..FUNCTIONS.len()), fields(), comparisons(), literals());
    let having =
        having.prop_map(|(n, field, operator, value)| Having { function: FUNCTIONS[n].1, field, operator, value });
    let group = (group, proptest::collection::vec(having, 0..3));
    let order = proptest::collection::vec(orders(), 0..3);
    let rest = (any::<Option<u32>>(), any::<Option<u32>>(), any::<bool>());
    let from = (names(), proptest::option::of(names()));
    (select, from, condition, group, order, rest).prop_map(
        move |(mut select, (from, alias), mut condition, (group, having), order, (limit, offset, column))| {
            match inner.clone().map(Box::new) {
                Some(inner) if column => select.push(Column::Children(inner)),
                Some(inner) => {
                    let field = vec!["Id".to_owned()];
                    condition = Some(Condition::In { field, negated: false, among: Among::Query(inner) });
                }
                None => {}
            }
            Query { select, from, alias, condition, group, having, order, limit, offset }
        },
    )
}

fn queries() -> impl Strategy<Value = Query> {
    proptest::option::of(around(None)).prop_flat_map(around)
}

proptest! {
    #[test]
    fn a_printed_query_reads_back_as_itself(query in queries()) {
        let printed = query.to_string();
        prop_assert_eq!(parse(&printed), Ok(query), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), tail in "[ -~]{0,60}") {
        let _ = parse(&text);
        let _ = parse(&format!("SELECT Id FROM Campaign WHERE {tail}"));
    }
}
