use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::*;
use crate::sandbox::ask::Ask;
use crate::sandbox::churn::Change;

const KEY: &[(&str, &str)] = &[("user-key", "sandbox-ploomes-key-not-a-secret")];

/// The members of an item that hold a value, without those that a link's name or an option's number stand in.
const HOLDERS: [&str; 11] = [
    "StringValue",
    "BigStringValue",
    "DecimalValue",
    "DateTimeValue",
    "BoolValue",
    "ObjectValueId",
    "UserValueId",
    "ContactValueId",
    "ProductValueId",
    "AttachmentItemValueId",
    "IntegerValue",
];

fn ask(world: &World, path: &str, query: &str) -> (u16, Value) {
    let answer = crate::sandbox::ploomes::answer(world, &Ask::of(path, query, KEY));
    (answer.status, answer.value())
}

/// All rows of a set, by key.
fn read(world: &World, path: &str, filter: &str, expand: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let last = all.last().map_or(0, |row| row["Id"].as_u64().unwrap());
        let query = format!("$filter=Id+gt+{last}{filter}&$orderby=Id&$top=50&$expand={expand}");
        let (status, page) = ask(world, path, &query);
        assert_eq!(status, 200, "{path}?{query}: {page}");
        match page["value"].as_array().unwrap().as_slice() {
            [] => return all,
            rows => all.extend_from_slice(rows),
        }
    }
}

fn custom_of(world: &World, entity: u64) -> Vec<Value> {
    let filter = format!("+and+EntityId+eq+{entity}+and+Dynamic+eq+true");
    read(world, "Fields", &filter, "Type,OptionsTable($expand=Options)")
}

fn deals(world: &World) -> Vec<Value> {
    read(world, "Deals", "", "OtherProperties")
}

/// The items of a key, with the id of their row.
fn items_of<'a>(rows: &'a [Value], key: &str) -> Vec<(&'a Value, &'a Value)> {
    let items = rows
        .iter()
        .flat_map(|row| row["OtherProperties"].as_array().unwrap().iter().map(|item| (&row["Id"], item)));
    items.filter(|(_, item)| item["FieldKey"] == key).collect()
}

/// Rows without the items of some keys.
fn without(mut rows: Vec<Value>, keys: &[&str]) -> Vec<Value> {
    for row in &mut rows {
        let items = row["OtherProperties"].as_array_mut().unwrap();
        items.retain(|item| !keys.contains(&item["FieldKey"].as_str().unwrap()));
    }
    rows
}

fn change(world: &mut World, change: Value) -> Value {
    let told = world.change_field(&serde_json::from_value(change).unwrap()).unwrap();
    serde_json::from_slice(&told).unwrap()
}

#[test]
fn the_list_tells_every_field() {
    let world = World::new(1, 50, &[]).with_fields(75);
    for entity in [1, 2, 4, 7, 10, 14, 20] {
        let fields = custom_of(&world, entity);
        assert_eq!(fields.len(), 75, "{entity}");
        let types: HashSet<(&str, bool)> = fields
            .iter()
            .map(|field| (field["Type"]["Name"].as_str().unwrap(), field["Multiple"] == true))
            .collect();
        assert_eq!(types.len(), TURN.len());
        for field in &fields {
            assert!(field["PropertyName"].is_null() && field["EntityId"] == entity);
            let listed = field["OptionsTable"]["Options"].as_array().map_or(0, Vec::len);
            assert_eq!(listed, if field["TypeId"] == 7 { 6 } else { 0 }, "{field}");
            let leads_to = json!({"Usuário": 24, "Cliente": 1, "Produto": 10});
            assert_eq!(field["SecondaryEntityId"], leads_to[field["Type"]["Name"].as_str().unwrap()]);
        }
    }
    let all = read(&world, "Fields", "", "");
    assert_eq!(all.len(), 7 * 75 + NATIVE.len());
    assert_eq!(
        all.iter().map(|field| field["Key"].to_string()).collect::<HashSet<_>>().len(),
        all.len()
    );
    let native: Vec<&Value> = all.iter().filter(|field| field["Dynamic"] == false).collect();
    assert!(native.len() == NATIVE.len() && native.iter().all(|field| field["PropertyName"].is_string()));
    assert!(
        all.iter()
            .all(|field| field.get("Type").is_none() && field.get("OptionsTable").is_none())
    );
    let bare = &read(&world, "Fields", "+and+TypeId+eq+7", "OptionsTable")[0];
    assert!(bare["OptionsTable"]["Name"].is_string() && bare["OptionsTable"].get("Options").is_none());
}

#[test]
fn a_value_stands_in_the_member_of_its_type() {
    let world = World::new(1, 400, &[]).with_fields(60);
    let fields: BTreeMap<String, Value> = custom_of(&world, 2)
        .into_iter()
        .map(|field| (field["Key"].as_str().unwrap().to_owned(), field))
        .collect();
    let (mut unknown, mut empty, mut choices, mut met) = (0, 0, 0, HashSet::new());
    let rows = deals(&world);
    for row in &rows {
        let mut seen = HashSet::new();
        for item in row["OtherProperties"].as_array().unwrap() {
            assert_eq!((&item["DealId"], item.as_object().unwrap().len()), (&row["Id"], 26));
            let held: Vec<&str> = HOLDERS.into_iter().filter(|holder| !item[*holder].is_null()).collect();
            let key = item["FieldKey"].as_str().unwrap();
            let Some(field) = fields.get(key) else {
                unknown += 1;
                continue;
            };
            assert_eq!(item["FieldId"], field["Id"]);
            let multiple = field["Multiple"] == true;
            let again = !seen.insert(key);
            assert!(multiple || !again, "{key} comes twice");
            choices += u64::from(again);
            let expected = match field["Type"]["Name"].as_str().unwrap() {
                _ if held.is_empty() => {
                    empty += 1;
                    continue;
                }
                "Opções" => vec!["ObjectValueId", "IntegerValue"],
                "Usuário" => vec!["UserValueId"],
                "Cliente" => vec!["ContactValueId"],
                "Produto" => vec!["ProductValueId"],
                "Anexo" => vec!["AttachmentItemValueId"],
                _ => vec![],
            };
            let plain = format!("{}Value", field["Type"]["NativeType"].as_str().unwrap());
            assert_eq!(held, if expected.is_empty() { vec![plain.as_str()] } else { expected });
            met.insert(key);
        }
    }
    assert_eq!(met.len(), 60);
    assert!(unknown > 5 && empty > 20 && choices > 100, "{unknown} {empty} {choices}");
    // What a link is called is the name of the row that it leads to.
    let user = rows[0]["OtherProperties"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["UserValueId"].is_u64());
    let user = user.unwrap();
    let found = read(&world, "Users", &format!("+and+Id+eq+{}", user["UserValueId"]), "");
    assert_eq!(found[0]["Name"], user["UserValueName"]);
}

#[test]
fn what_changes_shows_in_the_rows_and_in_nothing_else() {
    let mut world = World::new(3, 300, &[]).with_fields(14);
    let (before, listed) = (deals(&world), custom_of(&world, 2));
    let key = |place: usize| listed[place]["Key"].as_str().unwrap();

    let added = change(&mut world, json!({"action": "add", "entity": 2, "name": "Novo", "type": "integer"}));
    let new = added["Key"].as_str().unwrap();
    let now = deals(&world);
    let held = items_of(&now, new);
    assert!((20..200).contains(&held.len()), "{}", held.len());
    assert_eq!(without(now, &[new]), before);
    assert_eq!(custom_of(&world, 2).last(), Some(&added));

    let renamed = change(
        &mut world,
        json!({"action": "rename", "entity": 2, "field": 4, "name": "Outro nome"}),
    );
    assert_eq!(
        (renamed["Key"].as_str(), renamed["Name"].as_str()),
        (Some(key(4)), Some("Outro nome"))
    );
    assert_eq!(without(deals(&world), &[new]), before);

    let texts = |rows: &[Value]| -> HashSet<String> {
        let held = items_of(rows, key(2))
            .into_iter()
            .filter_map(|(_, item)| item["ObjectValueName"].as_str());
        held.map(str::to_owned).collect()
    };
    assert!(texts(&before).contains("Sul"));
    change(
        &mut world,
        json!({"action": "rename_option", "entity": 2, "field": key(2), "option": 0, "name": "Sul do país"}),
    );
    let after = texts(&deals(&world));
    assert!(after.contains("Sul do país") && !after.contains("Sul") && after.len() == texts(&before).len());

    let retyped = change(&mut world, json!({"action": "retype", "entity": 2, "field": 5, "type": "string"}));
    assert_eq!(retyped["Type"]["NativeType"], "String");
    change(&mut world, json!({"action": "remove", "entity": 2, "field": 6}));
    let now = deals(&world);
    let moved = items_of(&now, key(5));
    assert!(!moved.is_empty() && moved.iter().all(|(_, item)| item["IntegerValue"].is_null()));
    assert!(!items_of(&before, key(6)).is_empty() && items_of(&now, key(6)).is_empty());
    assert!(custom_of(&world, 2).iter().all(|field| field["Key"] != key(6)));
    let touched = [new, key(2), key(5), key(6)];
    assert_eq!(without(now.clone(), &touched), without(before, &touched));

    // Only a change of the row itself gives it other values.
    let id = now[7]["Id"].as_u64().unwrap();
    world.change("ploomes.deals", Change::Update(id)).unwrap();
    let later = deals(&world);
    assert_ne!(later[7]["OtherProperties"], now[7]["OtherProperties"]);
    assert!(later[..7] == now[..7] && later[8..] == now[8..]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut world = World::new(1, 20, &[]);
    for (wrong, why) in [
        (
            json!({"action": "rename", "entity": 2, "field": 4, "name": "x"}),
            "entity 2 has no custom field Place(4)",
        ),
        (
            json!({"action": "rename", "entity": 3, "field": 0, "name": "x"}),
            "entity 3 has no custom field",
        ),
        (
            json!({"action": "remove", "entity": 2, "field": "deal_title"}),
            "entity 2 has no custom field Key(\"deal_title\")",
        ),
        (
            json!({"action": "rename_option", "entity": 2, "field": 0, "name": "x"}),
            "has no options",
        ),
        (
            json!({"action": "rename_option", "entity": 2, "field": 2, "option": 6, "name": "x"}),
            "has no option 6",
        ),
        (
            json!({"action": "add", "entity": 3, "name": "x", "type": "string"}),
            "entity 3 has no custom fields",
        ),
        (
            json!({"action": "refuse", "table": "ploomes.users"}),
            "`ploomes.users` has no custom fields",
        ),
        (
            json!({"action": "refuse", "table": "ploomes.deals", "status": 500}),
            "expected 403 or 400",
        ),
    ] {
        let error = serde_json::from_value(wrong.clone())
            .map(|read| world.change_field(&read))
            .unwrap()
            .unwrap_err();
        assert!(error.contains(why), "{wrong}: {error}");
    }
    for wrong in [
        json!({"action": "vanish"}),
        json!({"action": "add", "entity": 2, "name": "x", "type": "blob"}),
    ] {
        assert!(serde_json::from_value::<FieldChange>(wrong).is_err());
    }
    assert!(!world.changed());
}

#[test]
fn custom_fields_are_refused_where_they_are_asked_for() {
    let mut world = World::new(1, 20, &[]);
    change(&mut world, json!({"action": "refuse", "table": "ploomes.deals"}));
    change(&mut world, json!({"action": "refuse", "table": "ploomes.orders", "status": 400}));
    let status = |world: &World, path: &str, query: &str| ask(world, path, query).0;
    assert_eq!(status(&world, "Deals", "$expand=OtherProperties&$top=1"), 403);
    assert_eq!(status(&world, "Orders", "$expand=Products,OtherProperties"), 400);
    assert_eq!(status(&world, "Deals", "$top=1"), 200);
    assert_eq!(status(&world, "Contacts", "$expand=OtherProperties"), 200);
    assert_eq!(status(&world, "Fields", ""), 200);
    change(&mut world, json!({"action": "refuse", "table": "ploomes.fields"}));
    assert_eq!(status(&world, "Fields", "$top=1"), 403);
    for table in ["ploomes.fields", "ploomes.deals"] {
        change(&mut world, json!({"action": "allow", "table": table}));
    }
    assert_eq!(status(&world, "Fields", ""), 200);
    assert_eq!(status(&world, "Deals", "$expand=OtherProperties"), 200);
}

#[test]
fn items_of_orders_and_quotes_have_fields_of_their_own() {
    let world = World::new(1, 40, &[]);
    for (path, parents, entity) in [("Orders@Products", "Orders", 20), ("Quotes@Products", "Quotes", 14)] {
        let keys: HashSet<String> = custom_of(&world, entity).iter().map(|field| field["Key"].to_string()).collect();
        let rows = read(&world, path, "", "OtherProperties");
        let held = rows[0]["OtherProperties"].as_array().unwrap();
        assert!(held.len() >= 4 && held.iter().all(|item| keys.contains(&item["FieldKey"].to_string())));
        let expand = "Products($expand=OtherProperties)";
        let nested: Vec<Value> = read(&world, parents, "", expand)
            .iter()
            .flat_map(|row| row["Products"].as_array().unwrap().clone())
            .collect();
        assert!(nested.contains(&rows[0]));
    }
}
