use super::*;
use crate::stage::json::scan;

const ENTRY: [&str; 7] = ["date", "idMember", "idProspect", "idEmployee", "idBranch", "device", "entryAction"];

fn key(reader: &KeyReader, line: &str) -> Result<DocumentKey, String> {
    let mut found = Vec::new();
    scan(line.as_bytes(), &reader.fields(), &mut found).unwrap();
    reader.key(&found).map_err(|r| r.reason)
}

fn entries() -> KeyReader {
    let fields: Vec<String> = ENTRY.iter().map(|f| (*f).to_owned()).collect();
    KeyReader { rule: KeyRule::Digest(fields.clone()), fields, event: vec![0], dates: Vec::new() }
}

#[test]
fn the_entry_id_equals_the_predecessors_test_vectors() {
    for (line, id) in [
        (
            concat!(
                r#"{"date":"2024-03-18T06:12:45","idMember":1204512,"idBranch":12,"#,
                r#""device":"Catraca 02","entryAction":"Entry"}"#,
            ),
            479_138_501_485_800,
        ),
        (
            concat!(
                r#"{"date":"2024-03-18T06:12:45","idMember":null,"idProspect":88123,"idBranch":12,"#,
                r#""device":null,"entryAction":"Entry"}"#,
            ),
            100_681_696_694_028,
        ),
        (
            concat!(
                r#"{"date":"2024-03-18T06:12:45.123","idMember":0,"idProspect":"","idEmployee":77,"#,
                r#""idBranch":12,"device":"Recep\u00e7\u00e3o","entryAction":null}"#,
            ),
            78_607_398_374_561,
        ),
        (
            concat!(
                r#"{"date":"2023-12-31T22:30:00","idMember":2,"idBranch":12,"#,
                r#""device":"Catraca 1","entryAction":"Entry"}"#,
            ),
            785_225_325_939_991,
        ),
    ] {
        assert_eq!(key(&entries(), line).unwrap().id, RowKey::Integer(id), "{line}");
    }
}

#[test]
fn a_number_in_a_digest_is_written_as_python_writes_it() {
    for (json, python) in [
        ("7", "7"),
        ("-0", ""),
        ("0.0", ""),
        ("1.50", "1.5"),
        ("1e5", "100000.0"),
        ("1e15", "1000000000000000.0"),
        ("1e16", "1e+16"),
        ("-1.5e300", "-1.5e+300"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("2.5e-300", "2.5e-300"),
        ("1e999", "inf"),
        ("true", "True"),
    ] {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        assert_eq!(python_text("n", Some(raw)).unwrap(), python, "{json}");
    }
}

#[test]
fn an_entry_without_a_usable_date_has_no_key() {
    for line in [
        r"{}",
        r#"{"date":null}"#,
        r#"{"date":""}"#,
        r#"{"date":"yesterday"}"#,
        r#"{"date":"2024-13-01T00:00:00"}"#,
        r#"{"date":5}"#,
    ] {
        assert!(key(&entries(), line).is_err(), "{line}");
    }
}

#[test]
fn of_several_fields_with_a_time_the_first_one_with_a_value_counts() {
    let fields: Vec<String> = ["id", "changed", "made"].map(str::to_owned).to_vec();
    let rule = KeyRule::Field("id".into(), KeyType::Integer);
    let reader = KeyReader { rule, fields, event: vec![1, 2], dates: Vec::new() };
    let of = |times: &str| key(&reader, &format!(r#"{{"id": 1{times}}}"#)).map(|key| key.event);
    let made = of(r#", "made": "2026-01-01T10:00:00""#);
    assert!(made.as_ref().is_ok_and(Option::is_some));
    for missing in ["null", r#""""#] {
        assert_eq!(of(&format!(r#", "changed": {missing}, "made": "2026-01-01T10:00:00""#)), made, "{missing}");
    }
    assert_eq!(of(r#", "changed": "2026-01-01T10:00:00", "made": "2025-01-01T10:00:00""#), made);
    for (times, reason) in [
        ("", "no key: changed and made are missing or null"),
        (r#", "changed": "soon", "made": "2026-01-01T10:00:00""#, "the key field changed is not a date and time"),
        (r#", "changed": "", "made": null"#, "the key field changed is not a date and time"),
    ] {
        assert_eq!(of(times).unwrap_err(), reason, "{times}");
    }
}

#[test]
fn a_number_as_a_date_is_the_text_of_its_digits() {
    let of = |date: &str| key(&entries(), &format!(r#"{{"date": {date}, "idMember": 7}}"#));
    assert_eq!(of("20240131").unwrap(), of("\"20240131\"").unwrap());
    for (date, reason) in [
        ("2.0240131e7", "the key field date is not a date and time"),
        ("20241331", "the key field date is not a date and time"),
        ("-20240131", "the key field date is not a date and time"),
        ("true", "the key field date is not a date and time"),
        ("null", "no key: date is missing, null or empty"),
    ] {
        assert_eq!(of(date).unwrap_err(), reason, "{date}");
    }
}

#[test]
fn an_integer_key_is_taken_as_it_is_and_nothing_else_is() {
    let reader = of_field(KeyType::Integer);
    assert_eq!(key(&reader, r#"{"id": 0}"#).unwrap().id, RowKey::Integer(0));
    assert_eq!(key(&reader, r#"{"id": 9223372036854775807}"#).unwrap().id, RowKey::Integer(i64::MAX));
    for line in [
        r"{}",
        r#"{"id": null}"#,
        r#"{"id": "7"}"#,
        r#"{"id": 1.5}"#,
        r#"{"id": 9223372036854775808}"#,
        r#"{"id": true}"#,
    ] {
        assert!(key(&reader, line).is_err(), "{line}");
    }
}

fn of_field(key_type: KeyType) -> KeyReader {
    let rule = KeyRule::Field("id".into(), key_type);
    KeyReader { rule, fields: vec!["id".into()], event: Vec::new(), dates: Vec::new() }
}

#[test]
fn a_text_key_is_a_text_as_it_is_written_or_an_integer() {
    let reader = of_field(KeyType::Text);
    let long = format!(r#"{{"id": "{}"}}"#, "é".repeat(500));
    for (line, id) in [
        (r#"{"id": "BR-1"}"#, "BR-1"),
        (r#"{"id": " a,b "}"#, " a,b "),
        (r#"{"id": "\u00e9\n"}"#, "é\n"),
        (r#"{"id": 7}"#, "7"),
        (r#"{"id": -7}"#, "-7"),
        (&long, &"é".repeat(500)),
    ] {
        assert_eq!(key(&reader, line).unwrap().id, RowKey::Text(id.into()), "{line}");
    }
    let too_long = format!(r#"{{"id": "{}x"}}"#, "é".repeat(500));
    let bad = [r"{}", r#"{"id": ""}"#, r#"{"id": 7.0}"#, r#"{"id": true}"#, r#"{"id": ["a"]}"#, too_long.as_str()];
    for line in bad {
        assert!(key(&reader, line).is_err(), "{line}");
    }
}

#[test]
fn a_uuid_may_be_written_in_capitals_and_without_hyphens() {
    let reader = of_field(KeyType::Uuid);
    let id = RowKey::Uuid(Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11));
    for text in ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11"] {
        assert_eq!(key(&reader, &format!(r#"{{"id": "{text}"}}"#)).unwrap().id, id);
    }
    for text in
        ["", "a0eebc99", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
    {
        assert!(key(&reader, &format!(r#"{{"id": "{text}"}}"#)).is_err(), "{text}");
    }
}

#[test]
fn several_fields_are_one_key_that_no_other_values_have() {
    let fields: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
    let reader = KeyReader { rule: KeyRule::Fields(fields.clone()), fields, event: Vec::new(), dates: Vec::new() };
    let of = |line: &str| key(&reader, line).map(|key| key.id.to_string());
    // select md5('4:BR-1,2:77,')::uuid
    assert_eq!(
        of(r#"{"a": "BR-1", "b": 77}"#).unwrap(),
        Uuid::from_bytes(Md5::digest("4:BR-1,2:77,").into()).to_string()
    );
    assert_eq!(of(r#"{"a": "BR-1", "b": "77"}"#), of(r#"{"a": "BR-1", "b": 77}"#));
    assert_ne!(of(r#"{"a": "x,1:y", "b": "z"}"#), of(r#"{"a": "x", "b": "y,1:z"}"#));
    for line in [r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#, r#"{"a": 1, "b": ""}"#, r#"{"a": 1, "b": [2]}"#] {
        assert!(of(line).is_err(), "{line}");
    }
}
